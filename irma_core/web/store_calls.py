"""Call a store, and repeat the call while the store is briefly unavailable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from irma_core.errors import StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Call, Flow, Sleep, delete_stored, get_stored, put_if_absent
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.random_secrets import new_random_secret

__all__ = [
    "PATIENCE",
    "claim_flow",
    "claimed_at",
    "delete_flow",
    "get_flow",
    "new_claim",
    "put_flow",
]

ResultT = TypeVar("ResultT")
PATIENCE: Final = timedelta(seconds=10)
"""How long a call to a failing store is repeated. The time is short, because web servers end a
request after about 30 s.
"""
_FIRST_PAUSE: Final = timedelta(milliseconds=50)
_LONGEST_PAUSE: Final = timedelta(seconds=1)


def _repeated_flow(
    context: RequestorContext, make: Callable[[float], Call[ResultT]]
) -> Flow[ResultT]:
    """Repeat a call until it succeeds, or until the time `PATIENCE` has passed."""
    deadline = context.deadline(min(PATIENCE, context.call_timeout))
    pause = _FIRST_PAUSE
    while True:
        try:
            return (yield from make(deadline))
        except StoreError:
            # Between half and all of the pause, so that callers do not retry at the same time.
            wait = pause * (0.5 + context.jitter() / 2)
            if context.seconds_left(deadline) <= wait.total_seconds():
                raise
        yield from Sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)


def get_flow(context: RequestorContext, store: Store | AsyncStore, key: str) -> Flow[bytes | None]:
    """Return the value that the store has for a key, or None.

    Raises:
        StoreError: The store fails for longer than `PATIENCE`.
    """
    return _repeated_flow(context, partial(get_stored, store, key))


def delete_flow(context: RequestorContext, store: Store | AsyncStore, key: str) -> Flow[None]:
    """Delete a key from the store.

    Raises:
        StoreError: The store fails for longer than `PATIENCE`.
    """
    return _repeated_flow(context, partial(delete_stored, store, key))


def put_flow(
    context: RequestorContext,
    store: Store | AsyncStore,
    key: str,
    value: bytes,
    lifetime: timedelta,
) -> Flow[bool]:
    """Put a value under a key, unless the store already has a value for the key.

    Returns:
        Whether this call put the value. The result is also False if an earlier attempt by this call
        put the value, but the store's reply was lost.

    Raises:
        StoreError: The store fails for longer than `PATIENCE`. The value may have been put.
    """
    return _repeated_flow(context, partial(put_if_absent, store, key, value, lifetime))


def new_claim(now: datetime) -> str:
    """Return a unique value, with which one call can claim a key in the store."""
    return f"{now.timestamp()} {new_random_secret()}"


def claimed_at(claim: str) -> float:
    """Return when a claim was made, in seconds since 1970; zero if `claim` is not a claim."""
    try:
        return float(claim.partition(" ")[0])
    except ValueError:
        return 0.0


def claim_flow(
    context: RequestorContext,
    store: Store | AsyncStore,
    key: str,
    value: bytes,
    lifetime: timedelta,
) -> Flow[bytes | None]:
    """Claim a key of the store for this call, by putting a value that no other call uses.

    Returns:
        None if the caller now holds the claim; otherwise the value of the call that holds it.

    Raises:
        StoreError: The store fails for longer than `PATIENCE`. The claim may have been stored.
    """
    deadline = context.deadline(min(PATIENCE, context.call_timeout))
    while True:
        if (yield from put_flow(context, store, key, value, lifetime)):
            return None
        found = yield from get_flow(context, store, key)
        if found == value:
            return None  # an earlier attempt put it, and the reply was lost
        if found is not None:
            return found
        # The other claim was released between the two calls.
        if context.seconds_left(deadline) <= 0:
            raise StoreError("the store reports a key alternately as present and as absent")
        yield from Sleep(_FIRST_PAUSE)
