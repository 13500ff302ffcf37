"""`manage.py irma_replay_callbacks`: deliver callbacks that the site failed to handle."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from irma_core.errors import ConfigurationError
from irma_web_django.irma_site import IrmaSite, current_site
from irma_web_django.kept_callbacks import kept, open_kept
from irma_web_django.models import IrmaCallback
from irma_web_django.tables import explaining_missing_tables

__all__ = ["Command"]

_DELIVERED = 204


class Command(BaseCommand):
    """Passes stored callbacks to `IRMA["CALLBACK"]` again. It is harmless while the site runs."""

    help = (
        "Delivers the callbacks of the IRMA server for which IRMA['CALLBACK'] raised an error, "
        "or which could not be brought to it. Each is checked as if it had just arrived. The exit "
        "status is 1 if one could not be delivered."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Deliver the stored callbacks, the oldest first, and print the result for each.

        Raises:
            CommandError: A callback could not be delivered, or a setting is wrong.
        """
        try:
            site = current_site()
            with explaining_missing_tables():
                entries = list(kept())
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        failed = 0
        for entry in entries:
            problem = self._deliver(site, entry)
            failed += problem is not None
            self.stdout.write(f"session {entry.session}: {problem or 'delivered'}")
        if failed:
            raise CommandError(f"{failed} of {len(entries)} callbacks could not be delivered")
        self.stdout.write(f"Delivered {len(entries)} callbacks.")

    @staticmethod
    def _deliver(site: IrmaSite, entry: IrmaCallback) -> str | None:
        """Deliver one callback, and return what went wrong."""
        if site.callbacks is None:
            return 'IRMA["CALLBACK"] is not set'
        post = open_kept(entry, sealer=site.sealer, now=site.now())
        if post is None:
            return "it is too old, or its sealing key is gone; irma_cleanup deletes it"
        url, body = post
        try:
            reply = site.callbacks.receive(
                "POST",
                url,
                {"content-type": "text/plain"},
                body,
                received_at=entry.received_at,
            )
        except Exception as error:  # noqa: BLE001  # the site's function may raise anything
            return f"{type(error).__name__} was raised"  # its text may have what was disclosed
        if reply.status != _DELIVERED:
            return f"it was refused: {reply.body.decode('utf-8', 'replace')}"
        entry.delete()
        return None
