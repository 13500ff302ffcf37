"""Callbacks that the site's function has not handled yet, stored in the database.

`irma_core.callbacks.kept_posts` says when a post is kept, and which parts of the post are kept.
`manage.py irma_replay_callbacks` delivers the stored posts later.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import TypeVar, final

from django.db import router
from django.db.models import QuerySet

from irma_core.callbacks.kept_posts import MOST_OF_A_URL, STORED_FOR, KeptPost
from irma_core.errors import StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Call, Flow
from irma_core.protocol.transport import Clock, utc_now
from irma_web_django.django_store import dropping_broken_connection
from irma_web_django.models import IrmaCallback
from irma_web_django.tables import explaining_missing_tables

__all__ = ["KeptInDatabase", "delete_expired_callbacks"]

ResultT = TypeVar("ResultT")


@final
class KeptInDatabase:
    """Keeps posts in the table `IrmaCallback`; see `KeptPosts`."""

    def put_flow(self, context: RequestorContext, post: KeptPost) -> Flow[KeptPost | None]:
        """Keep a post; see `KeptPosts.put_flow`."""
        return _call(context, partial(_put, post))

    def list_flow(
        self, context: RequestorContext
    ) -> Flow[tuple[list[KeptPost], StoreError | None]]:
        """Return the kept posts; see `KeptPosts.list_flow`."""
        return _call(context, partial(_list, context.clock))

    def holds_flow(self, context: RequestorContext, post: KeptPost) -> Flow[bool]:
        """Return whether `post.place` still contains this post; see `KeptPosts.holds_flow`."""
        return _call(context, _kept().filter(name=post.place, post=post.sealed).exists)

    def delete_flow(self, context: RequestorContext, post: KeptPost) -> Flow[None]:
        """Delete what is stored at `post.place`; see `KeptPosts.delete_flow`."""
        return _call(context, partial(_delete, post))


@explaining_missing_tables()
def delete_expired_callbacks(clock: Clock) -> int:
    """Delete posts that have been too old for delivery for at least a day; return their number.

    Raises:
        ConfigurationError: The table is missing.
        django.db.DatabaseError: The database failed.
    """
    return _delete_expired(clock)


def _call(context: RequestorContext, function: Callable[[], ResultT]) -> Flow[ResultT]:
    """Return a flow that makes one call to the database.

    Raises:
        ConfigurationError: The table is missing.
        StoreError: The database failed.
    """
    named = dropping_broken_connection()(explaining_missing_tables()(function))
    return iter(Call(named, context.deadline(), callee="database", failure=StoreError))


def _delete_expired(clock: Clock) -> int:
    oldest = (utc_now(clock) - STORED_FOR).astimezone(UTC).timestamp() * 1000
    return _kept().filter(received_ms__lt=int(oldest)).delete()[0]


def _list(clock: Clock) -> tuple[list[KeptPost], StoreError | None]:
    _delete_expired(clock)  # because this site may never run `manage.py irma_cleanup`
    return [_as_post(entry) for entry in _kept()], None


def _put(post: KeptPost) -> KeptPost | None:
    entries = _kept()
    if not post.is_verified:
        others = entries.filter(name__startswith=post.name_of_url).exclude(name=post.name)
        if others.count() >= MOST_OF_A_URL:
            return None
    new = {
        "session": post.session,
        "post": post.sealed,
        "received_ms": round(post.received_at.timestamp() * 1000),
    }
    return _as_post(entries.get_or_create(name=post.name, defaults=new)[0])


def _delete(post: KeptPost) -> None:
    _kept().filter(name=post.place).delete()


def _as_post(entry: IrmaCallback) -> KeptPost:
    return KeptPost(entry.name, entry.session, entry.received_at, entry.post, place=entry.name)


def _kept() -> QuerySet[IrmaCallback]:
    """Return the stored posts, oldest first."""
    entries = IrmaCallback.objects.using(router.db_for_write(IrmaCallback))
    return entries.order_by("received_ms")
