"""A pair of functions for each endpoint of the server: build a request, parse its response.

In the order of the server's interface. A framework author who has an HTTP stack needs nothing
else: send what a build function gives, follow no redirect, hand what comes to the parse function.

Every parse function raises `ServerRefusedError` where the server refuses, `RedirectError` where it
redirects, and `UnexpectedResponseError` where the response is none of an IRMA server's; what more
it raises is said at it. Source: IRMA documentation, "IRMA server API".
"""

from __future__ import annotations

import re

from irma_core.errors import (
    RedirectError,
    RequestError,
    ServerRefusedError,
    SessionMayExistError,
    UnexpectedResponseError,
)
from irma_core.json_text import JsonTextError, read_json, write_json
from irma_core.models.remote_errors import INTERNAL_ERROR
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
)
from irma_core.models.sessions import FrontendOptions, PairingMethod, SessionPackage
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.replies import json_reply, media_type, refuse, text_reply
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.sse import ServerSentEvent
from irma_core.tracebacks import boundary
from irma_core.wire.read_results import (
    read_frontend_options,
    read_session_package,
    read_session_result,
    read_status,
)
from irma_core.wire.values import WireError
from irma_core.wire.write_requests import write_request

__all__ = [
    "FRONTEND",
    "build_cancel_request",
    "build_complete_pairing_request",
    "build_getproof_request",
    "build_health_request",
    "build_pairing_request",
    "build_public_key_request",
    "build_result_jwt_request",
    "build_result_request",
    "build_revocation_jwt_request",
    "build_revocation_request",
    "build_start_jwt_request",
    "build_start_request",
    "build_status_events_request",
    "build_status_request",
    "is_event_stream",
    "parse_cancel_response",
    "parse_complete_pairing_response",
    "parse_getproof_response",
    "parse_health_response",
    "parse_pairing_response",
    "parse_public_key_response",
    "parse_result_jwt_response",
    "parse_result_response",
    "parse_revocation_response",
    "parse_start_response",
    "parse_status_event",
    "parse_status_response",
]


_START = "POST session"
_STATUS = "GET session/{token}/status"
_RESULT = "GET session/{token}/result"
_RESULT_JWT = "GET session/{token}/result-jwt"
_GETPROOF = "GET session/{token}/getproof"
_CANCEL = "DELETE session/{token}"
_PUBLIC_KEY = "GET publickey"
_REVOCATION = "POST revocation"
_HEALTH = "GET health"
_PAIRING = "POST frontend/options"
_COMPLETE_PAIRING = "POST frontend/pairingcompleted"

FRONTEND = frozenset({_PAIRING, _COMPLETE_PAIRING})
"""The paths of calls that a browser makes as well, at whichever URL the session's pointer has."""

_JSON = ("content-type", "application/json")
_TEXT = ("content-type", "text/plain")
_OPTIONS_CONTEXT = "https://irma.app/ld/request/frontendoptions/v1"
_JWT = re.compile(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PUBLIC_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\r\n -]*")
"""Nothing else: it may be printed on a terminal."""
_OK, _NO_CONTENT = 200, 204


@boundary
def build_start_request(
    server: ServerUrl,
    request: SessionRequest | ExtendedRequest,
    *,
    authorization: str | None = None,
) -> HttpRequest:
    """Start a session by a request in JSON.

    Args:
        server: The server.
        request: What to ask; make it ready by `resolve_request` first.
        authorization: With the server's method `token`, the token: bare, no `Binding`.

    Raises:
        RequestError: A credential's validity is still a duration.
    """
    headers = (_JSON,) if authorization is None else (_JSON, ("authorization", authorization))
    body = write_request(request).encode()
    return HttpRequest("POST", server.join("session"), label=_START, headers=headers, body=body)


@boundary
def build_start_jwt_request(server: ServerUrl, jwt: str) -> HttpRequest:
    """Start a session by a session request JWT; it is its own authentication.

    Raises:
        RequestError: The text has not the form of a JWT.
    """
    return HttpRequest(
        "POST", server.join("session"), label=_START, headers=(_TEXT,), body=_jwt_body(jwt)
    )


@boundary
def parse_start_response(response: HttpResponse) -> SessionPackage:
    """Parse the answer to either form of a start.

    Raises:
        SessionMayExistError: The response does not tell whether a session was made.
    """
    try:
        return json_reply(response, _START, read_session_package)
    except RedirectError:
        raise
    except UnexpectedResponseError as error:
        raise SessionMayExistError(f"HTTP {error.http_status} {error.reason}") from error
    except ServerRefusedError as error:
        if error.code == INTERNAL_ERROR:
            raise SessionMayExistError(f"HTTP {error.http_status} {error.code}") from error
        raise


@boundary
def build_status_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask how far a session is."""
    return _of_session("GET", server, token, "/status", _STATUS)


@boundary
def parse_status_response(response: HttpResponse) -> SessionStatus:
    """Parse a session's status."""
    return json_reply(response, _STATUS, read_status)


@boundary
def build_result_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask for a session's result; works at any status."""
    return _of_session("GET", server, token, "/result", _RESULT)


@boundary
def parse_result_response(response: HttpResponse) -> SessionResult:
    """Parse a session's result: what the server said, by the word of the connection alone."""
    return json_reply(response, _RESULT, read_session_result)


@boundary
def build_result_jwt_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask for a session's result as a JWT signed by the server; works at any status."""
    return _of_session("GET", server, token, "/result-jwt", _RESULT_JWT)


@boundary
def parse_result_jwt_response(response: HttpResponse) -> str:
    """Parse a result JWT: its text, not verified."""
    return _jwt_text(response, _RESULT_JWT)


@boundary
def build_getproof_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask for a session's result as a JWT of the older layout."""
    return _of_session("GET", server, token, "/getproof", _GETPROOF)


@boundary
def parse_getproof_response(response: HttpResponse) -> str:
    """Parse a JWT of the older layout: its text, not verified."""
    return _jwt_text(response, _GETPROOF)


@boundary
def build_cancel_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Cancel a session; at a finished one it changes nothing."""
    return _of_session("DELETE", server, token, "", _CANCEL)


@boundary
def parse_cancel_response(response: HttpResponse) -> None:
    """Parse the answer to a cancel: 200, and nothing in it."""
    if response.status != _OK:
        refuse(response, _CANCEL)
    if response.body.strip():
        # A page of a proxy, for instance: the server never saw the call.
        raise UnexpectedResponseError(_CANCEL, response.status, "with a body instead of none")


@boundary
def build_public_key_request(server: ServerUrl) -> HttpRequest:
    """Ask for the key that the server signs results with."""
    return HttpRequest("GET", server.join("publickey"), label=_PUBLIC_KEY)


@boundary
def parse_public_key_response(response: HttpResponse) -> str:
    """Parse the server's public key: PEM of a SubjectPublicKeyInfo."""
    text = text_reply(response, _PUBLIC_KEY, media_type=None)
    if not _PUBLIC_PEM.fullmatch(text):
        raise UnexpectedResponseError(_PUBLIC_KEY, response.status, "is no public key in PEM")
    return text


@boundary
def build_revocation_request(
    server: ServerUrl, request: RevocationRequest, *, authorization: str | None = None
) -> HttpRequest:
    """Revoke a credential by a request in JSON; `authorization` as in `build_start_request`."""
    headers = (_JSON,) if authorization is None else (_JSON, ("authorization", authorization))
    body = write_request(request).encode()
    url = server.join("revocation")
    return HttpRequest("POST", url, label=_REVOCATION, headers=headers, body=body)


@boundary
def build_revocation_jwt_request(server: ServerUrl, jwt: str) -> HttpRequest:
    """Revoke a credential by a JWT; it is its own authentication.

    Raises:
        RequestError: The text has not the form of a JWT.
    """
    url = server.join("revocation")
    return HttpRequest("POST", url, label=_REVOCATION, headers=(_TEXT,), body=_jwt_body(jwt))


@boundary
def parse_revocation_response(response: HttpResponse) -> None:
    """Parse the answer to a revocation: `OK`."""
    _expect_ok(response, _REVOCATION)


@boundary
def build_health_request(server: ServerUrl) -> HttpRequest:
    """Ask whether the server is up; servers since 0.15 answer."""
    return HttpRequest("GET", server.join("health"), label=_HEALTH)


@boundary
def parse_health_response(response: HttpResponse) -> None:
    """Parse the answer of a server that is up: `OK`."""
    _expect_ok(response, _HEALTH)


@boundary
def build_pairing_request(
    session: ServerUrl, authorization: FrontendAuthorization, method: PairingMethod
) -> HttpRequest:
    """Switch pairing on or off, as the browser does; only before an app has connected.

    Args:
        session: The session pointer's URL.
        authorization: Of the session's frontend request.
        method: How to pair; each `PIN` makes a new code.
    """
    body = write_json({"@context": _OPTIONS_CONTEXT, "pairingMethod": method.value}).encode()
    return HttpRequest(
        "POST",
        session.join("frontend/options"),
        label=_PAIRING,
        headers=(_JSON, ("authorization", authorization.reveal())),
        body=body,
    )


@boundary
def parse_pairing_response(response: HttpResponse) -> FrontendOptions:
    """Parse the options that now hold, with the pairing code if any."""
    return json_reply(response, _PAIRING, read_frontend_options)


@boundary
def build_complete_pairing_request(
    session: ServerUrl, authorization: FrontendAuthorization
) -> HttpRequest:
    """Say that the person typed the right code; arguments as in `build_pairing_request`."""
    return HttpRequest(
        "POST",
        session.join("frontend/pairingcompleted"),
        label=_COMPLETE_PAIRING,
        headers=(("authorization", authorization.reveal()),),
        body=b"",
    )


@boundary
def parse_complete_pairing_response(response: HttpResponse) -> None:
    """Parse the answer to a completed pairing: 204."""
    if response.status != _NO_CONTENT:
        refuse(response, _COMPLETE_PAIRING)


def _of_session(
    method: str, server: ServerUrl, token: RequestorToken, rest: str, label: str
) -> HttpRequest:
    return HttpRequest(method, server.join(f"session/{token.reveal()}{rest}"), label=label)


def _jwt_body(jwt: str) -> bytes:
    if not _JWT.fullmatch(jwt):
        raise RequestError("", "the text is no JWT")
    return jwt.encode("ascii")


def _jwt_text(response: HttpResponse, label: str) -> str:
    text = text_reply(response, label).rstrip("\n")
    if not _JWT.fullmatch(text):
        raise UnexpectedResponseError(label, response.status, "is no JWT")
    return text


def _expect_ok(response: HttpResponse, label: str) -> None:
    if text_reply(response, label, media_type=None).strip() != "OK":
        raise UnexpectedResponseError(label, response.status, "does not say OK")


_STATUS_EVENTS = "GET session/{token}/statusevents"
_EVENT_STREAM = "text/event-stream"


@boundary
def build_status_events_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask for a session's changes of status.

    Where `is_event_stream` says no to the response, there are no events to be had: poll.
    """
    url = server.join(f"session/{token.reveal()}/statusevents")
    return HttpRequest("GET", url, label=_STATUS_EVENTS, headers=(("accept", _EVENT_STREAM),))


@boundary
def is_event_stream(status: int, headers: tuple[tuple[str, str], ...]) -> bool:
    """Tell by a response's head whether it is the stream that was asked for."""
    return status == _OK and media_type(HttpResponse(status, headers)) == _EVENT_STREAM


@boundary
def parse_status_event(event: ServerSentEvent) -> SessionStatus:
    """Parse what one event of that stream says.

    Raises:
        UnexpectedResponseError: It says no status.
    """
    try:
        return read_status(read_json(event.data))
    except (JsonTextError, WireError):
        raise UnexpectedResponseError(
            _STATUS_EVENTS, _OK, "with an event that is not a session status"
        ) from None
