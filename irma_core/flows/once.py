"""Doing a thing once, among many who are told to do it: by a store.

Who puts the claim does it, and leaves a record of what came of it; the others wait for the record.
A claim expires by itself, so that a process that died in between keeps nobody from trying again:
it is once for all that can be helped, and twice rather than never. Belongs here: claims and
records. Does not belong here: what is done once.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.errors import PostRefusedError, StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Call, Flow, Sleep, delete_stored, get_stored, put_if_absent
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.stores import AsyncStore, Store

__all__ = ["CLOCKS_DIFFER", "OnceKey", "claim_or_wait_flow", "release_flow"]

_CLAIM_LIVES: Final = timedelta(minutes=1)
_SAFE_CLAIM_AGE: Final = timedelta(seconds=50)
"""By one's own clock, which is not the store's, and begins when the claim's answer is there."""
CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the clocks of processes that share a store may differ: what is sealed expires by the
clock of the process that opens it, and a record by the store's."""
_WAIT: Final = timedelta(milliseconds=50)


@final
@attrs.frozen
class OnceKey:
    """A thing that is done once.

    Args:
        store: Where its claim and its record are.
        key: Its name there, in which no secret can be read.
    """

    store: Store | AsyncStore = attrs.field(repr=False)
    key: str

    @classmethod
    def of_session(cls, store: Store | AsyncStore, what: str, token: RequestorToken) -> OnceKey:
        """Give what is done once for a session; `what` is a word without blanks."""
        return cls(store, f"irma-{what}:{sha256(token.reveal().encode()).hexdigest()}")

    def part(self, what: str) -> OnceKey:
        """Give another thing of the same session."""
        return OnceKey(self.store, f"{self.key}:{what}")

    def claim(self, deadline: float) -> Call[bool]:
        """Claim it; the answer is whether that succeeded."""
        return put_if_absent(self.store, self._claim, b"claimed", _CLAIM_LIVES, deadline)

    def record(self, record: bytes, lifetime: timedelta, deadline: float) -> Call[bool]:
        """Record that it was done, for longer than the text lives that leads to it.

        The claim stays, and expires.
        """
        return put_if_absent(self.store, self.key, record, lifetime + CLOCKS_DIFFER, deadline)

    def read_record(self, deadline: float) -> Call[bytes | None]:
        """Look for the record; None where it was not done, or not yet."""
        return get_stored(self.store, self.key, deadline)

    def release(self, deadline: float) -> Call[None]:
        """Give the claim up."""
        return delete_stored(self.store, self._claim, deadline)

    @property
    def _claim(self) -> str:
        return f"{self.key}:claim"


def claim_or_wait_flow(
    context: RequestorContext, once: OnceKey, deadline: float
) -> Flow[bytes | None]:
    """Claim it, or wait for the record of who did before.

    Returns:
        The record; None where it is the caller's to do, and then to record or to release.

    Raises:
        PostRefusedError: `busy`: it was neither done nor given up by the deadline.
        StoreError: The store failed.
    """
    by = context.deadline()  # the store's own; `deadline` says how long to wait for the others
    while True:
        is_mine = yield from once.claim(by)
        # After the claim: another's may have expired with the thing done.
        record = yield from once.read_record(by)
        if record is not None or is_mine:
            return record
        if context.seconds_left(deadline) <= 0:
            raise PostRefusedError("busy", "another post of this session is being dealt with")
        yield from Sleep(_WAIT)


def release_flow(context: RequestorContext, once: OnceKey, claimed_at: float) -> Flow[None]:
    """Give the claim up after a failure: the next one may try at once.

    `claimed_at` is on the monotonic clock. A claim that may have expired is left alone: it may be
    another's by now, who is doing the thing.
    """
    if context.clock.monotonic() - claimed_at >= _SAFE_CLAIM_AGE.total_seconds():
        return
    with suppress(StoreError):  # it expires all the same, and what went wrong before matters more
        yield from once.release(context.deadline())
