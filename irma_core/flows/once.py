"""Use claims and records in a store to do an action only once, even if several processes try.

The process that puts its claim in the store first does the action, and stores a record of it. The
others wait for the record. A claim expires, so that a process that dies does not block the action
forever. The price is that the action is done twice in rare cases.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final, TypeVar, final

import attrs

from irma_core.errors import PostRefusedError, StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Call, Flow, Sleep, delete_stored, get_stored, put_if_absent
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.value_object import ValueObject

__all__ = [
    "CLOCK_SKEW",
    "OnceKey",
    "check_first_flow",
    "claim_or_record_flow",
    "claim_or_wait_flow",
    "release_flow",
    "release_on_error_flow",
]

ResultT = TypeVar("ResultT")
_CLAIM_LIFETIME: Final = timedelta(minutes=1)
_SAFE_CLAIM_AGE: Final = timedelta(seconds=50)
"""A claim older than this may have expired. We measure its age on our own clock, from the moment
when the store confirmed it. The limit is below `_CLAIM_LIFETIME` because the store's clock may
differ."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the clocks of processes that share a store may differ. A sealed value expires by the
clock of the process that opens it; a record expires by the store's clock."""
_POLL_INTERVAL: Final = timedelta(milliseconds=50)


@final
@attrs.frozen(eq=False, repr=False)
class OnceKey(ValueObject):
    """The store key of an action that must be done only once.

    Args:
        store: The store that contains the claim and the record.
        key: The key of the record in the store. It contains no secret.
    """

    store: Store | AsyncStore = attrs.field(repr=False)
    key: str

    @classmethod
    def of_session(cls, store: Store | AsyncStore, what: str, token: RequestorToken) -> OnceKey:
        """Return the key of the action `what`, which must be done only once per session."""
        return cls(store, f"irma-{what}:{sha256(token.reveal().encode()).hexdigest()}")

    def child(self, what: str) -> OnceKey:
        """Return the key of the action `what`, derived from this key."""
        return OnceKey(self.store, f"{self.key}:{what}")

    def claim(self, deadline: float) -> Call[bool]:
        """Put the claim in the store; return whether the caller now holds the claim."""
        return put_if_absent(self.store, self._claim, b"claimed", _CLAIM_LIFETIME, deadline)

    def record(self, record: bytes, lifetime: timedelta, deadline: float) -> Call[bool]:
        """Store the record for `lifetime`, plus the permitted difference between clocks.

        This does not delete the claim, which expires by itself.
        """
        return put_if_absent(self.store, self.key, record, lifetime + CLOCK_SKEW, deadline)

    def read_record(self, deadline: float) -> Call[bytes | None]:
        """Read the record; the result is None if the action has not been done yet."""
        return get_stored(self.store, self.key, deadline)

    def release(self, deadline: float) -> Call[None]:
        """Delete the claim from the store, so that the next process can claim the action."""
        return delete_stored(self.store, self._claim, deadline)

    @property
    def _claim(self) -> str:
        return f"{self.key}:claim"


def claim_or_wait_flow(
    context: RequestorContext, once: OnceKey, deadline: float
) -> Flow[bytes | None]:
    """Claim the action, or wait for the record from the process that claimed it earlier.

    Returns:
        The record; or None if the caller now holds the claim. The caller must then do the action,
        and record it or release the claim.

    Raises:
        PostRefusedError: `busy`: by the deadline, another process had neither stored a record nor
            released its claim.
        StoreError: The store failed.
    """
    return (yield from claim_or_record_flow(context, once, deadline))[1]


def claim_or_record_flow(
    context: RequestorContext, once: OnceKey, deadline: float
) -> Flow[tuple[bool, bytes | None]]:
    """Do what `claim_or_wait_flow` does, and also return whether the caller holds the claim.

    If there is a record and the caller holds the claim, no other process is still working on the
    action.
    """
    by = context.deadline()  # for the store; `deadline` limits the wait for other handlers
    while True:
        is_mine = yield from once.claim(by)
        # Read after the claim, because another process may have done the action and its claim may
        # have expired.
        reading = iter(once.read_record(by))
        if is_mine:
            reading = release_on_error_flow(context, once, reading)
        record = yield from reading
        if record is not None or is_mine:
            return is_mine, record
        if context.seconds_left(deadline) <= 0:
            raise PostRefusedError("busy", "another post for this session is being handled")
        yield from Sleep(_POLL_INTERVAL)


def check_first_flow(
    context: RequestorContext, first: OnceKey, token: RequestorToken, lifetime: timedelta
) -> Flow[None]:
    """Check that all posts to a URL name the same session; record the session of the first post.

    Args:
        context: The requestor's context.
        first: The store key of the record that names the URL's first session.
        token: The session that the current post names.
        lifetime: How long the URL is valid.

    Raises:
        PostRefusedError: `session`: an earlier post named another session.
        StoreError: The store failed.
    """
    name = sha256(token.reveal().encode()).hexdigest().encode()
    if (yield from first.record(name, lifetime, context.deadline())):
        return
    if (yield from first.read_record(context.deadline())) != name:
        raise PostRefusedError(
            "session", "the result of another session has already been posted to this URL"
        )


def release_on_error_flow(
    context: RequestorContext, once: OnceKey, flow: Flow[ResultT]
) -> Flow[ResultT]:
    """Run the flow of a claimed action; if the flow fails or is interrupted, release the claim."""
    claimed_at = context.clock.monotonic()
    try:
        return (yield from flow)
    except GeneratorExit:
        raise  # a destroyed flow cannot call the store
    except BaseException:
        # If a handler is cancelled or a worker has to end, the server's next post must not wait for
        # the claim to expire.
        yield from release_flow(context, once, claimed_at)
        raise


def release_flow(context: RequestorContext, once: OnceKey, claimed_at: float) -> Flow[None]:
    """Release a claim, so that the next process can try at once.

    `claimed_at` is when the claim was made, on the monotonic clock. The flow leaves a claim that
    may have expired alone, because another process may have claimed the action since then.
    """
    if context.clock.monotonic() - claimed_at >= _SAFE_CLAIM_AGE.total_seconds():
        return
    with suppress(StoreError):  # the claim expires anyway; the first failure matters more
        yield from once.release(context.deadline())
