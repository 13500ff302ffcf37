"""Handle the calls that a requestor's backend makes, by path.

Source: irmago `requestorserver/server.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import utc_now
from irma_testing.memory.authentication import authenticate_revocation, authenticate_start
from irma_testing.memory.events import EventStream
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.permissions import (
    check_callbacks,
    check_permissions,
    check_revocation,
)
from irma_testing.memory.replies import (
    EXCEPTION,
    INVALID_REQUEST,
    SESSION_UNKNOWN,
    SSE_DISABLED,
    UNEXPECTED_REQUEST,
    UNSUPPORTED,
    Refusal,
    empty_reply,
    json_reply,
    not_found,
    refusal_reply,
    text_reply,
)
from irma_testing.memory.results import getproof_claims, result_claims, result_json
from irma_testing.memory.session_request import StartRequest
from irma_testing.memory.sessions import Session

__all__ = ["RequestorApi", "check_size", "check_subscription", "is_token"]

_Call: TypeAlias = Callable[[HttpRequest], HttpResponse]
_SessionCall: TypeAlias = Callable[[str], HttpResponse]
_SESSION = re.compile(r"/session/([^/]+|(?=/))(/.*)?")
_EVENTS = "/statusevents"
# Like the official server's check, this pattern is not anchored.
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_MAX_BODY_BYTES = 10 << 20


@final
class RequestorApi:
    """Handles the calls that requestors make.

    Args:
        life: The settings, sessions and events of the server.
        on_started: Called with each session that a requestor starts.
        catch_up: Each event stream calls this function just before it is read.
    """

    def __init__(
        self,
        life: Lifecycle,
        on_started: Callable[[Session], None],
        catch_up: Callable[[], None],
    ) -> None:
        self._life = life
        self._on_started = on_started
        self._catch_up = catch_up
        self._calls: Mapping[str, tuple[str, _Call]] = {
            "/health": ("GET", lambda _request: text_reply("OK")),
            "/session": ("POST", self._start),
            "/session/": ("POST", self._start),
            "/publickey": ("GET", lambda _request: self._public_key()),
            "/revocation": ("POST", self._revoke),
        }
        self._session_calls: Mapping[str, tuple[str, _SessionCall]] = {
            "": ("DELETE", self._cancel),
            "/": ("DELETE", self._cancel),
            "/status": ("GET", self._status),
            "/result": ("GET", self._result),
            "/result-jwt": ("GET", lambda token: self._jwt(token, result_claims)),
            "/getproof": ("GET", lambda token: self._jwt(token, getproof_claims)),
        }

    def respond(self, path: str, request: HttpRequest) -> HttpResponse | EventStream:
        """Return the response to a request for this path.

        Raises:
            Refusal: The server refuses the request.
            ServerCrash: The official server would crash on this request.
        """
        if path in self._calls:
            method, call = self._calls[path]
            return call(request) if request.method == method else empty_reply(405)
        match = _SESSION.fullmatch(path)
        return self._call_session(match[1], match[2] or "", request) if match else not_found()

    def _call_session(
        self, token: str, rest: str, request: HttpRequest
    ) -> HttpResponse | EventStream:
        # The official server checks the token before the rest of the path.
        if not is_token(token):
            raise Refusal(
                INVALID_REQUEST, "string did not pass input validation for requestorToken"
            )
        if rest == _EVENTS:
            return self._events(token) if request.method == "GET" else empty_reply(405)
        if rest not in self._session_calls:
            return not_found()
        method, call = self._session_calls[rest]
        return call(token) if request.method == method else empty_reply(405)

    def _start(self, request: HttpRequest) -> HttpResponse:
        life = self._life
        check_size(request)
        requestor, session_request = authenticate_start(life.settings, request, utc_now(life.clock))
        check_permissions(life.settings, requestor, session_request, life.default_host)
        try:
            check_callbacks(life.settings, session_request)
            session = life.start(session_request, requestor)
        except Refusal as refusal:
            return _after_next_url_error(session_request, refusal_reply(refusal))
        self._on_started(session)
        return _after_next_url_error(session_request, self._session_package(session))

    def _session_package(self, session: Session) -> HttpResponse:
        frontend_request: dict[str, object] = {"authorization": session.frontend_authorization}
        if _recommends_pairing(session.request):
            frontend_request["pairingHint"] = True
        frontend_request |= {"minProtocolVersion": "1.0", "maxProtocolVersion": "1.1"}
        return json_reply(
            {
                "sessionPtr": self._life.pointer(session),
                "token": session.token,
                "frontendRequest": frontend_request,
            }
        )

    def _status(self, token: str) -> HttpResponse:
        return json_reply(self._look(token).status.value)

    def _result(self, token: str) -> HttpResponse:
        return json_reply(result_json(self._look(token)))

    def _jwt(self, token: str, claims_of: Callable[..., dict[str, object]]) -> HttpResponse:
        life = self._life
        if not life.settings.has_jwt_key:
            raise Refusal(EXCEPTION, "JWT signing not supported")
        claims = claims_of(self._look(token), life.settings.jwt_issuer, utc_now(life.clock))
        return text_reply(life.signer.sign(claims))

    def _events(self, token: str) -> EventStream | HttpResponse:
        stored = self._life.store.find(token)
        if stored is None:
            return refusal_reply(Refusal(UNSUPPORTED))
        session = self._life.store.look(stored)
        check_subscription(self._life, session)
        return self._life.events.subscribe(session, "requestor", self._life.store, self._catch_up)

    def _cancel(self, token: str) -> HttpResponse:
        """Cancel a session; a session that has ended does not change."""
        self._life.store.change(self._find(token), self._life.cancel, always=True)
        return empty_reply()

    def _public_key(self) -> HttpResponse:
        if not self._life.settings.has_jwt_key:
            raise Refusal(UNSUPPORTED)
        return text_reply(self._life.signer.public_key_pem, "text/plain; charset=utf-8")

    def _revoke(self, request: HttpRequest) -> HttpResponse:
        life = self._life
        check_size(request)
        requestor, revocation = authenticate_revocation(life.settings, request, utc_now(life.clock))
        check_revocation(life.settings, life.scheme, requestor, revocation.credential_type)
        life.revocations.revoke(revocation.credential_type, revocation.key, revocation.issued)
        return text_reply("OK")

    def _find(self, token: str) -> Session:
        session = self._life.store.find(token)
        if session is None:
            raise Refusal(SESSION_UNKNOWN)
        return session

    def _look(self, token: str) -> Session:
        return self._life.store.look(self._find(token))


def is_token(value: str) -> bool:
    """Return whether a string passes the official server's check of tokens."""
    return _TOKEN.search(value) is not None


def check_size(request: HttpRequest) -> None:
    """Raise `Refusal` if the body is larger than 10 MiB."""
    if len(request.body or b"") > _MAX_BODY_BYTES:
        raise Refusal(INVALID_REQUEST, "http: request body too large")


def check_subscription(life: Lifecycle, session: Session) -> None:
    """Raise `Refusal` unless events are enabled and the session can still change."""
    if not life.settings.enable_sse:
        raise Refusal(SSE_DISABLED)
    if session.status.is_final:
        raise Refusal(
            UNEXPECTED_REQUEST, "Can't subscribe to server sent events of finished session"
        )


def _after_next_url_error(request: StartRequest, reply: HttpResponse) -> HttpResponse:
    """Return the reply; if the URL of `nextSession` is empty, put an error before the reply.

    The official server writes that error and continues, so the body holds both.
    """
    if request.next_url != "":
        return reply
    error = refusal_reply(Refusal(INVALID_REQUEST, "nextSession provided with empty URL"))
    return HttpResponse(error.status, error.headers, body=error.body + reply.body)


def _recommends_pairing(request: StartRequest) -> bool:
    return (
        request.kind != "disclosing"
        or bool(request.next_url)
        or any(attribute.value is not None for attribute in request.attributes())
    )
