"""Telling the application how a session ended, once.

In this order: the claim, the application's function, the record, the status backend. So whoever
watches learns of the end when the application knows it, and a watch that is not told costs nobody
the answer. Where the function fails the claim is released and its error passes through. Belongs
here: what is told, and those steps. Does not belong here: how the end is learnt (`callbacks`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from functools import partial
from typing import TypeAlias, final

import attrs

from irma_core.errors import AnswerError, ConfigurationError
from irma_core.flows.claims import Once, claimed_flow, released_flow
from irma_core.flows.effects import Ask, Flow, PublishStatus
from irma_core.flows.sealed_urls import SealedAddress, Unsealed
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance
from irma_core.models.results import SessionResult
from irma_core.models.sessions import KeptSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.tracebacks import boundary

__all__ = ["CallbackSettings", "Deliver", "SessionEnd", "Telling", "tell_once_flow"]


@final
@boundary
@attrs.frozen
class SessionEnd:
    """How a session ended, as the application is told.

    Args:
        token: The session's requestor token, which the application got when it started it.
        status: The final status; `DONE` does not say that there is an answer.
        outcome: The answer, or why there is none.
    """

    token: RequestorToken
    status: SessionStatus
    _outcome: Answer | AnswerError = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        expected = "an Answer or an AnswerError"
        check_instance(self._outcome, (Answer, AnswerError), "outcome", expected)

    def get_answer(self) -> Answer:
        """Give what was proved, after every check; there is no other way to the attributes.

        Raises:
            AnswerError: One of its subclasses for each reason why there is no answer.
        """
        if isinstance(self._outcome, AnswerError):
            raise copy(self._outcome)  # each who raises one adds a traceback to it
        return self._outcome


Deliver: TypeAlias = Callable[[SessionEnd], Awaitable[None] | None]
"""The application's function. It is quick: the person's app waits for it."""


@final
@attrs.frozen
class CallbackSettings:
    """What receiving needs beside the requestor's wiring.

    Args:
        address: Where the server posts to.
        store: Knows what was delivered.
        deliver: The application's function.
    """

    address: SealedAddress
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deliver: Deliver = attrs.field(kw_only=True, repr=False)


@final
@attrs.frozen
class Telling:
    """What is told, and what for.

    Args:
        once: So that it is told once.
        unsealed: What was asked.
        result: A result that is believed.
        jwt: Its JWT, if it is signed.
    """

    once: Once
    unsealed: Unsealed
    result: SessionResult
    jwt: str | None = attrs.field(repr=False)

    def session_end(self) -> SessionEnd:
        """Give what the application is told."""
        result = self.result
        outcome: Answer | AnswerError
        try:
            outcome = result.answer_to(KeptSession(self.unsealed.request, result.token))
        except AnswerError as error:
            outcome = error
        return SessionEnd(result.token, result.status, outcome)


def tell_once_flow(
    wiring: Wiring, settings: CallbackSettings, telling: Telling, deadline: float
) -> Flow[SessionStatus]:
    """Tell the application unless it was told; give the status that it was told then or now."""
    once, status = telling.once, telling.result.status
    record = yield from claimed_flow(wiring, once, deadline)
    if record is not None:
        return _told(record)
    claimed_at = wiring.clock.monotonic()
    try:
        yield from Ask(partial(settings.deliver, telling.session_end()), wiring.deadline())
    except Exception:
        yield from released_flow(wiring, once, claimed_at)
        raise
    lifetime = telling.unsealed.lifetime
    yield from once.record(status.value.encode(), lifetime, wiring.deadline())
    if wiring.status_backend is not None:
        token, by = telling.result.token, wiring.deadline()
        yield from PublishStatus(wiring.status_backend, token, status, telling.jwt, by)
    return status


def _told(record: bytes) -> SessionStatus:
    for status in SessionStatus:
        if status.value.encode() == record:
            return status
    raise ConfigurationError("what the store has of this session was put there by another program")
