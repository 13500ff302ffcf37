"""`manage.py irma_replay_callbacks`: deliver callbacks that the site failed to handle."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from irma_backend.web_site import describe_failure, report_replay
from irma_core.errors import ConfigurationError, StoreError
from irma_web_django.irma_site import current_site

__all__ = ["Command"]


class Command(BaseCommand):
    """Passes stored callbacks to `IRMA["CALLBACK"]` again. It can run while the site runs."""

    help = (
        "Delivers the IRMA server's callbacks that did not reach IRMA['CALLBACK'], or for which "
        "it raised an error. Each callback is checked as if it had just arrived. The exit status "
        "is 1 if a callback could not be delivered."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Deliver the stored callbacks, oldest first, and print the result for each.

        Raises:
            CommandError: A callback could not be delivered, or a setting is wrong.
        """
        try:
            callbacks = current_site().callbacks
            if callbacks is None:
                raise CommandError('IRMA["CALLBACK"] is not set, so no callback is received')
            failure = report_replay(callbacks.replay(), self.stdout.write)
        except (ConfigurationError, StoreError) as error:
            raise CommandError(describe_failure(error)) from None
        if failure:
            raise CommandError(failure)
