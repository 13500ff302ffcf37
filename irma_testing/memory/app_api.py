"""The calls at a session pointer's URL: those of the app, and those of the browser.

Belongs here: one function a call, on a copy of the session that is stored if it was changed. Does
not belong here: which path leads to it, and who may come by (`routes`). Source: irmago
`irmaserver/handle.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final
from urllib.parse import urlsplit

import attrs

from irma_core.models.statuses import ProofStatus, SessionStatus
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import utc_now
from irma_testing.memory.app_client import (
    DISCLOSURE,
    OPTIONS,
    SIGNATURE,
    read_commitments,
    read_message,
)
from irma_testing.memory.events import EventStream, Listener
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.issuing import issue
from irma_testing.memory.lifecycle import Lifecycle, start_next
from irma_testing.memory.proofs import (
    Disclosure,
    Verifier,
    commitment,
    read_disclosure,
    verify_signature,
)
from irma_testing.memory.replies import (
    ATTRIBUTES_EXPIRED,
    INVALID_PROOFS,
    INVALID_REQUEST,
    MALFORMED_INPUT,
    PAIRING_REQUIRED,
    PROTOCOL_VERSION,
    SESSION_UNKNOWN,
    UNAUTHORIZED,
    UNAUTHORIZED_IN_SESSION,
    UNEXPECTED_REQUEST,
    Refusal,
    ServerCrash,
    empty_reply,
    header_of,
    json_reply,
    with_refusals,
)
from irma_testing.memory.request_types import version_of
from irma_testing.memory.requestor_api import check_size, check_subscription, is_token
from irma_testing.memory.requests import read_static
from irma_testing.memory.revocation_routes import refuse_revocation_call
from irma_testing.memory.sessions import (
    CachedReply,
    Session,
    new_pairing_code,
    shown_options,
    shown_request,
)

__all__ = [
    "SessionRoutes",
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


_Call: TypeAlias = Callable[[Lifecycle, Session, HttpRequest], HttpResponse]
_SESSION = re.compile(r"/session/([^/]+)(/.*)?")
_REVOCATION = re.compile(r"/revocation/(?:[^/]+|(?=/))(/.*)?")
_FRONTEND = "/frontend"
_EVENTS = ("/statusevents", "/frontend/statusevents")
_REMEMBERED = 10.0


def _get_status(_life: Lifecycle, session: Session, _request: HttpRequest) -> HttpResponse:
    return json_reply(session.status.value)


def _delete(life: Lifecycle, session: Session, _request: HttpRequest) -> HttpResponse:
    life.cancel(session)
    return empty_reply()


_CALLS: Mapping[tuple[str, str], _Call] = {
    ("DELETE", "/"): _delete,
    ("GET", "/status"): _get_status,
    ("GET", "/frontend/status"): get_frontend_status,
    ("POST", "/frontend/options"): post_options,
    ("POST", "/frontend/pairingcompleted"): complete_pairing,
}
_APP_CALLS: Mapping[tuple[str, str], _Call] = {
    ("GET", "/"): get_session,
    ("GET", "/request"): get_request,
    ("POST", "/commitments"): post_commitments,
    ("POST", "/proofs"): post_proofs,
}
_PATHS = frozenset(path for _, path in (*_CALLS, *_APP_CALLS)) | frozenset(_EVENTS)


def _nowhere(status: int) -> HttpResponse:
    return json_reply({"status": status, "error": INVALID_REQUEST.name}, status)


@final
class SessionRoutes:
    """The calls of apps and browsers, by path; arguments as in `RequestorRoutes`."""

    def __init__(self, life: Lifecycle, catch_up: Callable[[], None]) -> None:
        self._life = life
        self._catch_up = catch_up

    def respond(self, path: str, request: HttpRequest) -> HttpResponse | EventStream:
        """Find the call, and make it; the path is what follows `/irma`.

        Raises:
            Refusal: The server says no.
            ServerCrash: The official server falls over.
        """
        if revocation := _REVOCATION.fullmatch(path):
            return refuse_revocation_call(request.method, revocation[1] or "")
        found = _SESSION.fullmatch(path)
        if found is None:
            return _nowhere(404)
        if request.method == "POST" and found[2] is None:
            return self._start_static(found[1])
        stored = self._find(found[1], request)
        rest = found[2] or "/"
        if f"{rest}/".startswith(f"{_FRONTEND}/"):
            self._check_frontend(stored, request)
        if rest in _EVENTS and request.method == "GET":
            return self._subscribe(stored, is_frontend=rest.startswith(_FRONTEND))
        return self._call(stored, rest, request)

    def _start_static(self, name: str) -> HttpResponse:
        asked = self._life.settings.static_sessions.get(name)
        if asked is None:
            raise Refusal(INVALID_REQUEST, "unknown static session")
        try:
            session = self._life.start(read_static(asked), "")
        except Refusal as refusal:
            raise Refusal(MALFORMED_INPUT, refusal.message) from None
        return json_reply(self._life.pointer(session))

    def _find(self, client_token: str, request: HttpRequest) -> Session:
        if not is_token(client_token):
            raise Refusal(INVALID_REQUEST, "string did not pass input validation for clientToken")
        stored = self._life.store.find_by_client(client_token)
        if stored is None:
            raise Refusal(SESSION_UNKNOWN)
        host = header_of(request, "host") or urlsplit(request.url).netloc
        if stored.request.host and stored.request.host != host:
            raise Refusal(UNAUTHORIZED, "Host mismatch")
        return stored

    def _check_frontend(self, stored: Session, request: HttpRequest) -> None:
        if header_of(request, "authorization") != stored.frontend_authorization:
            raise Refusal(UNAUTHORIZED_IN_SESSION)

    def _subscribe(self, stored: Session, *, is_frontend: bool) -> EventStream:
        session = self._life.store.look(stored)
        check_subscription(self._life, session)
        listener: Listener = "frontend" if is_frontend else "client"
        return self._life.events.subscribe(session, listener, self._life.store, self._catch_up)

    def _call(self, stored: Session, rest: str, request: HttpRequest) -> HttpResponse:
        check_size(request)
        key = (request.method, rest)
        if key in _CALLS:
            call = _CALLS[key]
            return self._life.store.change(
                stored,
                lambda session: with_refusals(lambda: call(self._life, session, request)),
            )
        if key in _APP_CALLS:
            return self._life.store.change(
                stored, lambda session: self._call_as_app(session, _APP_CALLS[key], rest, request)
            )
        return _nowhere(405 if rest in _PATHS else 404)

    def _call_as_app(
        self, session: Session, call: _Call, rest: str, request: HttpRequest
    ) -> HttpResponse:
        message = request.body or b""
        path = urlsplit(request.url).path
        if (remembered := self._remembered(session, path, message)) is not None:
            return remembered

        def respond() -> HttpResponse:
            if rest != "/":
                _check_app(session, request)
            return call(self._life, session, request)

        response = with_refusals(respond)
        session.cached = CachedReply(path, message, response.status, response.body, session.status)
        return response

    def _remembered(self, session: Session, path: str, message: bytes) -> HttpResponse | None:
        """Give the last reply if it fits; whoever asks, as in the official server."""
        cached = session.cached
        if (
            cached is None
            or not cached.body
            or (cached.path, cached.message, cached.status) != (path, message, session.status)
            or session.last_active < self._life.clock.monotonic() - _REMEMBERED
        ):
            return None
        headers = (("content-type", "text/plain; charset=utf-8"),)
        return HttpResponse(cached.http_status, headers, body=cached.body)


def _check_app(session: Session, request: HttpRequest) -> None:
    if session.status is SessionStatus.PAIRING:
        raise Refusal(PAIRING_REQUIRED)
    if session.status is not SessionStatus.CONNECTED:
        raise Refusal(UNEXPECTED_REQUEST, "Session not yet started or already finished")
    if session.client_authorization != header_of(request, "authorization"):
        raise Refusal(UNAUTHORIZED_IN_SESSION)
