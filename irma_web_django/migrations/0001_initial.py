"""The tables of the store and of accounts."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    """Creates the tables of the store and of accounts."""

    initial = True

    dependencies: ClassVar = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations: ClassVar = [
        migrations.CreateModel(
            name="IrmaEntry",
            fields=[
                (
                    "key",
                    models.CharField(
                        max_length=200, primary_key=True, serialize=False, verbose_name="key"
                    ),
                ),
                ("value", models.BinaryField(verbose_name="value")),
                ("expires_ms", models.BigIntegerField(db_index=True, verbose_name="expires")),
            ],
            options={
                "verbose_name": "IRMA store entry",
                "verbose_name_plural": "IRMA store entries",
            },
        ),
        migrations.CreateModel(
            name="IrmaAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "pseudonym",
                    models.CharField(max_length=43, unique=True, verbose_name="pseudonym"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="irma_accounts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "IRMA account",
                "verbose_name_plural": "IRMA accounts",
            },
        ),
    ]
