"""`manage.py irma_cleanup`: delete expired entries from the store. Run it about once a day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from irma_core.errors import ConfigurationError
from irma_transport import SystemClock
from irma_web_django.django_store import delete_expired
from irma_web_django.kept_callbacks import delete_expired_callbacks

__all__ = ["Command"]


class Command(BaseCommand):
    """Deletes expired entries. The command can safely run while the site runs."""

    help = "Deletes expired IRMA entries from the database."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Delete expired entries, and print how many.

        Raises:
            CommandError: The table is missing.
        """
        try:
            clock = SystemClock()
            count = delete_expired(clock) + delete_expired_callbacks(clock)
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Deleted {count} expired entries.")
