"""What the server posts, checked before anything is believed, and what a refused post is answered.

The checks, in this order; each refusal is a `PostRefusedError` with the code named, and a reply
with the HTTP status beside it:

1. `method` 405: no `POST`. The server follows redirects by `GET`, which then ends here.
2. `url` 404: it holds no secret of ours, or one for another purpose, or one that is too old.
3. `too_large` 413: over 1 MiB, as much as a result JWT may have.
4. `media_type` 415: not what the server sends: `text/plain` for a JWT, JSON where it signs nothing.
5. The codes of `trust.result_jwt` 403: the JWT is not to be believed. `json` 400: no result.
6. `session` 403: of another type of session than the URL was made for; at the URL of a next
   session, of another session than the first. `status` 409: a status that is not told here.

Then, in the flows: `busy` 503, `undecided` 503, `late` 503, `answer` 403.
Belongs here: the post, these checks, and the reply. Does not belong here: what follows from a post
that is good (`callbacks`, `next_sessions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeAlias, final

import attrs

from irma_core.errors import (
    HandleError,
    HandleInvalidError,
    PostRefusedError,
    RequestError,
    ResultJwtError,
    UsageError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.session_answers import verified_result_flow
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.arguments import check_instance
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import ExtendedRequest
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.transport import utc_now
from irma_core.trust.sealing import Sealer
from irma_core.wire.read_results import read_session_result
from irma_core.wire.stored_requests import read_stored_request, stored_request
from irma_core.wire.values import WireError

__all__ = [
    "CALLBACK",
    "JSON",
    "JWT",
    "NEXT_SESSION",
    "Body",
    "CallbackContext",
    "Headers",
    "InboundRequest",
    "SealedUrl",
    "opened",
    "parse_posted_result",
    "refusal",
    "verify_posted_result_flow",
]


Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""As web frameworks give them: a mapping, its items, the pairs of ASGI, or a WSGI environ."""
Body: TypeAlias = bytes | bytearray | memoryview | str
"""The whole body, before anything has decoded it."""

LARGEST_POST: Final = 1024 * 1024
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
@attrs.frozen
class InboundRequest:
    """A request that came in, as any web framework can give it.

    Args:
        method: The HTTP method.
        url: The URL or its path, as it came.
        headers: Pairs; names in any case.
        body: The whole body.
    """

    method: str
    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, method: str, url: str, headers: Headers, body: Body) -> InboundRequest:
        """Make it of what a web framework gives.

        Raises:
            UsageError: An argument is not what it should be.
        """
        check_instance(method, str, "method", "a string")
        check_instance(url, str, "url", "a string; use str(request.url) for an object")
        return cls(method, url, _pairs(headers), _bytes(body))

    @property
    def media_type(self) -> str:
        """Its `Content-Type` without parameters, in lower case; empty without one."""
        for name, value in self.headers:
            if name.lower().replace("_", "-") == "content-type":
                return value.partition(";")[0].strip().lower()
        return ""


def _pairs(headers: object) -> tuple[tuple[str, str], ...]:
    items = getattr(headers, "items", None)
    given = items() if callable(items) and not isinstance(headers, type) else headers
    if isinstance(given, str | bytes | bytearray | memoryview) or not isinstance(given, Iterable):
        raise UsageError(_HEADERS)
    pairs: list[tuple[str, str]] = []
    for each in given:
        match each:
            case [str() | bytes() as name, str() | bytes() as value]:
                pairs.append((_text(name), _text(value)))
            case [str() as name, _] if "." in name:
                pass  # of a WSGI environ: what is not a header there may be any object
            case _:
                raise UsageError(_HEADERS)
    return tuple(pairs)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _bytes(body: object) -> bytes:
    expected = "the whole body as bytes, before it is decoded"
    given = check_instance(body, (bytes, bytearray, memoryview, str), "body", expected)
    # Half a character is in no body that the server sends, so what stands for it is refused.
    return given.encode("utf-8", "replace") if isinstance(given, str) else bytes(given)


def opened(
    context: RequestorContext, address: SealedUrl, post: InboundRequest, media_type: str
) -> CallbackContext:
    """Give what the URL of a post held: whoever knows that URL is who it was registered with.

    Args:
        context: The requestor's.
        address: Where it was posted to.
        post: The post.
        media_type: `JWT` or `JSON`: what is taken here.

    Raises:
        PostRefusedError: It is refused; steps 1 to 4.
    """
    if post.method != "POST":
        raise PostRefusedError("method", "only POST is taken here")
    try:
        unsealed = address.unseal(post.url, utc_now(context.clock))
    except HandleError as error:
        raise PostRefusedError("url", str(error)) from None
    if len(post.body) > LARGEST_POST:
        raise PostRefusedError("too_large", "it is over 1 MiB")
    if post.media_type != media_type:
        advice = (
            "the server signs nothing: give it a JWT key"
            if media_type == JWT
            else "the server signs: give the requestor its key, and take signed posts only"
        )
        raise PostRefusedError("media_type", f"only {media_type} is taken here; perhaps {advice}")
    return unsealed


def verify_posted_result_flow(
    context: RequestorContext, post: InboundRequest, unsealed: CallbackContext, deadline: float
) -> Flow[SessionResult]:
    """Give the result in a signed post, once its signature and the rest of it are verified.

    A key that is to be fetched may be fetched for it: who knows the secret in the URL is no
    stranger.

    Raises:
        PostRefusedError: It is refused; steps 5 and 6.
        IrmaError: The key could not be fetched.
    """
    try:
        result = yield from verified_result_flow(context, post.body, deadline)
    except ResultJwtError as error:
        raise PostRefusedError(error.code, error.reason) from None
    return _of_its_kind(result, unsealed)


def parse_posted_result(post: InboundRequest, unsealed: CallbackContext) -> SessionResult:
    """Give the result in a post that nobody signed: a reason to ask the server, and no more.

    Raises:
        PostRefusedError: It is refused; steps 5 and 6.
    """
    try:
        result = read_session_result(read_json(post.body, unique_keys=True))
    except JsonTextError as error:
        raise PostRefusedError("json", f"the body {error.reason}") from None
    except WireError as error:
        raise PostRefusedError("json", f"the body is no session result: {error}") from None
    return _of_its_kind(result, unsealed)


def _of_its_kind(result: SessionResult, unsealed: CallbackContext) -> SessionResult:
    if result.type is not unsealed.request.request.session_type:
        raise PostRefusedError("session", "it is of another type of session than asked for")
    return result


def refusal(error: PostRefusedError) -> HttpResponse:
    """Give the reply to a post that is refused; its body tells the code and the reason."""
    status = _STATUS.get(error.code, _FORBIDDEN)
    headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")]
    if error.code == "method":
        headers.append(("allow", "POST"))
    return HttpResponse(status, tuple(headers), body=f"{error}\n".encode())


CALLBACK: Final = "callback"
"""The purpose of a URL that results are posted to."""
NEXT_SESSION: Final = "next session"
"""The purpose of a URL that the next session's request is asked from."""

LONGEST_URL: Final = 4000
"""Characters. gunicorn, for one, takes a request line of 4094 by default."""
_DEFAULT_APP_TIMEOUT: Final = timedelta(minutes=15)
"""The server's own default for a request without `timeout`."""
_MARGIN: Final = timedelta(hours=1)
"""For the session itself once the app has come, and the posts of a time-out, which repeat for five
minutes."""


@final
@attrs.frozen
class CallbackContext:
    """What a sealed URL held.

    Args:
        request: What was asked, in its kept form.
        lifetime: How long such a URL lives: what its posts leave behind must live as long.
        name: Another name for the URL, in which no secret can be read.
    """

    request: ExtendedRequest
    lifetime: timedelta
    name: str


@final
@attrs.frozen
class SealedUrl:
    """A page of the application's that the server posts to, for one purpose.

    Args:
        page: The page's own URL.
        sealer: Seals what is added to it.
        purpose: `CALLBACK` or `NEXT_SESSION`.
    """

    page: ServerUrl
    sealer: Sealer
    purpose: str = attrs.field(kw_only=True)

    def url_for(self, request: ExtendedRequest, now: datetime) -> str:
        """Make the URL for one session.

        It ends with a slash: the server appends one to a callback URL that lacks it, so the URL is
        called as it is registered.

        Raises:
            RequestError: The request is too large to be kept in a URL.
        """
        lifetime = (request.timeout or _DEFAULT_APP_TIMEOUT) + _MARGIN
        sealed = self.sealer.seal(
            [int(lifetime.total_seconds()), stored_request(request)],
            purpose=self._sealed_for,
            now=now,
            lifetime=lifetime,
        )
        url = self.page.join(f"{sealed}/")
        if len(url) > LONGEST_URL:
            raise RequestError("", f"too large to be kept in a URL of {LONGEST_URL} characters")
        return url

    def unseal(self, url: str, now: datetime) -> CallbackContext:
        """Open the URL that a post came to; only its last part counts, as proxies change the rest.

        The page that it was made for is sealed into it: no other of the application's takes it.

        Raises:
            HandleError: One of its subclasses: it is none of ours, for another purpose, or too old.
        """
        path = url.partition("#")[0].partition("?")[0]
        sealed = path.removesuffix("/").rpartition("/")[2]
        value = self.sealer.unseal(sealed, purpose=self._sealed_for, now=now)
        match value:
            case [int() as seconds, kept]:
                with suppress(RequestError):
                    name = sha256(sealed.encode()).hexdigest()
                    return CallbackContext(
                        read_stored_request(kept), timedelta(seconds=seconds), name
                    )
            case _:
                pass
        raise HandleInvalidError("what was sealed into the URL is no request that can be read here")

    @property
    def _sealed_for(self) -> str:
        return f"{self.purpose} at {self.page.text}"
