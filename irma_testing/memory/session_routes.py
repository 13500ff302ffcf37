"""Which path and method below `/irma/` lead to which call, and who may pass.

Belongs here: client tokens, authorizations, the order in which the official server looks at them,
and its memory of the last reply to an app. Source: irmago `irmaserver/api.go` (`HandlerFunc`) and
the middlewares in `irmaserver/helpers.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias, final
from urllib.parse import urlsplit

from irma_core.models.statuses import SessionStatus
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.memory import session_endpoints as calls
from irma_testing.memory.events import EventStream, Listener
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.refusals import (
    INVALID_REQUEST,
    MALFORMED_INPUT,
    PAIRING_REQUIRED,
    SESSION_UNKNOWN,
    UNAUTHORIZED,
    UNAUTHORIZED_IN_SESSION,
    UNEXPECTED_REQUEST,
    Refusal,
)
from irma_testing.memory.replies import empty_reply, header_of, json_reply, with_refusals
from irma_testing.memory.request_reading import read_static
from irma_testing.memory.requestor_endpoints import check_size, check_subscription
from irma_testing.memory.requestor_routes import is_token
from irma_testing.memory.revocation_routes import refuse_revocation_call
from irma_testing.memory.sessions import CachedReply, Session

__all__ = ["SessionRoutes"]

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
    ("GET", "/frontend/status"): calls.get_frontend_status,
    ("POST", "/frontend/options"): calls.post_options,
    ("POST", "/frontend/pairingcompleted"): calls.complete_pairing,
}
_APP_CALLS: Mapping[tuple[str, str], _Call] = {
    ("GET", "/"): calls.get_session,
    ("GET", "/request"): calls.get_request,
    ("POST", "/commitments"): calls.post_commitments,
    ("POST", "/proofs"): calls.post_proofs,
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
