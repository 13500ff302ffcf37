"""Responses in the official server's form: JSON as Go writes it, errors, and CORS headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import final

import attrs

from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = [
    "ATTRIBUTES_EXPIRED",
    "EXCEPTION",
    "INTERNAL_ERROR",
    "INVALID_PROOFS",
    "INVALID_REQUEST",
    "MALFORMED_INPUT",
    "NEXT_SESSION",
    "PAIRING_REQUIRED",
    "PROTOCOL_VERSION",
    "REVOCATION",
    "SESSION_UNKNOWN",
    "SSE_DISABLED",
    "UNAUTHORIZED",
    "UNAUTHORIZED_IN_SESSION",
    "UNEXPECTED_REQUEST",
    "UNKNOWN_REVOCATION_KEY",
    "UNSUPPORTED",
    "Refusal",
    "ServerCrash",
    "ServerError",
    "answer_preflight",
    "bad_request",
    "compact_json",
    "empty_reply",
    "header_of",
    "json_reply",
    "not_found",
    "refusal_reply",
    "text_reply",
    "too_slow",
    "with_cors",
    "with_refusals",
    "without_body",
]


_JSON = ("content-type", "application/json; charset=UTF-8")
_PLAIN = ("content-type", "text/plain; charset=utf-8")
_METHODS = ("GET", "POST", "DELETE")
_HEADERS = ("Accept", "Authorization", "Content-Type", "Cache-Control", "Origin")
_INVALID_IN_NAMES = re.compile(r"[^A-Za-z0-9_., -]")
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# Go's encoder escapes HTML, and replaces surrogates. A header may hold a surrogate in place of a
# byte that is not UTF-8.
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_HTML_SAFE = {
    **str.maketrans(
        {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
    ),
    **dict.fromkeys(range(0xD800, 0xE000), r"\ufffd"),
}


def compact_json(value: object) -> str:
    """Return a value in JSON as Go's `encoding/json` writes it."""
    encoded = _WRITER.encode(value)
    return encoded.translate(_HTML_SAFE) if _ESCAPED.search(encoded) else encoded


def json_reply(value: object, status: int = 200) -> HttpResponse:
    """Return a response whose body is a value in JSON."""
    return HttpResponse(status, (_JSON,), body=compact_json(value).encode())


def text_reply(body: str, content_type: str = "text/plain") -> HttpResponse:
    """Return a response with the status 200 and a string as its body."""
    return HttpResponse(200, (("content-type", content_type),), body=body.encode())


def empty_reply(status: int = 200) -> HttpResponse:
    """Return a response without a body."""
    return HttpResponse(status)


def refusal_reply(refusal: Refusal) -> HttpResponse:
    """Return the response for a refusal."""
    return json_reply(refusal.as_json(), refusal.error.status)


def not_found() -> HttpResponse:
    """Return the response to a path that no route matches."""
    headers = (_PLAIN, ("x-content-type-options", "nosniff"))
    return HttpResponse(404, headers, body=b"404 page not found\n")


def bad_request() -> HttpResponse:
    """Return the response to a request that Go's HTTP server itself refuses."""
    return HttpResponse(400, (_PLAIN,), body=b"400 Bad Request")


def too_slow() -> HttpResponse:
    """Return the response for a handler that takes more than 4.2 seconds."""
    page = b"<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>"
    return HttpResponse(503, (("content-type", "text/html; charset=utf-8"),), body=page)


def with_refusals(respond: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the response from `respond`, or the response for the `Refusal` that it raises."""
    try:
        return respond()
    except Refusal as refusal:
        return refusal_reply(refusal)


def header_of(request: HttpRequest, name: str) -> str:
    """Return the first header with this lower-case name, stripped, or an empty string."""
    return next(
        (value.strip(" \t") for header, value in request.headers if header.lower() == name), ""
    )


def has_header(request: HttpRequest, name: str) -> bool:
    """Return whether there is a header with this lower-case name, even an empty one."""
    return any(header.lower() == name for header, _ in request.headers)


def answer_preflight(request: HttpRequest) -> HttpResponse | None:
    """Return the response to a browser's CORS preflight, or None for any other request."""
    method = header_of(request, "access-control-request-method")
    if request.method != "OPTIONS" or not method or not has_header(request, "origin"):
        return None
    headers = [
        ("vary", "Origin"),
        ("vary", "Access-Control-Request-Method"),
        ("vary", "Access-Control-Request-Headers"),
    ]
    names = _INVALID_IN_NAMES.sub("", header_of(request, "access-control-request-headers"))
    requested = [_canonical(name) for name in names.replace(",", " ").split(" ") if name]
    if method.upper() in (*_METHODS, "OPTIONS") and all(name in _HEADERS for name in requested):
        headers += [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", method.upper()),
        ]
        if requested:
            headers.append(("access-control-allow-headers", ", ".join(requested)))
    return HttpResponse(200, tuple(headers))


def _canonical(name: str) -> str:
    """Return a header's name with each of its parts capitalized."""
    return "-".join(part.capitalize() for part in name.split("-"))


def without_body(response: HttpResponse) -> HttpResponse:
    """Return the response without its body, as for `HEAD`."""
    return HttpResponse(response.status, response.headers)


def with_cors(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response with CORS headers that allow every origin."""
    headers = [*response.headers, ("vary", "Origin")]
    allowed = has_header(request, "origin") and request.method in (*_METHODS, "OPTIONS")
    if allowed and not response.header("access-control-allow-origin"):
        headers.append(("access-control-allow-origin", "*"))
    return HttpResponse(response.status, tuple(headers), body=response.body)


@final
@attrs.frozen
class ServerError:
    """An error code of the server, with its HTTP status and description."""

    name: str
    status: int
    description: str


ATTRIBUTES_EXPIRED = ServerError("ATTRIBUTES_EXPIRED", 400, "Disclosed attributes were expired")
EXCEPTION = ServerError("EXCEPTION", 500, "Encountered unexpected problem")
INTERNAL_ERROR = ServerError("INTERNAL_ERROR", 500, "Internal server error")
INVALID_PROOFS = ServerError(
    "INVALID_PROOFS", 400, "Invalid secret key commitments and/or disclosure proofs"
)
INVALID_REQUEST = ServerError("INVALID_REQUEST", 400, "Invalid HTTP request")
MALFORMED_INPUT = ServerError("MALFORMED_INPUT", 400, "Input could not be parsed")
NEXT_SESSION = ServerError("NEXT_SESSION", 500, "Error starting next session")
PAIRING_REQUIRED = ServerError("PAIRING_REQUIRED", 403, "Pairing is required first")
PROTOCOL_VERSION = ServerError("PROTOCOL_VERSION", 400, "Protocol version negotiation failed")
REVOCATION = ServerError("REVOCATION", 500, "Revocation error")
SESSION_UNKNOWN = ServerError("SESSION_UNKNOWN", 400, "Unknown or expired session")
SSE_DISABLED = ServerError("SSE_DISABLED", 500, "Server sent events disabled")
UNAUTHORIZED = ServerError(
    "UNAUTHORIZED", 403, "You are not authorized to issue or verify this attribute"
)
UNAUTHORIZED_IN_SESSION = ServerError(
    "UNAUTHORIZED", 403, "You are not authorized to access the session"
)
UNEXPECTED_REQUEST = ServerError("UNEXPECTED_REQUEST", 403, "Unexpected request in this state")
UNKNOWN_REVOCATION_KEY = ServerError(
    "UNKNOWN_REVOCATION_KEY", 404, "No issuance records correspond to the given revocationKey"
)
UNSUPPORTED = ServerError("UNSUPPORTED", 501, "Unsupported by this server")


class Refusal(Exception):  # noqa: N818  # a reply, not an error of this code
    """The server refuses a request; `message` adds details to the error's description."""

    def __init__(self, error: ServerError, message: str = "") -> None:
        super().__init__(f"{error.name} {message}".strip())
        self.error = error
        self.message = message

    def as_json(self) -> dict[str, object]:
        """Return irmago's `RemoteError` in JSON."""
        error: dict[str, object] = {
            "status": self.error.status,
            "error": self.error.name,
            "description": self.error.description,
        }
        if self.message:
            error["message"] = self.message
        return error


class ServerCrash(Exception):  # noqa: N818  # Go calls this a panic
    """The official server would crash here, answering 500 `INTERNAL_ERROR` and storing nothing."""
