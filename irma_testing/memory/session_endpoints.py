"""The calls at a session pointer's URL: those of the app, and those of the browser.

Belongs here: one function a call, on a copy of the session that is stored if it was changed. Does
not belong here: which path leads to it, and who may come by (`routes`). Source: irmago
`irmaserver/handle.go`.
"""

from __future__ import annotations

from typing import Any

import attrs

from irma_core.models.statuses import ProofStatus, SessionStatus
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import utc_now
from irma_testing.memory.app_messages import (
    DISCLOSURE,
    OPTIONS,
    SIGNATURE,
    read_commitments,
    read_message,
)
from irma_testing.memory.chaining import start_next
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.issuing import issue
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.proofs import Disclosure, commitment, read_disclosure
from irma_testing.memory.refusals import (
    ATTRIBUTES_EXPIRED,
    INVALID_PROOFS,
    INVALID_REQUEST,
    MALFORMED_INPUT,
    PROTOCOL_VERSION,
    UNAUTHORIZED_IN_SESSION,
    UNEXPECTED_REQUEST,
    Refusal,
    ServerCrash,
)
from irma_testing.memory.replies import empty_reply, header_of, json_reply
from irma_testing.memory.request_types import version_of
from irma_testing.memory.sessions import Session, new_pairing_code
from irma_testing.memory.shown import shown_options, shown_request
from irma_testing.memory.signatures import verify_signature
from irma_testing.memory.verifier import Verifier

__all__ = [
    "complete_pairing",
    "get_frontend_status",
    "get_request",
    "get_session",
    "post_commitments",
    "post_options",
    "post_proofs",
]

_OPTIONS_REQUEST = "https://irma.app/ld/request/frontendoptions/v1"
_LOWEST, _HIGHEST = (2, 8), (2, 8)
_PAIRING_METHODS = ("none", "pin")


def get_session(life: Lifecycle, session: Session, request: HttpRequest) -> HttpResponse:
    """Let an app connect; tell it what is asked, or the pairing code to show."""
    lowest = _version(header_of(request, "x-irma-minprotocolversion"))
    highest = _version(header_of(request, "x-irma-maxprotocolversion"))
    if session.status is not SessionStatus.INITIALIZED:
        raise Refusal(UNEXPECTED_REQUEST, "Session already started")
    life.mark_alive(session)
    if lowest > _HIGHEST or highest < _LOWEST or highest < lowest:
        raise life.fail(session, PROTOCOL_VERSION)
    session.client_authorization = header_of(request, "authorization")
    if not session.client_authorization:
        raise life.fail(session, UNAUTHORIZED_IN_SESSION, "No authorization header provided")
    said: dict[str, object] = {
        "@context": "https://irma.app/ld/request/client/v1",
        "protocolVersion": "2.8",
        "options": shown_options(session),
    }
    if session.pairing_code:
        life.move(session, SessionStatus.PAIRING)
    else:
        life.move(session, SessionStatus.CONNECTED)
        said["request"] = shown_request(session)
    return json_reply(said)


def get_request(_life: Lifecycle, session: Session, _request: HttpRequest) -> HttpResponse:
    """Tell a paired app what is asked."""
    return json_reply(shown_request(session))


def post_proofs(life: Lifecycle, session: Session, request: HttpRequest) -> HttpResponse:
    """Take a disclosure or a signature."""
    if session.request.kind == "issuing":
        raise Refusal(INVALID_REQUEST)
    is_signature = session.request.kind == "signing"
    sent = read_message(SIGNATURE if is_signature else DISCLOSURE, request.body)
    life.mark_alive(session)
    asked = (*session.request.disclose, *session.repeats)
    if is_signature:
        session.signature = SIGNATURE.write(sent)
        found = verify_signature(_verifier(life), session.request, asked, sent, session.nonce)
    else:
        given = read_disclosure(sent["proofs"] or (), sent["indices"] or (), session.nonce)
        found = _verifier(life).verify(
            session.request, asked, given, utc_now(life.clock).timestamp()
        )
    session.disclosed, session.proof_status = found
    return _finish(life, session, {})


def post_commitments(life: Lifecycle, session: Session, request: HttpRequest) -> HttpResponse:
    """Take what an app sends to be issued credentials, and issue them."""
    if session.request.kind != "issuing":
        raise ServerCrash("commitments in a session that issues nothing")
    sent = read_commitments(request.body)
    life.mark_alive(session)
    if sent is None:
        raise ServerCrash("commitments without any proof")
    given = _committed(life, session, sent)
    asked = (*session.request.disclose, *session.repeats)
    found = _verifier(life).verify(session.request, asked, given, utc_now(life.clock).timestamp())
    session.disclosed, session.proof_status = found
    if session.proof_status is ProofStatus.EXPIRED:
        raise life.fail(session, ATTRIBUTES_EXPIRED)
    if session.proof_status is not ProofStatus.VALID:
        raise life.fail(session, INVALID_PROOFS)
    issued = issue(session.request, life.scheme, life.revocations, utc_now(life.clock))
    return _finish(life, session, {"sigs": issued})


def get_frontend_status(_life: Lifecycle, session: Session, _request: HttpRequest) -> HttpResponse:
    """Tell the browser the status, and the session that follows."""
    said: dict[str, object] = {"status": session.status.value}
    if session.next_pointer is not None:
        said["nextSession"] = session.next_pointer
    return json_reply(said)


def post_options(_life: Lifecycle, session: Session, request: HttpRequest) -> HttpResponse:
    """Switch pairing on or off, before an app has connected."""
    asked = read_message(OPTIONS, request.body)
    if asked["@context"] != _OPTIONS_REQUEST:
        raise Refusal(MALFORMED_INPUT, "Not a frontend options request")
    if session.status is not SessionStatus.INITIALIZED:
        raise Refusal(
            UNEXPECTED_REQUEST,
            "Frontend options can only be updated when session is in initialized state",
        )
    method: str = asked["pairingMethod"]
    if method and method not in _PAIRING_METHODS:
        raise Refusal(UNEXPECTED_REQUEST, "Pairing method unknown")
    if method:
        session.pairing_code = new_pairing_code() if method == "pin" else ""
    return json_reply(shown_options(session))


def complete_pairing(life: Lifecycle, session: Session, _request: HttpRequest) -> HttpResponse:
    """Go on: the person typed the right code."""
    if session.status is not SessionStatus.PAIRING:
        raise Refusal(UNEXPECTED_REQUEST, "Pairing was not enabled")
    life.move(session, SessionStatus.CONNECTED)
    return empty_reply(204)


def _verifier(life: Lifecycle) -> Verifier:
    return Verifier(life.scheme, life.revocations.is_revoked)


def _finish(life: Lifecycle, session: Session, more: dict[str, Any]) -> HttpResponse:
    start_next(life, session)
    life.move(session, SessionStatus.DONE)
    assert session.proof_status is not None  # noqa: S101  # both callers have just set it
    said: dict[str, Any] = {"proofStatus": session.proof_status.value, **more}
    if session.next_pointer is not None:
        said["nextSession"] = session.next_pointer
    return json_reply(said)


def _committed(life: Lifecycle, session: Session, sent: dict[str, Any]) -> Disclosure:
    """Read the disclosure, and behind it the commitments, one a credential."""
    proofs, wanted = sent["combinedProofs"] or [], len(session.request.credentials)
    disclosing = len(proofs) - wanted
    if disclosing < 0:
        raise life.fail(session, MALFORMED_INPUT, "Received insufficient proofs")
    given = read_disclosure(proofs[:disclosing], sent["indices"] or (), session.nonce)
    fitting = [commitment(session.nonce, number) for number in range(wanted)]
    return given if proofs[disclosing:] == fitting else attrs.evolve(given, is_sound=False)


def _version(text: str) -> tuple[int, int]:
    try:
        value = parse_json(text.encode("utf-8", "surrogateescape"))
        return version_of(str(value or "") if value is None or isinstance(value, str) else text)
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None
