"""Handle the calls of apps and browsers to the URL of a session pointer.

Source: irmago `irmaserver/handle.go`.
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
from irma_testing.memory.app_messages import (
    DISCLOSURE,
    OPTIONS,
    SIGNATURE,
    read_commitments,
    read_message,
)
from irma_testing.memory.events import EventStream, Listener
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.issuing import issue_credentials
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.proofs import (
    Disclosure,
    Verifier,
    commitment,
    read_disclosure,
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
from irma_testing.memory.revocation_api import refuse_revocation_call
from irma_testing.memory.sessions import (
    CachedReply,
    Session,
    new_pairing_code,
    options_json,
    request_json,
)

__all__ = ["AppApi"]

_Call: TypeAlias = Callable[[Session, HttpRequest], HttpResponse]
_SESSION = re.compile(r"/session/([^/]+)(/.*)?")
_REVOCATION = re.compile(r"/revocation/(?:[^/]+|(?=/))(/.*)?")
_FRONTEND = "/frontend"
_EVENTS = ("/statusevents", "/frontend/statusevents")
_OPTIONS_CONTEXT = "https://irma.app/ld/request/frontendoptions/v1"
_PAIRING_METHODS = ("none", "pin")
_MIN_VERSION, _MAX_VERSION = (2, 8), (2, 8)
_REPLY_CACHE_SECONDS = 10.0


@final
class AppApi:
    """Handles the calls under `/irma`: those of browsers under `/frontend`, and those of apps.

    Each call works on a copy of the session; the copy is stored if the call has changed it.

    Args:
        life: The settings, sessions and events of the server.
        catch_up: Each event stream calls this function just before it is read.
    """

    def __init__(self, life: Lifecycle, catch_up: Callable[[], None]) -> None:
        self._life = life
        self._catch_up = catch_up
        # The calls that anyone may make. The browser's calls have been authorized already.
        self._calls: Mapping[tuple[str, str], _Call] = {
            ("DELETE", "/"): self._cancel,
            ("GET", "/status"): self._status,
            ("GET", "/frontend/status"): self._frontend_status,
            ("POST", "/frontend/options"): self._set_options,
            ("POST", "/frontend/pairingcompleted"): self._complete_pairing,
        }
        self._app_calls: Mapping[tuple[str, str], _Call] = {
            ("GET", "/"): self._connect,
            ("GET", "/request"): self._request,
            ("POST", "/commitments"): self._take_commitments,
            ("POST", "/proofs"): self._take_proofs,
        }
        self._paths = {path for _, path in (*self._calls, *self._app_calls)} | {*_EVENTS}

    def respond(self, path: str, request: HttpRequest) -> HttpResponse | EventStream:
        """Return the response to a request for this path, which is the part after `/irma`.

        Raises:
            Refusal: The server refuses the request.
            ServerCrash: The official server would crash on this request.
        """
        if revocation := _REVOCATION.fullmatch(path):
            return refuse_revocation_call(request.method, revocation[1] or "")
        match = _SESSION.fullmatch(path)
        if match is None:
            return _no_such_call(404)
        if request.method == "POST" and match[2] is None:
            return self._start_static(match[1])
        stored = self._find(match[1], request)
        rest = match[2] or "/"
        is_frontend = f"{rest}/".startswith(f"{_FRONTEND}/")
        if is_frontend and header_of(request, "authorization") != stored.frontend_authorization:
            raise Refusal(UNAUTHORIZED_IN_SESSION)
        if rest in _EVENTS and request.method == "GET":
            return self._subscribe(stored, "frontend" if is_frontend else "client")
        return self._call(stored, rest, request)

    def _start_static(self, name: str) -> HttpResponse:
        configured = self._life.settings.static_sessions.get(name)
        if configured is None:
            raise Refusal(INVALID_REQUEST, "unknown static session")
        try:
            session = self._life.start(read_static(configured), "")
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

    def _subscribe(self, stored: Session, listener: Listener) -> EventStream:
        session = self._life.store.look(stored)
        check_subscription(self._life, session)
        return self._life.events.subscribe(session, listener, self._life.store, self._catch_up)

    def _call(self, stored: Session, rest: str, request: HttpRequest) -> HttpResponse:
        check_size(request)
        key = (request.method, rest)
        if key in self._calls:
            call = self._calls[key]
            return self._life.store.change(
                stored, lambda session: with_refusals(lambda: call(session, request))
            )
        if key in self._app_calls:
            return self._life.store.change(
                stored, lambda session: self._call_as_app(session, rest, request)
            )
        return _no_such_call(405 if rest in self._paths else 404)

    def _call_as_app(self, session: Session, rest: str, request: HttpRequest) -> HttpResponse:
        message = request.body or b""
        path = urlsplit(request.url).path
        if (cached := self._cached_reply(session, path, message)) is not None:
            return cached

        def respond() -> HttpResponse:
            if rest != "/":
                _check_app(session, request)
            return self._app_calls[request.method, rest](session, request)

        response = with_refusals(respond)
        session.cached = CachedReply(path, message, response.status, response.body, session.status)
        return response

    def _cached_reply(self, session: Session, path: str, message: bytes) -> HttpResponse | None:
        """Return the last reply if this request, from any client, repeats the last request."""
        cached = session.cached
        if (
            cached is None
            or not cached.body
            or (cached.path, cached.message, cached.status) != (path, message, session.status)
            or session.last_active < self._life.clock.monotonic() - _REPLY_CACHE_SECONDS
        ):
            return None
        headers = (("content-type", "text/plain; charset=utf-8"),)
        return HttpResponse(cached.http_status, headers, body=cached.body)

    # The app's calls.

    def _connect(self, session: Session, request: HttpRequest) -> HttpResponse:
        """Let an app connect: return the session request, or the pairing code to show."""
        lowest = _version(header_of(request, "x-irma-minprotocolversion"))
        highest = _version(header_of(request, "x-irma-maxprotocolversion"))
        if session.status is not SessionStatus.INITIALIZED:
            raise Refusal(UNEXPECTED_REQUEST, "Session already started")
        self._life.mark_alive(session)
        if lowest > _MAX_VERSION or highest < _MIN_VERSION or highest < lowest:
            raise self._life.fail(session, PROTOCOL_VERSION)
        session.client_authorization = header_of(request, "authorization")
        if not session.client_authorization:
            message = "No authorization header provided"
            raise self._life.fail(session, UNAUTHORIZED_IN_SESSION, message)
        reply: dict[str, object] = {
            "@context": "https://irma.app/ld/request/client/v1",
            "protocolVersion": "2.8",
            "options": options_json(session),
        }
        if session.pairing_code:
            self._life.move(session, SessionStatus.PAIRING)
        else:
            self._life.move(session, SessionStatus.CONNECTED)
            reply["request"] = request_json(session)
        return json_reply(reply)

    def _request(self, session: Session, _request: HttpRequest) -> HttpResponse:
        return json_reply(request_json(session))

    def _take_proofs(self, session: Session, request: HttpRequest) -> HttpResponse:
        """Verify a disclosure or a signature, and end the session."""
        if session.request.kind == "issuing":
            raise Refusal(INVALID_REQUEST)
        is_signature = session.request.kind == "signing"
        message = read_message(SIGNATURE if is_signature else DISCLOSURE, request.body)
        self._life.mark_alive(session)
        if is_signature:
            session.signature = SIGNATURE.write(message)
            verified = self._verifier.verify_signature(
                session.request, session.condiscon, message, session.nonce
            )
        else:
            proofs, indices = message["proofs"] or (), message["indices"] or ()
            verified = self._verify(session, read_disclosure(proofs, indices, session.nonce))
        session.disclosed, session.proof_status = verified
        return self._finish(session, {})

    def _take_commitments(self, session: Session, request: HttpRequest) -> HttpResponse:
        """Verify the disclosure in an app's message, issue the credentials, end the session."""
        if session.request.kind != "issuing":
            raise ServerCrash("commitments in a session that issues nothing")
        message = read_commitments(request.body)
        self._life.mark_alive(session)
        if message is None:
            raise ServerCrash("commitments without any proof")
        disclosure = self._read_committed(session, message)
        session.disclosed, session.proof_status = self._verify(session, disclosure)
        if session.proof_status is ProofStatus.EXPIRED:
            raise self._life.fail(session, ATTRIBUTES_EXPIRED)
        if session.proof_status is not ProofStatus.VALID:
            raise self._life.fail(session, INVALID_PROOFS)
        credentials = issue_credentials(
            session.request, self._life.scheme, self._life.revocations, utc_now(self._life.clock)
        )
        return self._finish(session, {"sigs": credentials})

    @property
    def _verifier(self) -> Verifier:
        return Verifier(self._life.scheme, self._life.revocations.is_revoked)

    def _verify(
        self, session: Session, disclosure: Disclosure
    ) -> tuple[list[Any] | None, ProofStatus]:
        now = utc_now(self._life.clock).timestamp()
        return self._verifier.verify(session.request, session.condiscon, disclosure, now)

    def _read_committed(self, session: Session, message: dict[str, Any]) -> Disclosure:
        """Read the disclosure in a message that also has a commitment for each new credential."""
        proofs, count = message["combinedProofs"] or [], len(session.request.credentials)
        disclosing = len(proofs) - count
        if disclosing < 0:
            raise self._life.fail(session, MALFORMED_INPUT, "Received insufficient proofs")
        disclosure = read_disclosure(proofs[:disclosing], message["indices"] or (), session.nonce)
        expected = [commitment(session.nonce, number) for number in range(count)]
        if proofs[disclosing:] != expected:
            return attrs.evolve(disclosure, is_sound=False)
        return disclosure

    def _finish(self, session: Session, more: dict[str, Any]) -> HttpResponse:
        self._life.start_next(session)
        self._life.move(session, SessionStatus.DONE)
        assert session.proof_status is not None  # noqa: S101  # both callers have just set it
        reply: dict[str, Any] = {"proofStatus": session.proof_status.value, **more}
        if session.next_pointer is not None:
            reply["nextSession"] = session.next_pointer
        return json_reply(reply)

    # The calls that apps and browsers share, and the calls that only browsers make.

    def _cancel(self, session: Session, _request: HttpRequest) -> HttpResponse:
        self._life.cancel(session)
        return empty_reply()

    def _status(self, session: Session, _request: HttpRequest) -> HttpResponse:
        return json_reply(session.status.value)

    def _frontend_status(self, session: Session, _request: HttpRequest) -> HttpResponse:
        """Return the session's status, and the pointer to the next session if one has started."""
        reply: dict[str, object] = {"status": session.status.value}
        if session.next_pointer is not None:
            reply["nextSession"] = session.next_pointer
        return json_reply(reply)

    def _set_options(self, session: Session, request: HttpRequest) -> HttpResponse:
        """Switch pairing on or off, before an app has connected."""
        options = read_message(OPTIONS, request.body)
        if options["@context"] != _OPTIONS_CONTEXT:
            raise Refusal(MALFORMED_INPUT, "Not a frontend options request")
        if session.status is not SessionStatus.INITIALIZED:
            raise Refusal(
                UNEXPECTED_REQUEST,
                "Frontend options can only be updated when session is in initialized state",
            )
        method: str = options["pairingMethod"]
        if method and method not in _PAIRING_METHODS:
            raise Refusal(UNEXPECTED_REQUEST, "Pairing method unknown")
        if method:
            session.pairing_code = new_pairing_code() if method == "pin" else ""
        return json_reply(options_json(session))

    def _complete_pairing(self, session: Session, _request: HttpRequest) -> HttpResponse:
        """Let the app continue after the user has typed the right pairing code into the browser."""
        if session.status is not SessionStatus.PAIRING:
            raise Refusal(UNEXPECTED_REQUEST, "Pairing was not enabled")
        self._life.move(session, SessionStatus.CONNECTED)
        return empty_reply(204)


def _check_app(session: Session, request: HttpRequest) -> None:
    if session.status is SessionStatus.PAIRING:
        raise Refusal(PAIRING_REQUIRED)
    if session.status is not SessionStatus.CONNECTED:
        raise Refusal(UNEXPECTED_REQUEST, "Session not yet started or already finished")
    if session.client_authorization != header_of(request, "authorization"):
        raise Refusal(UNAUTHORIZED_IN_SESSION)


def _version(header: str) -> tuple[int, int]:
    try:
        value = parse_json(header.encode("utf-8", "surrogateescape"))
        is_string = value is None or isinstance(value, str)
        return version_of(str(value or "") if is_string else header)
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None


def _no_such_call(status: int) -> HttpResponse:
    return json_reply({"status": status, "error": INVALID_REQUEST.name}, status)
