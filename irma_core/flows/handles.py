"""Redeeming a handle: the answer of its session, once.

The order is the point. First the checks that need nobody, then the answer, so that a handle that
comes too early, or while the server is away, is not used up; then the store, which lets one of many
through; and only then the application gets the answer to work with.
"""

from __future__ import annotations

from hashlib import sha256

from irma_core.errors import HandleUsedError
from irma_core.flows.claims import CLOCKS_DIFFER
from irma_core.flows.effects import Flow, PutIfAbsent
from irma_core.flows.sessions import get_answer_flow
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.json_text import write_json
from irma_core.models.sessions import StartedSession
from irma_core.protocol.part_checks import check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.trust.handles import Bearer, HandleSealer, check_handle_sealer

__all__ = ["redeem_handle_flow"]


def redeem_handle_flow(
    wiring: Wiring,
    handle: str | bytes | None,
    *,
    sealer: HandleSealer,
    store: Store | AsyncStore,
    purpose: str,
    binding: str | Bearer | None,
) -> Flow[Answer]:
    """Give the answer of a handle's session, to the first who asks.

    It counts once a session and purpose, however many handles were sealed of it: all of them
    expire together, before the store forgets.

    Raises:
        UsageError: Another argument than the handle is not what it should be.
        HandleError: One of its subclasses: the handle is not to be taken.
        AnswerError: One of its subclasses: there is no answer, and the handle is not used up.
        StoreError: The store failed, and there is no answer: it may be used up.
        IrmaError: What `get_answer_flow` raises; the handle is not used up.
    """
    check_handle_sealer(sealer)
    check_store(store, is_async=wiring.is_async)
    now = utc_now(wiring.clock)
    session = sealer.unseal(handle, purpose=purpose, binding=binding, now=now)
    deadline = wiring.deadline()
    answer = yield from get_answer_flow(wiring, session, deadline)
    lifetime = sealer.lifetime + CLOCKS_DIFFER
    is_first = yield from PutIfAbsent(
        store, _key(session, purpose), b"redeemed", lifetime, deadline
    )
    if not is_first:
        raise HandleUsedError("the handle was redeemed before")
    return answer


def _key(session: StartedSession, purpose: str) -> str:
    # Neither token nor purpose: whoever reads the store shall learn nothing.
    return (
        "irma-handle:" + sha256(write_json([session.token.reveal(), purpose]).encode()).hexdigest()
    )
