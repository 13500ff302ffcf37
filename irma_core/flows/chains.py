"""Following a chain: the answer of each of its sessions, from the first to the last.

The result of a session names the one that follows; what was asked in that one is in the store,
where it was put before the server was told of it. Belongs here: the step from one to the next. Does
not belong here: how a session is waited for (`watch`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.flows.chain_records import NextRecord, next_of
from irma_core.flows.effects import Flow
from irma_core.flows.giving_up import cancelled_flow, last_deadline
from irma_core.flows.sessions import check_asked
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_flag, check_timeout
from irma_core.models.session_requests import ExtendedRequest
from irma_core.models.sessions import AskedSession, KeptSession, StartedSession
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.part_checks import check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.trust.sealing import Sealer, check_sealer

__all__ = ["ChainState", "begin_chain", "leave_chain_flow", "next_answer_flow"]


@final
@attrs.frozen
class ChainState:
    """How far a chain was followed.

    Args:
        first: Its first session.
        sealer: Opens what was kept of those that follow.
        store: Where that is.
        deadline: By when it must be over, on the monotonic clock.
        keep_session: Whether a session that is not waited for any more is left as it is.
        last: The answer that was given last.
    """

    first: StartedSession
    sealer: Sealer = attrs.field(kw_only=True)
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deadline: float = attrs.field(kw_only=True)
    keep_session: bool = attrs.field(kw_only=True)
    last: Answer | None = attrs.field(default=None, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether no session follows the one whose answer was given last."""
        return self.last is not None and self.last.next_session is None


def begin_chain(
    wiring: Wiring,
    first: StartedSession,
    *,
    sealer: Sealer,
    store: Store | AsyncStore,
    timeout: timedelta,
    keep_session: bool = False,
) -> ChainState:
    """Begin to follow; the time runs from now, for all of the chain.

    Raises:
        UsageError: An argument is not what it should be.
    """
    check_asked(first)
    check_sealer(sealer)
    check_store(store, is_async=wiring.is_async)
    check_timeout(timeout, "timeout")
    check_flag(keep_session, "keep_session")
    return ChainState(
        first,
        sealer=sealer,
        store=store,
        deadline=wiring.deadline(timeout),
        keep_session=keep_session,
    )


def next_answer_flow(wiring: Wiring, state: ChainState) -> Flow[tuple[Answer, ChainState]]:
    """Wait for the end of the next session; give its answer, and the state to go on from.

    Raises:
        NobodyAnsweredError: The time was up.
        AnswerError: Another of its subclasses: the session has no answer, and the chain ends with
            it.
        ConfigurationError: The store does not know what was asked, or the sealer cannot read it.
        IrmaError: As `wait_for_answer_flow`; or the store failed.
    """
    session: AskedSession = state.first
    if state.last is not None and state.last.next_session is not None:
        session = yield from _next_session_flow(wiring, state, state.last, state.last.next_session)
    left = timedelta(seconds=wiring.seconds_left(state.deadline))
    answer = yield from wait_for_answer_flow(wiring, session, left, keep_session=state.keep_session)
    return answer, attrs.evolve(state, last=answer)


def leave_chain_flow(wiring: Wiring, state: ChainState) -> Flow[None]:
    """Cancel the session that runs when the caller stops to follow the chain, unless it is kept."""
    if state.last is not None and state.last.next_session is not None and not state.keep_session:
        yield from cancelled_flow(wiring, state.last.next_session)


def _next_session_flow(
    wiring: Wiring, state: ChainState, last: Answer, token: RequestorToken
) -> Flow[KeptSession]:
    try:
        stored = yield from next_of(state.store, last.token).look_up(
            max(state.deadline, last_deadline(wiring))
        )
        asked = _asked_after(last.token, stored, state.sealer, utc_now(wiring.clock))
    except GeneratorExit:
        raise  # nothing can be sent any more
    except BaseException:
        yield from leave_chain_flow(wiring, state)
        raise
    return KeptSession(asked, token)


def _asked_after(
    token: RequestorToken, stored: bytes | None, sealer: Sealer, now: datetime
) -> ExtendedRequest:
    record = stored and NextRecord.unseal(stored, sealer, token, now)
    asked = record.asked if record else None
    if asked is None:
        raise ConfigurationError(
            "the store does not know what was asked in the session that follows: give the one of "
            "the receiver that answers the server"
        )
    return asked
