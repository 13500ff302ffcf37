"""`manage.py demo`: prepare everything that the shop needs, and run it."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prepares the database and the browser package, and runs the shop."""

    help = "Runs the shop and an IRMA server for development, on this machine."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prepare everything, and serve until Ctrl-C."""
        call_command("migrate", verbosity=0)
        call_command("irma_browser_package", settings.BASE_DIR / "cellar" / "static")
        call_command("irma_dev_server")
