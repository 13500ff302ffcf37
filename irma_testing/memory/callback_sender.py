"""The requests with which the server posts results to callback and `nextSession` URLs.

Source: irmago `DoResultCallback` in `irma/server/api.go`, `irma/transport.go`, and `SessionError`
in `irma/messages.go`.
"""

from __future__ import annotations

import base64
import re
import unicodedata
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from inspect import iscoroutinefunction
from typing import TypeAlias, cast, final
from urllib.parse import unquote_to_bytes

from irma_core.errors import TransportError, UsageError
from irma_core.models.arguments import check_instance
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock, utc_now
from irma_testing.memory.event_loops import EventLoops
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.go_types import INT, TEXT, Field, Struct
from irma_testing.memory.go_urls import follow_location, requestable_url
from irma_testing.memory.jwt import JwtSigner
from irma_testing.memory.nesting import Nesting
from irma_testing.memory.replies import NEXT_SESSION, Refusal, compact_json
from irma_testing.memory.results import result_claims, result_json
from irma_testing.memory.sessions import Session
from irma_testing.memory.settings import ServerSettings

__all__ = ["CallbackSender", "Deliver"]

Deliver: TypeAlias = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
"""A function, or for asyncio a coroutine function, that delivers a server's request."""
_AGENT = ("user-agent", "irmago")
_ATTEMPTS = 3
_MAX_REDIRECTS = 10
_MAX_DEPTH = 10
_MOST_SENT = 1000
"""How many sent requests to keep. They hold disclosed data, and a server may run for weeks."""
_REDIRECT_AS_GET = (301, 302, 303)
_REDIRECT_UNCHANGED = (307, 308)
_OK, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304
_SNIPPET_LENGTH = 100
_MAX_CHARACTER_BYTES = 4
_PRINTABLE = frozenset("LMNPS")
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_REMOTE_ERROR = Struct(
    Field("status", INT),
    Field("error", TEXT),
    Field("description", TEXT),
    Field("message", TEXT),
    Field("stacktrace", TEXT),
)


@final
class CallbackSender:
    """Sends results, and records the requests that it sends.

    Args:
        settings: The server's settings.
        clock: The server's clock.
        signer: Signs the results if the server has a key.
        deliver: Delivers a request to its receiver; with None, every request is lost.
        loops: Awaits `deliver` if it is a coroutine function.
    """

    def __init__(
        self,
        settings: ServerSettings,
        clock: Clock,
        signer: JwtSigner,
        deliver: Deliver | None,
        loops: EventLoops,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._signer = signer
        self.deliver = deliver
        self._loops = loops
        self._nesting = Nesting()
        self.sent: deque[HttpRequest] = deque(maxlen=_MOST_SENT)

    @property
    def is_async(self) -> bool:
        """Whether `deliver` is a coroutine function, which the server awaits."""
        # An object with an async `__call__` is not itself a coroutine function.
        call = getattr(self.deliver, "__call__", None)  # noqa: B004
        return iscoroutinefunction(self.deliver) or iscoroutinefunction(call)

    def send_callback(self, session: Session) -> None:
        """Post the result to the callback URL, if there is one.

        The receiver's reply is ignored. If the receiver cancels the session during this post, the
        server posts again, and the receiver may cancel again. The official server ends this loop
        when a request times out; this server ends it after ten posts.
        """
        url = session.request.callback_url
        if not url or self._nesting.depth >= _MAX_DEPTH:
            return
        with self._nesting.deeper():
            self._post(url if url.endswith("/") else f"{url}/", "POST callback", session)

    def fetch_next_request(self, url: str, session: Session) -> bytes | None:
        """Post the result to a `nextSession` URL, and return the next session request in JSON.

        Returns:
            The request, or None if no session follows.

        Raises:
            Refusal: `NEXT_SESSION`: the reply is neither a request nor the end of the chain.
        """
        return _next_request(self._post(url, "POST nextSession", session))

    def _post(self, url: str, label: str, session: Session) -> HttpResponse | None:
        if self._settings.has_jwt_key:
            claims = result_claims(session, self._settings.jwt_issuer, utc_now(self._clock))
            body, content_type = self._signer.sign(claims), "text/plain; charset=UTF-8"
        else:
            body = compact_json(result_json(session))
            content_type = "application/json; charset=UTF-8"
        headers = (_AGENT, ("content-type", content_type), ("accept-encoding", "gzip"))
        try:
            target = requestable_url(url)
        except ValueError:
            return None
        return self._retry(
            HttpRequest("POST", target, label=label, headers=headers, body=body.encode())
        )

    def _retry(self, request: HttpRequest) -> HttpResponse | None:
        for _ in range(_ATTEMPTS):
            response = self._follow(request)
            if response is not None or self.deliver is None:
                return response
        return None

    def _follow(self, request: HttpRequest) -> HttpResponse | None:
        """Send a request and follow redirects; return None if one of them cannot be followed."""
        for _ in range(_MAX_REDIRECTS):
            response = self._send(request)
            target = response.header("location").strip(" \t") if response else ""
            if response is None or not target:
                return response
            if response.status not in (*_REDIRECT_AS_GET, *_REDIRECT_UNCHANGED):
                return response
            try:
                url = follow_location(request.url, target)
            except ValueError:
                return None
            if response.status in _REDIRECT_UNCHANGED:
                request = HttpRequest(
                    request.method,
                    url,
                    label=request.label,
                    headers=request.headers,
                    body=request.body,
                )
            else:
                request = HttpRequest("GET", url, label=request.label, headers=(_AGENT,))
        return None

    def _send(self, request: HttpRequest) -> HttpResponse | None:
        request = _with_authorization(request)
        self.sent.append(request)
        if self.deliver is None:
            return None
        try:
            return self._deliver(self.deliver, request)
        except TransportError:
            return None

    def _deliver(self, deliver: Deliver, request: HttpRequest) -> HttpResponse:
        if self.is_async:
            deliver_async = cast("Callable[[HttpRequest], Awaitable[HttpResponse]]", deliver)
            return self._loops.wait_for(lambda: deliver_async(request))
        reply: object = deliver(request)
        if isinstance(reply, Coroutine):
            reply.close()  # otherwise Python warns that it was never awaited
            raise UsageError("deliver: returned a coroutine, so write it with `async def`")
        return check_instance(reply, HttpResponse, "deliver", "a function that returns a response")


def _with_authorization(request: HttpRequest) -> HttpRequest:
    """Move the user name and password in a URL into a header, as Go's client does."""
    scheme, _, rest = request.url.partition("://")
    user, at, _ = re.split("[/?]", rest, maxsplit=1)[0].rpartition("@")
    if not at:
        return request
    name, _, password = user.partition(":")
    pair = b":".join(map(unquote_to_bytes, (name, password)))
    header = ("authorization", f"Basic {base64.b64encode(pair).decode()}")
    return HttpRequest(
        request.method,
        f"{scheme}://{rest[len(user) + 1 :]}",
        label=request.label,
        headers=(*request.headers, header),
        body=request.body,
    )


def _next_request(response: HttpResponse | None) -> bytes | None:
    """Return the request in a reply to a `nextSession` post; see `fetch_next_request`."""
    if response is None:
        # The official server appends the error of its HTTP client to this message.
        raise Refusal(NEXT_SESSION, "Error type: transport")
    if response.status == _NO_CONTENT:
        return None
    body = b"" if response.status == _NOT_MODIFIED else _decompress(response)
    if response.status != _OK:
        raise _unexpected_response(response.status, body)
    try:
        parse_json(body)
    except GoJsonError as problem:
        raise _response_error(str(problem), response.status) from None
    return body


def _decompress(response: HttpResponse) -> bytes:
    """Return the body, decompressed as Go's client does.

    A body that is not gzip data is returned unchanged: `deliver` may have decompressed it but kept
    the `content-encoding` header.
    """
    encoding = response.header("content-encoding").lower()
    if encoding != "gzip" or not response.body.startswith(_GZIP_MAGIC):
        return response.body
    try:
        return zlib.decompress(response.body, _GZIP)
    except zlib.error:
        raise _response_error("unexpected EOF", response.status) from None


def _unexpected_response(status: int, body: bytes) -> Refusal:
    try:
        error = _REMOTE_ERROR.read_new(parse_json(body))
    except GoJsonError:
        error = {"error": ""}
    if error["error"]:
        message = f" ({error['message']})" if error["message"] else ""
        error_text = f"{error['error']}{message}: {error['description']}"
        return Refusal(
            NEXT_SESSION, f"Error type: api\nStatus code: {status}\nServer error: {error_text}"
        )
    snippet = _snippet(body)
    return _response_error(
        f"unexpected response, status {status}{': ' if snippet else ''}{snippet}", status
    )


def _response_error(description: str, status: int) -> Refusal:
    code = "" if status == _OK else f"\nStatus code: {status}"
    return Refusal(NEXT_SESSION, f"Error type: serverResponse\nDescription: {description}{code}")


def _snippet(body: bytes) -> str:
    """Return the beginning of a body on one line, without unprintable characters."""
    text = body[: _SNIPPET_LENGTH * _MAX_CHARACTER_BYTES].decode("utf-8", "replace")
    printable = "".join(character if _is_printable(character) else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= _SNIPPET_LENGTH else f"{line[:_SNIPPET_LENGTH].strip()}..."


def _is_printable(character: str) -> bool:
    return character != "\ufffd" and unicodedata.category(character)[0] in _PRINTABLE
