"""A POST from the IRMA server, and the checks that it must pass before it is trusted.

The checks run in this order. A check that fails raises a `PostRefusedError` with the code given
here, and the reply has the HTTP status after the code:

1. `method` 405: not a `POST`. The server follows redirects with `GET`, which is then refused here.
2. `url` 404: the URL's secret is missing or expired, is for another purpose, or comes from another
   backend.
3. `too_large` 413: over 1 MiB, the size limit of a result JWT.
4. `media_type` 415: not the type that the server sends, which is `text/plain` for a JWT, or JSON if
   the server does not sign.
5. The codes of `trust.result_jwt` 403: the JWT is refused. `json` 400: not a session result.
6. `session` 403: not the type of session that the URL was made for; or, at a sealed URL, not the
   session that the first post named. `issued_at` 403: at a static session's URL, an old JWT.
   `status` 409: a status that the URL does not accept.

Later, the flows may refuse a post with `busy` 503, `undecided` 503, `late` 503 or `answer` 403. A
replay may also refuse a post with `gone`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias, cast, final

import attrs

from irma_core.callbacks.callback_urls import CallbackContext, SealedUrl, StaticUrl
from irma_core.errors import HandleError, PostRefusedError, UsageError
from irma_core.flows.context import RequestorContext
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.arguments import as_utc, check_instance
from irma_core.models.events import PostRefused
from irma_core.models.results import SessionResult
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import Clock, utc_now
from irma_core.value_object import ValueObject
from irma_core.wire.read_results import read_session_result
from irma_core.wire.values import WireError

__all__ = [
    "JSON",
    "JWT",
    "Body",
    "Headers",
    "InboundRequest",
    "at_present",
    "check_inbound",
    "check_posted_result",
    "context_at",
    "framework_body",
    "framework_headers",
    "parse_posted_result",
    "refuse_post",
]


Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""Headers as a mapping, as pairs, as the pairs of an ASGI scope, or as a WSGI environ."""
Body: TypeAlias = bytes | bytearray | memoryview | str
"""The whole body, before it is decoded."""

_MAX_POST_BYTES: Final = 1024 * 1024
JWT: Final = "text/plain"
JSON: Final = "application/json"

_STATUS: Final = {
    "method": 405,
    "url": 404,
    "too_large": 413,
    "media_type": 415,
    "json": 400,
    "status": 409,
    "busy": 503,
    "undecided": 503,
    "late": 503,
}
_FORBIDDEN: Final = 403
_HEADERS: Final = "headers: must be a mapping or pairs of strings, such as request.headers"


@final
@attrs.frozen(eq=False, repr=False)
class InboundRequest(ValueObject):
    """An HTTP request to the application, in a form that any web framework can supply.

    Args:
        method: The HTTP method.
        url: The URL or its path, as received.
        headers: Pairs of name and value, with names in any case.
        body: The whole body.
    """

    method: str
    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, method: str, url: str, headers: Headers, body: Body) -> InboundRequest:
        """Return the request that a web framework received.

        Raises:
            UsageError: An argument has the wrong type.
        """
        check_instance(method, str, "method", "a string")
        check_instance(url, str, "url", "a string; use str(request.url) for an object")
        return cls(method, url, framework_headers(headers), framework_body(body))

    @property
    def media_type(self) -> str:
        """The `Content-Type` without parameters, in lower case; empty if the header is missing."""
        for name, value in self.headers:
            if name.lower().replace("_", "-") == "content-type":
                return value.partition(";")[0].strip().lower()
        return ""


def framework_headers(headers: object) -> tuple[tuple[str, str], ...]:
    """Return a web framework's headers as pairs of strings.

    Raises:
        UsageError: The argument does not have one of the forms in `Headers`.
    """
    items = getattr(headers, "items", None)
    entries = items() if callable(items) and not isinstance(headers, type) else headers
    if isinstance(entries, str | bytes | bytearray | memoryview) or not isinstance(
        entries, Iterable
    ):
        raise UsageError(_HEADERS)
    pairs: list[tuple[str, str]] = []
    for each in entries:
        match each:
            case [str() | bytes() as name, str() | bytes() as value]:
                pairs.append((_decoded(name), _decoded(value)))
            case [str() as name, _] if "." in name:
                pass  # a WSGI environ also has entries such as `wsgi.input`
            case _:
                raise UsageError(_HEADERS)
    return tuple(pairs)


def _decoded(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def framework_body(body: object) -> bytes:
    """Return a web framework's body as bytes.

    Raises:
        UsageError: The argument is not a whole body as bytes.
    """
    expected = "the whole body as bytes, before it is decoded"
    checked = check_instance(body, (bytes, bytearray, memoryview, str), "body", expected)
    # The server never sends a lone surrogate, so a question mark may take its place.
    return checked.encode("utf-8", "replace") if isinstance(checked, str) else bytes(checked)


@final
@attrs.frozen(eq=False, repr=False)
class _ClockAt(ValueObject):
    """A clock with a fixed wall time and the monotonic time of another clock."""

    at: datetime
    clock: Clock

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.clock.monotonic()


def context_at(context: RequestorContext, received_at: datetime | None) -> RequestorContext:
    """Return a copy of the context whose clock shows `received_at`; None means the present time.

    Raises:
        UsageError: The time is not aware.
    """
    if received_at is None:
        return context
    at = as_utc(received_at, "received_at")
    return attrs.evolve(context, clock=_ClockAt(at, context.clock))


def at_present(context: RequestorContext) -> RequestorContext:
    """Undo `context_at`: return the context with the real clock.

    A JWT that the server signs while an old post is being handled must be checked against the real
    time.
    """
    clock = context.clock
    return attrs.evolve(context, clock=clock.clock) if isinstance(clock, _ClockAt) else context


def check_inbound(
    context: RequestorContext, address: SealedUrl | StaticUrl, post: InboundRequest, media_type: str
) -> CallbackContext:
    """Check everything but a post's body, and return the session data in its URL.

    These are steps 1 to 4 of the checks that this module lists.

    Args:
        context: The requestor's settings.
        address: The URL that the server posts to.
        post: The post.
        media_type: The only accepted type, `JWT` or `JSON`.

    Raises:
        PostRefusedError: The post is refused.
    """
    if post.method != "POST":
        raise PostRefusedError("method", "only POST is accepted here")
    try:
        callback = address.unseal(post.url, utc_now(context.clock))
    except HandleError as error:
        raise PostRefusedError("url", str(error)) from None
    if len(post.body) > _MAX_POST_BYTES:
        raise PostRefusedError("too_large", "the body is over 1 MiB")
    if post.media_type != media_type:
        advice = (
            "if the server does not sign, configure it with a JWT key"
            if media_type == JWT
            else "if the server signs, pass its key as server_key and leave out accept_unsigned"
        )
        raise PostRefusedError("media_type", f"only {media_type} is accepted here; {advice}")
    return callback


def parse_posted_result(post: InboundRequest) -> SessionResult:
    """Return the result in an unsigned post. It proves nothing, but is a reason to ask the server.

    Raises:
        PostRefusedError: The body is not a session result.
    """
    try:
        return read_session_result(read_json(post.body, unique_keys=True))
    except JsonTextError as error:
        raise PostRefusedError("json", f"the body {error.reason}") from None
    except WireError as error:
        raise PostRefusedError("json", f"the body is not a session result: {error}") from None


def check_posted_result(
    post: InboundRequest, result: SessionResult, callback: CallbackContext
) -> None:
    """Check that a posted result belongs to the post's URL.

    This is step 6 of the checks that this module lists.

    A signed result must already have been verified.

    Raises:
        PostRefusedError: The result is refused.
    """
    if result.type is not callback.request.request.session_type:
        raise PostRefusedError("session", "the result and the request have different session types")
    if callback.issued_after is not None and _is_older(post.body, callback.issued_after):
        raise PostRefusedError("issued_at", "the server signed the result more than an hour ago")


def _is_older(jwt: bytes, moment: datetime) -> bool:
    # `iat` is a number, because the JWT was verified.
    payload = jwt.split(b".")[1]
    claims = read_json(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    return float(cast("dict[str, Any]", claims)["iat"]) < moment.timestamp()


def refuse_post(
    context: RequestorContext, address: SealedUrl | StaticUrl, error: PostRefusedError
) -> HttpResponse:
    """Notify the observer that a post was refused; return a reply with the code and the reason."""
    context.notify(PostRefused(address.purpose, error.code))
    status = _STATUS.get(error.code, _FORBIDDEN)
    headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")]
    if error.code == "method":
        headers.append(("allow", "POST"))
    return HttpResponse(status, tuple(headers), body=f"{error}\n".encode())
