"""Two functions for each endpoint: one builds the request, the other parses the response.

The endpoints are in the order of the server's documentation. Framework authors who have their own
HTTP stack need nothing else: send the request, follow no redirects, and pass the response to the
parse function.

Every parse function raises `ServerRefusedError` if the server refuses, `RedirectError` if it
redirects, and `UnexpectedResponseError` if the response is not from an IRMA server. The functions'
docstrings list further errors. Source: IRMA documentation, "IRMA server API".
"""

from __future__ import annotations

import re
from typing import Final

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
"""The labels of calls that browsers also make: those to the session pointer's URL."""

_JSON = ("content-type", "application/json")
_TEXT = ("content-type", "text/plain")
_OPTIONS_CONTEXT = "https://irma.app/ld/request/frontendoptions/v1"
_JWT = re.compile(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PUBLIC_PEM: Final = r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\r\n -]*"
"""The pattern is strict because a program may print the key on a terminal."""
_OK, _NO_CONTENT = 200, 204


@boundary
def build_start_request(
    server: ServerUrl,
    request: SessionRequest | ExtendedRequest,
    *,
    authorization: str | None = None,
) -> HttpRequest:
    """Return the call that starts a session, with the session request in JSON.

    Args:
        server: The server.
        request: The session request, as `resolve_request` returned it.
        authorization: The shared token itself, if the server's `auth_method` is `token`.

    Raises:
        RequestError: A credential's validity is still a duration.
    """
    headers = (_JSON,) if authorization is None else (_JSON, ("authorization", authorization))
    body = write_request(request).encode()
    url = f"{server.text}/session"
    return HttpRequest("POST", url, label=_START, headers=headers, body=body)


@boundary
def build_start_jwt_request(server: ServerUrl, jwt: str) -> HttpRequest:
    """Return the call that starts a session with a JWT, which authenticates the call.

    Raises:
        RequestError: The string does not have the form of a JWT.
    """
    url = f"{server.text}/session"
    return HttpRequest("POST", url, label=_START, headers=(_TEXT,), body=_jwt_body(jwt))


@boundary
def parse_start_response(response: HttpResponse) -> SessionPackage:
    """Parse the response to the start of a session, with or without a JWT.

    Raises:
        SessionMayExistError: The response does not show whether a session was started.
    """
    try:
        return json_reply(response, _START, read_session_package)
    except RedirectError:
        raise
    except UnexpectedResponseError as error:
        raise SessionMayExistError(
            f"the HTTP {error.http_status} response {error.reason}"
        ) from error
    except ServerRefusedError as error:
        if error.code == INTERNAL_ERROR:
            raise SessionMayExistError(f"HTTP {error.http_status} {error.code}") from error
        raise


@boundary
def build_status_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that asks for a session's status."""
    return _of_session("GET", server, token, "/status", _STATUS)


@boundary
def parse_status_response(response: HttpResponse) -> SessionStatus:
    """Return the session status that a response contains."""
    return json_reply(response, _STATUS, read_status)


@boundary
def build_result_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that asks for a session's result, whatever the session's status."""
    return _of_session("GET", server, token, "/result", _RESULT)


@boundary
def parse_result_response(response: HttpResponse) -> SessionResult:
    """Return the session result that a response contains; only the connection vouches for it."""
    return json_reply(response, _RESULT, read_session_result)


@boundary
def build_result_jwt_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that asks for a session's result as a JWT that the server signs."""
    return _of_session("GET", server, token, "/result-jwt", _RESULT_JWT)


@boundary
def parse_result_jwt_response(response: HttpResponse) -> str:
    """Return the result JWT that a response contains, without verifying it."""
    return _jwt_text(response, _RESULT_JWT)


@boundary
def build_getproof_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that asks for a session's result as a JWT in the older layout."""
    return _of_session("GET", server, token, "/getproof", _GETPROOF)


@boundary
def parse_getproof_response(response: HttpResponse) -> str:
    """Return the result JWT in the older layout from a response, without verifying it."""
    return _jwt_text(response, _GETPROOF)


@boundary
def build_cancel_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that cancels a session; it has no effect on a finished session."""
    return _of_session("DELETE", server, token, "", _CANCEL)


@boundary
def parse_cancel_response(response: HttpResponse) -> None:
    """Check the response to a cancellation, which must have status 200 and no body."""
    if response.status != _OK:
        refuse(response, _CANCEL)
    if response.body.strip():
        # This may be a proxy's page, so the server may never have received the call.
        raise UnexpectedResponseError(
            _CANCEL, response.status, "has a body, although none was expected"
        )


@boundary
def build_public_key_request(server: ServerUrl) -> HttpRequest:
    """Return the call that asks for the public key that verifies the server's signed results."""
    return HttpRequest("GET", server.join("publickey"), label=_PUBLIC_KEY)


@boundary
def parse_public_key_response(response: HttpResponse) -> str:
    """Return the server's public key from a response, as a SubjectPublicKeyInfo in PEM."""
    text = text_reply(response, _PUBLIC_KEY, media_type=None)
    if not re.fullmatch(_PUBLIC_PEM, text):
        raise UnexpectedResponseError(_PUBLIC_KEY, response.status, "is not a public key in PEM")
    return text


@boundary
def build_revocation_request(
    server: ServerUrl, request: RevocationRequest, *, authorization: str | None = None
) -> HttpRequest:
    """Return the call that revokes a credential; for the arguments see `build_start_request`."""
    headers = (_JSON,) if authorization is None else (_JSON, ("authorization", authorization))
    body = write_request(request).encode()
    url = server.join("revocation")
    return HttpRequest("POST", url, label=_REVOCATION, headers=headers, body=body)


@boundary
def build_revocation_jwt_request(server: ServerUrl, jwt: str) -> HttpRequest:
    """Return the call that revokes a credential with a JWT, which authenticates the call.

    Raises:
        RequestError: The string does not have the form of a JWT.
    """
    url = server.join("revocation")
    return HttpRequest("POST", url, label=_REVOCATION, headers=(_TEXT,), body=_jwt_body(jwt))


@boundary
def parse_revocation_response(response: HttpResponse) -> None:
    """Check the response to a revocation, which must be `OK`."""
    _expect_ok(response, _REVOCATION)


@boundary
def build_health_request(server: ServerUrl) -> HttpRequest:
    """Return the call that checks the server's health. Servers support it since version 0.15."""
    return HttpRequest("GET", server.join("health"), label=_HEALTH)


@boundary
def parse_health_response(response: HttpResponse) -> None:
    """Check the response to a health check, which must be `OK`."""
    _expect_ok(response, _HEALTH)


@boundary
def build_pairing_request(
    session: ServerUrl, authorization: FrontendAuthorization, method: PairingMethod
) -> HttpRequest:
    """Return the call that switches pairing on or off, before an app has connected.

    Args:
        session: The URL of the session pointer.
        authorization: The `authorization` of the session's frontend request.
        method: The pairing method. The server makes a new code whenever the method is set to `PIN`.
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
    """Return the session options that a response contains, with the pairing code if it has one."""
    return json_reply(response, _PAIRING, read_frontend_options)


@boundary
def build_complete_pairing_request(
    session: ServerUrl, authorization: FrontendAuthorization
) -> HttpRequest:
    """Return the call that confirms the pairing code; see `build_pairing_request`."""
    return HttpRequest(
        "POST",
        session.join("frontend/pairingcompleted"),
        label=_COMPLETE_PAIRING,
        headers=(("authorization", authorization.reveal()),),
        body=b"",
    )


@boundary
def parse_complete_pairing_response(response: HttpResponse) -> None:
    """Check the response to a completed pairing, which must have status 204."""
    if response.status != _NO_CONTENT:
        refuse(response, _COMPLETE_PAIRING)


def _of_session(
    method: str, server: ServerUrl, token: RequestorToken, rest: str, label: str
) -> HttpRequest:
    return HttpRequest(method, f"{server.text}/session/{token.reveal()}{rest}", label=label)


def _jwt_body(jwt: str) -> bytes:
    if not _JWT.fullmatch(jwt):
        raise RequestError("", "the string does not have the form of a JWT")
    return jwt.encode("ascii")


def _jwt_text(response: HttpResponse, label: str) -> str:
    text = text_reply(response, label).rstrip("\n")
    if not _JWT.fullmatch(text):
        raise UnexpectedResponseError(label, response.status, "is not a JWT")
    return text


def _expect_ok(response: HttpResponse, label: str) -> None:
    if text_reply(response, label, media_type=None).strip() != "OK":
        raise UnexpectedResponseError(label, response.status, "is not `OK`")


_STATUS_EVENTS = "GET session/{token}/statusevents"
_EVENT_STREAM = "text/event-stream"


@boundary
def build_status_events_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Return the call that opens a stream of a session's status changes.

    If `is_event_stream` returns false for the response, the server sends no events: poll instead.
    """
    url = server.join(f"session/{token.reveal()}/statusevents")
    return HttpRequest("GET", url, label=_STATUS_EVENTS, headers=(("accept", _EVENT_STREAM),))


@boundary
def is_event_stream(status: int, headers: tuple[tuple[str, str], ...]) -> bool:
    """Return whether a response is a stream of events, given its HTTP status and headers."""
    return status == _OK and media_type(HttpResponse(status, headers)) == _EVENT_STREAM


@boundary
def parse_status_event(event: ServerSentEvent) -> SessionStatus:
    """Parse one event of a stream of status changes.

    Raises:
        UnexpectedResponseError: The event is not a session status.
    """
    try:
        return read_status(read_json(event.data))
    except (JsonTextError, WireError):
        raise UnexpectedResponseError(
            _STATUS_EVENTS, _OK, "has an event that is not a session status"
        ) from None
