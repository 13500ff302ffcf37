"""Chained sessions: asking the requestor for the next one, and starting it.

Source: irmago `nextSession` and `startNext` in `irmaserver/handle.go`.
"""

from __future__ import annotations

from irma_core.models.statuses import ProofStatus
from irma_core.protocol.messages import HttpResponse
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.refusals import NEXT_SESSION, Refusal
from irma_testing.memory.request_checks import check_permissions
from irma_testing.memory.request_reading import read_start_request
from irma_testing.memory.sessions import Session
from irma_testing.memory.start_request import AttributeAsked, ConDisCon

__all__ = ["start_next"]

_OK, _NONE = 200, 204


def start_next(life: Lifecycle, session: Session) -> None:
    """Start the session that follows, if there is to be one.

    Raises:
        Refusal: `NEXT_SESSION`: the proofs do not hold, the requestor gave nothing usable, or it
            may not ask what it gave.
    """
    if session.request.next_url is None:
        return
    if session.proof_status is not ProofStatus.VALID:
        raise Refusal(NEXT_SESSION, "session in invalid state")
    response = life.posts.ask_next(session.request.next_url, session)
    if response is not None and response.status == _NONE:
        return
    following = _start(life, session, response)
    session.next_token = following.token
    session.next_pointer = life.pointer(following)


def _start(life: Lifecycle, session: Session, response: HttpResponse | None) -> Session:
    if response is None:
        raise Refusal(NEXT_SESSION, "Error type: transport")
    if response.status != _OK:
        raise Refusal(NEXT_SESSION, f"unexpected response, status {response.status}")
    try:
        request = read_start_request(response.body)
        check_permissions(life.settings, session.requestor, request, life.default_host)
        return life.start(
            request,
            session.requestor,
            repeats=_repeats(session),
            frontend_authorization=session.frontend_authorization,
        )
    except Refusal as refusal:
        raise Refusal(NEXT_SESSION, refusal.message) from None


def _repeats(session: Session) -> ConDisCon:
    """Give the condiscon of what was disclosed: the same values are to be shown again."""
    return tuple(
        (tuple(AttributeAsked(found["id"], found["rawvalue"]) for found in attributes or ()),)
        for attributes in session.disclosed or ()
    )
