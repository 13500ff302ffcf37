"""Responses in the official server's dress: JSON as Go writes it, content types, CORS headers.

Does not belong here: what is said in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.memory.refusals import Refusal

__all__ = [
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
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_., -]")
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# Go's encoder keeps JSON safe inside HTML, and has no half characters: a header may hold one, where
# it held a byte that is not UTF-8.
_NOT_AS_IT_IS = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_HTML_SAFE = {
    **str.maketrans(
        {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
    ),
    **dict.fromkeys(range(0xD800, 0xE000), r"\ufffd"),
}


def compact_json(value: object) -> str:
    """Write JSON as Go's `encoding/json` does."""
    text = _WRITER.encode(value)
    return text.translate(_HTML_SAFE) if _NOT_AS_IT_IS.search(text) else text


def json_reply(value: object, status: int = 200) -> HttpResponse:
    """Say a value in JSON."""
    return HttpResponse(status, (_JSON,), body=compact_json(value).encode())


def text_reply(text: str, content_type: str = "text/plain") -> HttpResponse:
    """Say a plain text."""
    return HttpResponse(200, (("content-type", content_type),), body=text.encode())


def empty_reply(status: int = 200) -> HttpResponse:
    """Say nothing but the status."""
    return HttpResponse(status)


def refusal_reply(refusal: Refusal) -> HttpResponse:
    """Say no."""
    return json_reply(refusal.as_json(), refusal.error.status)


def not_found() -> HttpResponse:
    """Say what is said outside all routes."""
    headers = (_PLAIN, ("x-content-type-options", "nosniff"))
    return HttpResponse(404, headers, body=b"404 page not found\n")


def bad_request() -> HttpResponse:
    """Return the response to a request that Go's HTTP server refuses by itself."""
    return HttpResponse(400, (_PLAIN,), body=b"400 Bad Request")


def too_slow() -> HttpResponse:
    """Say what is said in place of a handler that took over 4.2 seconds."""
    page = b"<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>"
    return HttpResponse(503, (("content-type", "text/html; charset=utf-8"),), body=page)


def with_refusals(respond: Callable[[], HttpResponse]) -> HttpResponse:
    """Turn a refusal into its response."""
    try:
        return respond()
    except Refusal as refusal:
        return refusal_reply(refusal)


def header_of(request: HttpRequest, name: str) -> str:
    """Give the first header of that name (lower case) without the whitespace around it, or ""."""
    return next(
        (value.strip(" \t") for known, value in request.headers if known.lower() == name), ""
    )


def has_header(request: HttpRequest, name: str) -> bool:
    """Tell whether there is a header of that name (lower case), even an empty one."""
    return any(known.lower() == name for known, _ in request.headers)


def answer_preflight(request: HttpRequest) -> HttpResponse | None:
    """Answer what a browser asks before a cross-origin call; None if it is no such question."""
    asked = header_of(request, "access-control-request-method")
    if request.method != "OPTIONS" or not asked or not has_header(request, "origin"):
        return None
    headers = [
        ("vary", "Origin"),
        ("vary", "Access-Control-Request-Method"),
        ("vary", "Access-Control-Request-Headers"),
    ]
    listed = _NOT_IN_NAMES.sub("", header_of(request, "access-control-request-headers"))
    wanted = [_canonical(name) for name in listed.replace(",", " ").split(" ") if name]
    if asked.upper() in (*_METHODS, "OPTIONS") and all(name in _HEADERS for name in wanted):
        headers += [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", asked.upper()),
        ]
        if wanted:
            headers.append(("access-control-allow-headers", ", ".join(wanted)))
    return HttpResponse(200, tuple(headers))


def _canonical(name: str) -> str:
    """Write a header's name with a capital at the start of each part."""
    return "-".join(part.capitalize() for part in name.split("-"))


def without_body(response: HttpResponse) -> HttpResponse:
    """Leave the body out, as the answer to `HEAD` does."""
    return HttpResponse(response.status, response.headers)


def with_cors(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Add the CORS headers: every origin may."""
    headers = [*response.headers, ("vary", "Origin")]
    allowed = has_header(request, "origin") and request.method in (*_METHODS, "OPTIONS")
    if allowed and not response.header("access-control-allow-origin"):
        headers.append(("access-control-allow-origin", "*"))
    return HttpResponse(response.status, tuple(headers), body=response.body)
