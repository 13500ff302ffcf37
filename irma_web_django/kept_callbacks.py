"""Callbacks that the site's function has not taken yet, kept in the database.

The IRMA server posts an outcome once, and repeats it only after a time-out. So a post is kept,
sealed, before the function runs, and deleted when it returns. If the function raises an error, or
the process ends, `manage.py irma_replay_callbacks` delivers the outcome later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, Final

from django.db import router
from django.db.models import QuerySet

from irma_core import Sealer, SessionOutcome
from irma_core.errors import HandleError
from irma_core.json_text import JsonValue
from irma_core.protocol.transport import Clock, utc_now
from irma_web_django.models import IrmaCallback
from irma_web_django.tables import explaining_missing_tables

__all__ = ["KEPT_FOR", "delete_expired_callbacks", "handling", "keeping", "kept", "open_kept"]

KEPT_FOR: Final = timedelta(days=7)
"""How long an outcome can be delivered; it may contain personal data."""
_PURPOSE: Final = "irma_web_django.callback"
_POST: Final[ContextVar[tuple[str, bytes] | None]] = ContextVar("irma_callback", default=None)


@contextmanager
def handling(url: str, body: bytes) -> Generator[None]:
    """Let `keeping` know which post is being handled."""
    token = _POST.set((url, body))
    try:
        yield
    finally:
        _POST.reset(token)


def keeping(
    function: Callable[[SessionOutcome], Any], *, sealer: Sealer, clock: Clock
) -> Callable[[SessionOutcome], Any]:
    """Return the site's function, whose post is kept until it returns.

    Args:
        function: Takes an outcome.
        sealer: Seals the posts.
        clock: The clock of the receiver.
    """

    @wraps(function)
    def deliver(outcome: SessionOutcome) -> Any:
        # Posts of a session that contradict each other are two outcomes.
        session = f"{outcome.token.reveal()} {outcome.status.value}"
        name = sha256(session.encode()).hexdigest()
        post, now = _POST.get(), utc_now(clock)
        if post is not None:
            value: JsonValue = [post[0], post[1].decode("ascii")]
            sealed = sealer.seal(value, purpose=_PURPOSE, now=now, lifetime=KEPT_FOR)
            entry = {
                "session": outcome.token.fingerprint,
                "post": sealed,
                "received_ms": int(now.timestamp() * 1000),
            }
            kept().get_or_create(name=name, defaults=entry)
        result = function(outcome)
        kept().filter(name=name).delete()
        return result

    return deliver


def kept() -> QuerySet[IrmaCallback]:
    """Return the posts that are kept, the oldest first."""
    entries = IrmaCallback.objects.using(router.db_for_write(IrmaCallback))
    return entries.order_by("received_ms")


def open_kept(entry: IrmaCallback, *, sealer: Sealer, now: datetime) -> tuple[str, str] | None:
    """Return the URL and the body of a post; None if it is too old, or its key is gone."""
    try:
        match sealer.unseal(entry.post, purpose=_PURPOSE, now=now):
            case [str() as url, str() as body]:
                return url, body
            case _:
                return None
    except HandleError:
        return None


@explaining_missing_tables()
def delete_expired_callbacks(clock: Clock) -> int:
    """Delete the posts that can no longer be delivered, and return how many there were.

    Raises:
        ConfigurationError: The table is missing.
        django.db.DatabaseError: The database failed.
    """
    oldest = (utc_now(clock) - KEPT_FOR).astimezone(UTC).timestamp() * 1000
    return kept().filter(received_ms__lt=int(oldest)).delete()[0]
