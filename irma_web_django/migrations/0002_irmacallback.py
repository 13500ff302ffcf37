"""The table of callbacks that have not been delivered yet."""

from typing import ClassVar

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    """Creates the table of undelivered callbacks."""

    dependencies: ClassVar = [("irma_web_django", "0001_initial")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="IrmaCallback",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64, unique=True, verbose_name="name")),
                ("session", models.CharField(max_length=40, verbose_name="session")),
                ("post", models.TextField(verbose_name="post")),
                ("received_ms", models.BigIntegerField(db_index=True, verbose_name="received")),
            ],
            options={
                "verbose_name": "IRMA callback",
                "verbose_name_plural": "IRMA callbacks",
            },
        ),
    ]
