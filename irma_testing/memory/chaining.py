"""Chained sessions: asking the requestor for the next one, and starting it.

Source: irmago `nextSession` and `startNext` in `irmaserver/handle.go`.
"""

from __future__ import annotations

from irma_core.models.statuses import ProofStatus
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.post_replies import request_in
from irma_testing.memory.refusals import NEXT_SESSION, Refusal
from irma_testing.memory.request_checks import check_permissions
from irma_testing.memory.request_reading import read_start_request
from irma_testing.memory.sessions import Session
from irma_testing.memory.start_request import AttributeAsked, ConDisCon, StartRequest

__all__ = ["start_next"]


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
    body = request_in(life.posts.ask_next(session.request.next_url, session))
    if body is None:
        return
    following = _start(life, session, body)
    session.next_token = following.token
    session.next_pointer = life.pointer(following)


def _start(life: Lifecycle, session: Session, body: bytes) -> Session:
    try:
        request = read_start_request(body)
        _check_authorized(life, session, request)
        return life.start(
            request,
            session.requestor,
            repeats=_repeats(session),
            frontend_authorization=session.frontend_authorization,
        )
    except Refusal as refusal:
        raise Refusal(NEXT_SESSION, refusal.message) from None


def _check_authorized(life: Lifecycle, session: Session, request: StartRequest) -> None:
    try:
        check_permissions(life.settings, session.requestor, request, life.default_host)
    except Refusal as refusal:
        message = f"next session not authorized: {refusal.message}"
        raise Refusal(NEXT_SESSION, message) from None


def _repeats(session: Session) -> ConDisCon:
    """Give the condiscon of what was disclosed: the same values are to be shown again."""
    return tuple(
        (tuple(AttributeAsked(found["id"], found["rawvalue"]) for found in attributes or ()),)
        for attributes in session.disclosed or ()
    )
