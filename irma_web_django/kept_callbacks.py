"""Callbacks that the site's function has not handled yet, stored in the database.

The IRMA server posts an outcome once, and repeats it only after a time-out. So a post is kept,
sealed, before the function runs, and deleted when it returns. A post is also kept if it could not
be passed to the function, for example because a verifier of signatures failed.
`manage.py irma_replay_callbacks` delivers the stored posts later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import wraps
from hashlib import sha256
from time import sleep
from typing import Any, Final, final

import attrs
from django.db import DatabaseError, InterfaceError, router
from django.db.models import QuerySet

from irma_core import Sealer, SessionOutcome
from irma_core.errors import HandleError
from irma_core.json_text import JsonValue
from irma_core.protocol.transport import Clock, utc_now
from irma_web_django.django_store import dropping_broken_connection
from irma_web_django.models import IrmaCallback
from irma_web_django.tables import explaining_missing_tables

__all__ = [
    "KEPT_FOR",
    "delete_expired_callbacks",
    "keeping",
    "keeping_if_it_fails",
    "kept",
    "open_kept",
]

KEPT_FOR: Final = timedelta(days=7)
"""How long an outcome can be delivered; it may contain personal data."""
_PURPOSE: Final = "irma_web_django.callback"
_UNKNOWN: Final = "unknown"
_MOST_OF_A_URL: Final = 4
"""So that a stranger who has read a URL in a log cannot fill the database."""
_DIGITS: Final = 32
_PAUSES: Final = (0.1, 0.3, 0.7, 1.4)
"""Seconds between tries to keep a post. The person's app waits some four seconds for the reply."""


@final
@attrs.define
class _Post:
    """A post that is being handled, and whether it is still to be kept if that fails."""

    url: str = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    is_open: bool = True

    @property
    def name_of_url(self) -> str:
        return sha256(self.url.encode("utf-8", "replace")).hexdigest()[:_DIGITS]

    @property
    def name(self) -> str:
        return self.name_of_url + sha256(self.body).hexdigest()[:_DIGITS]

    def keep(self, name: str, session: str, *, sealer: Sealer, now: datetime) -> None:
        value: JsonValue = [self.url, self.body.decode("ascii")]
        entry = {
            "session": session,
            "post": sealer.seal(value, purpose=_PURPOSE, now=now, lifetime=KEPT_FOR),
            "received_ms": int(now.timestamp() * 1000),
        }
        kept().get_or_create(name=name, defaults=entry)
        self.is_open = False


_POST: Final[ContextVar[_Post | None]] = ContextVar("irma_callback", default=None)


@contextmanager
def keeping_if_it_fails(url: str, body: bytes, *, sealer: Sealer, clock: Clock) -> Generator[None]:
    """Keep the post that a block passes to a receiver, if the receiver raises an error.

    A receiver refuses a post with an unknown URL without raising an error.

    Raises:
        django.db.DatabaseError: The post could not be kept; the context is the receiver's error.
    """
    post = _Post(url, body)
    token = _POST.set(post)
    try:
        yield
    except Exception:
        if post.is_open and post.body.isascii():  # as each JWT is
            _keep_unverified(post, sealer=sealer, now=utc_now(clock))
        raise
    finally:
        _POST.reset(token)


def _keep_unverified(post: _Post, *, sealer: Sealer, now: datetime) -> None:
    """Keep a post, even if the database is down for a moment, as it may be why the receiver failed.

    Raises:
        django.db.DatabaseError: The database stays down.
    """
    for pause in (*_PAUSES, None):
        try:
            with dropping_broken_connection():
                others = kept().filter(name__startswith=post.name_of_url)
                if others.count() < _MOST_OF_A_URL:
                    post.keep(post.name, _UNKNOWN, sealer=sealer, now=now)
                return
        except (DatabaseError, InterfaceError):
            if pause is None:
                raise
            sleep(pause)


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
        # Contradictory posts for a session are two outcomes.
        session = f"{outcome.token.reveal()} {outcome.status.value}"
        name, post = sha256(session.encode()).hexdigest(), _POST.get()
        if post is not None:
            post.keep(name, outcome.token.fingerprint, sealer=sealer, now=utc_now(clock))
        result = function(outcome)
        kept().filter(name=name).delete()
        return result

    return deliver


def kept() -> QuerySet[IrmaCallback]:
    """Return the stored posts, the oldest first."""
    entries = IrmaCallback.objects.using(router.db_for_write(IrmaCallback))
    return entries.order_by("received_ms")


def open_kept(entry: IrmaCallback, *, sealer: Sealer, now: datetime) -> tuple[str, str] | None:
    """Return the URL and the body of a post; None if it is too old, or its key was removed."""
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
