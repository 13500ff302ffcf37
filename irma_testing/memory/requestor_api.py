"""The calls of a requestor's backend.

Belongs here: one function a call. Does not belong here: which path leads to it (`routes`). Source:
irmago `requestorserver/server.go`.
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

__all__ = [
    "RequestorRoutes",
    "check_size",
    "check_subscription",
    "delete_session",
    "get_getproof",
    "get_public_key",
    "get_result",
    "get_result_jwt",
    "get_status",
    "get_status_events",
    "is_token",
    "post_revocation",
    "post_session",
]


_LARGEST_BODY = 10 << 20


def post_session(life: Lifecycle, request: HttpRequest) -> tuple[HttpResponse, Session | None]:
    """Start a session; give the session package, and the session if it was started."""
    check_size(request)
    requestor, asked = authenticate_start(life.settings, request, utc_now(life.clock))
    check_permissions(life.settings, requestor, asked, life.default_host)
    try:
        check_callbacks(life.settings, asked)
        session = life.start(asked, requestor)
    except Refusal as refusal:
        return _behind_empty_url(asked, refusal_reply(refusal)), None
    package = json_reply(
        {
            "sessionPtr": life.pointer(session),
            "token": session.token,
            "frontendRequest": {
                "authorization": session.frontend_authorization,
                **({"pairingHint": True} if _advises_pairing(asked) else {}),
                "minProtocolVersion": "1.0",
                "maxProtocolVersion": "1.1",
            },
        }
    )
    return _behind_empty_url(asked, package), session


def _behind_empty_url(asked: StartRequest, reply: HttpResponse) -> HttpResponse:
    """Give the reply; where `nextSession` has an empty URL, the error about that comes before it.

    The official server writes the error, and goes on.
    """
    if asked.next_url != "":
        return reply
    error = refusal_reply(Refusal(INVALID_REQUEST, "nextSession provided with empty URL"))
    return HttpResponse(error.status, error.headers, body=error.body + reply.body)


def get_status(life: Lifecycle, token: str) -> HttpResponse:
    """Tell the status."""
    return json_reply(_look(life, token).status.value)


def get_result(life: Lifecycle, token: str) -> HttpResponse:
    """Tell the result."""
    return json_reply(result_json(_look(life, token)))


def get_result_jwt(life: Lifecycle, token: str) -> HttpResponse:
    """Tell the result, signed."""
    return _signed(life, token, result_claims)


def get_getproof(life: Lifecycle, token: str) -> HttpResponse:
    """Tell the result, signed, in the older layout."""
    return _signed(life, token, getproof_claims)


def get_status_events(
    life: Lifecycle, token: str, catch_up: Callable[[], None]
) -> EventStream | HttpResponse:
    """Begin to tell statuses as they change."""
    stored = life.store.find(token)
    if stored is None:
        return refusal_reply(Refusal(UNSUPPORTED))
    session = life.store.look(stored)
    check_subscription(life, session)
    return life.events.subscribe(session, "requestor", life.store, catch_up)


def check_subscription(life: Lifecycle, session: Session) -> None:
    """Check that there are events, and any to come.

    Raises:
        Refusal: There are not.
    """
    if not life.settings.enable_sse:
        raise Refusal(SSE_DISABLED)
    if session.status.is_final:
        raise Refusal(
            UNEXPECTED_REQUEST, "Can't subscribe to server sent events of finished session"
        )


def delete_session(life: Lifecycle, token: str) -> HttpResponse:
    """Cancel a session; one that has ended stays as it is."""
    life.store.change(_find(life, token), life.cancel, always=True)
    return empty_reply()


def get_public_key(life: Lifecycle) -> HttpResponse:
    """Tell the key that results are signed with."""
    if not life.settings.has_jwt_key:
        raise Refusal(UNSUPPORTED)
    return text_reply(life.signer.public_key_pem, "text/plain; charset=utf-8")


def post_revocation(life: Lifecycle, request: HttpRequest) -> HttpResponse:
    """Revoke a credential."""
    check_size(request)
    requestor, asked = authenticate_revocation(life.settings, request, utc_now(life.clock))
    check_revocation(life.settings, life.scheme, requestor, asked.credential_type)
    life.revocations.revoke(asked.credential_type, asked.key, asked.issued)
    return text_reply("OK")


def check_size(request: HttpRequest) -> None:
    """Check that a body is not over 10 MiB.

    Raises:
        Refusal: It is.
    """
    if len(request.body or b"") > _LARGEST_BODY:
        raise Refusal(INVALID_REQUEST, "http: request body too large")


def _find(life: Lifecycle, token: str) -> Session:
    session = life.store.find(token)
    if session is None:
        raise Refusal(SESSION_UNKNOWN)
    return session


def _look(life: Lifecycle, token: str) -> Session:
    return life.store.look(_find(life, token))


def _signed(life: Lifecycle, token: str, claims: Callable[..., dict[str, object]]) -> HttpResponse:
    if not life.settings.has_jwt_key:
        raise Refusal(EXCEPTION, "JWT signing not supported")
    session = _look(life, token)
    said = claims(session, life.settings.jwt_issuer, utc_now(life.clock))
    return text_reply(life.signer.sign(said))


def _advises_pairing(request: StartRequest) -> bool:
    return (
        request.kind != "disclosing"
        or bool(request.next_url)
        or any(asked.value is not None for asked in request.attributes())
    )


_Call: TypeAlias = Callable[[HttpRequest], HttpResponse]
_SessionCall: TypeAlias = Callable[[Lifecycle, str], HttpResponse]
# Unanchored, as the official server's check.
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_SESSION = re.compile(r"/session/([^/]+|(?=/))(/.*)?")
_EVENTS = "/statusevents"
_OF_SESSION: Mapping[str, tuple[str, _SessionCall]] = {
    "": ("DELETE", delete_session),
    "/": ("DELETE", delete_session),
    "/status": ("GET", get_status),
    "/result": ("GET", get_result),
    "/result-jwt": ("GET", get_result_jwt),
    "/getproof": ("GET", get_getproof),
}


def is_token(text: str) -> bool:
    """Tell whether a text passes the official server's check of tokens."""
    return _TOKEN.search(text) is not None


@final
class RequestorRoutes:
    """The requestor's calls, by path.

    Args:
        life: The inside of the server.
        on_started: Is told of each session that a requestor has started.
        catch_up: What streams do before they are read.
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
            "/publickey": ("GET", lambda _request: get_public_key(life)),
            "/revocation": ("POST", lambda request: post_revocation(life, request)),
        }

    def respond(self, path: str, request: HttpRequest) -> HttpResponse | EventStream:
        """Find the call, and make it.

        Raises:
            Refusal: The server says no.
        """
        if path in self._calls:
            method, call = self._calls[path]
            return call(request) if request.method == method else empty_reply(405)
        found = _SESSION.fullmatch(path)
        return self._of_session(found[1], found[2] or "", request) if found else not_found()

    def _start(self, request: HttpRequest) -> HttpResponse:
        response, session = post_session(self._life, request)
        if session is not None:
            self._on_started(session)
        return response

    def _of_session(
        self, token: str, rest: str, request: HttpRequest
    ) -> HttpResponse | EventStream:
        # The token is looked at before the rest of the path.
        if not is_token(token):
            raise Refusal(
                INVALID_REQUEST, "string did not pass input validation for requestorToken"
            )
        if rest == _EVENTS and request.method == "GET":
            return get_status_events(self._life, token, self._catch_up)
        if rest not in _OF_SESSION:
            return empty_reply(405) if rest == _EVENTS else not_found()
        method, call = _OF_SESSION[rest]
        return call(self._life, token) if request.method == method else empty_reply(405)
