"""The transport: one awaited `send`, bounded in time and size, whatever the server does."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Self, TypeAlias, TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from irma_core.errors import ConfigurationError, IrmaError
from irma_core.models.headers import checked_headers, frames_request
from irma_core.models.risks import Risk, parse_risks
from irma_core.models.urls import is_loopback
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary
from irma_transport_aiohttp.exchange import CURRENT_EXCHANGE, Exchange, no_retry
from irma_transport_aiohttp.failures import explain
from irma_transport_aiohttp.sessions import Limits, Sessions
from irma_transport_aiohttp.streams import AiohttpStream
from irma_transport_urllib3.body import decoded
from irma_transport_urllib3.clock import SystemClock, system_jitter
from irma_transport_urllib3.exchange import SHOWN_HEADERS, NotHttpError, OverLimitError
from irma_transport_urllib3.pools import shown_target, split_url
from irma_transport_urllib3.settings import TlsSettings, read_proxy, tls_context

__all__ = ["AiohttpTransport"]

ReceivedT = TypeVar("ReceivedT")
Receive: TypeAlias = Callable[[ClientResponse, Exchange], Awaitable[ReceivedT]]

# The server closes after 2.0 s of idling; the rest is for the way to it.
_LONGEST_IDLE = timedelta(seconds=1.5)
_LONGEST_WAIT = 86_400.0
_OWN_HEADERS = {"user-agent": "irma-backend", "accept-encoding": "identity"}


@boundary
class AiohttpTransport:
    """Runs HTTP requests on the event loop, with aiohttp and a pool of connections.

    Belongs to the event loop that it first sends on. Follows no redirect, repeats no request, keeps
    no cookie and reads no proxy from the environment. There, `SSL_CERT_FILE` and `SSL_CERT_DIR`
    stand for the system's certificates, as OpenSSL has it. Use it with `async with`, or `aclose`
    it.

    Args:
        session: Your application's, where its connector is to be used: for its resolver, its local
            address, or the way through a tunnel. Nothing else of it is: cookies, headers,
            time-outs, traces and TLS settings stay behind, and it stays open. Its connector must
            have no limit, since each watch holds a connection, and keep connections no longer
            than `idle_limit`: `TCPConnector(limit=0, keepalive_timeout=1.5)`.
        ca: The certificates to trust instead of the system's: a path to a PEM file, or PEM text.
        client_certificate: Path to a PEM file to show to the server.
        client_key: Path to its private key, if that is in another file.
        client_key_password: The key's password.
        ssl_context: A TLS context of your own, in place of the four above. It must verify
            certificate and name, and take TLS 1.2 or later only.
        proxy: `http://` or `https://` URL of a proxy, with `user:password@` if it asks for them.
            Through it, a requestor takes plain HTTP for loopback only with `Risk.PLAIN_HTTP`.
        proxy_headers: Headers for the proxy.
        allow: The risks that are taken: `Risk.UNVERIFIED_TLS` for an `ssl_context` that verifies
            too little, `Risk.PLAIN_HTTP` for a proxy's password over plain HTTP.
        idle_limit: How long a connection may have been idle and still be used; above 0 and at most
            1.5 s, since an IRMA server closes it at 2 s.
        max_response_bytes: How large a body may be, in bytes after decompression. A signed result
            has each value four times, in base64: 1 MiB holds some 190 kB of values.
        pool_size: How many calls may be under way at once; one beyond them waits, within its
            deadline. Event streams do not count: there may be any number. Without `session`.

    Raises:
        ConfigurationError: A setting is wrong, or a file is missing or not what it should be.
    """

    def __init__(
        self,
        session: ClientSession | None = None,
        *,
        ca: str | os.PathLike[str] | bytes | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        client_key_password: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        proxy_headers: Mapping[str, str] | None = None,
        allow: Collection[Risk] = (),
        idle_limit: timedelta = _LONGEST_IDLE,
        max_response_bytes: int = 1024 * 1024,
        pool_size: int = 100,
    ) -> None:
        if not timedelta(0) < idle_limit <= _LONGEST_IDLE:
            raise ConfigurationError("idle_limit: it must be above 0 and at most 1.5 seconds")
        if max_response_bytes < 1 or pool_size < 1:
            raise ConfigurationError("max_response_bytes and pool_size: at least 1")
        risks = parse_risks(allow)
        tls = TlsSettings(ca, client_certificate, client_key, client_key_password)
        context = tls_context(tls, ssl_context, risks)
        self._tls = context
        self._proxy = read_proxy(proxy, proxy_headers, risks)
        self._max_response_bytes = max_response_bytes
        self._clock = SystemClock()
        self._sessions = Sessions(Limits(idle_limit.total_seconds(), pool_size), session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    @property
    def clock(self) -> SystemClock:
        """The system's clock, which deadlines are meant by."""
        return self._clock

    @property
    def jitter(self) -> Callable[[], float]:
        """The system's chance."""
        return system_jitter

    @property
    def is_proxied(self) -> bool:
        """Whether requests go through a proxy."""
        return self._proxy is not None

    async def sleep(self, duration: timedelta) -> None:
        """Wait; a duration below 0 is none."""
        await asyncio.sleep(max(duration.total_seconds(), 0.0))

    async def aclose(self) -> None:
        """Close all connections; what is under way fails, streams too. Nothing is sent then."""
        await self._sessions.close()

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and give the whole response whatever its status.

        Cancelling it closes its connection.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for resolving the name, connecting, TLS,
                sending and reading.

        Raises:
            ConnectionFailedError: No connection, or no TLS; nothing was sent.
            ConnectionBrokenError: It ended before the whole response had come.
            TransportTimeoutError: The deadline came first.
            MalformedResponseError: What came is not HTTP, or not in the encoding it claims.
            ResponseTooLargeError: The response is larger than `max_response_bytes`.
            ConfigurationError: The URL or a header cannot be sent, the transport is closed, or it
                was used on another event loop.
        """
        return await self._exchange(request, deadline, self._whole, is_stream=False)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AiohttpStream:
        """Send the request, and give the response when its head has come, whatever its status.

        Its connection does not count among `pool_size`, and serves nothing else.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for all up to the end of the head.

        Raises:
            IrmaError: As `send`.
        """

        async def receive(response: ClientResponse, exchange: Exchange) -> AiohttpStream:
            under_way = self._sessions.under_way
            return AiohttpStream(response, exchange, request.label, under_way)

        return await self._exchange(request, deadline, receive, is_stream=True)

    async def _exchange(
        self,
        request: HttpRequest,
        deadline: float,
        receive: Receive[ReceivedT],
        *,
        is_stream: bool,
    ) -> ReceivedT:
        failure: IrmaError
        session = self._sessions.get(is_stream=is_stream)
        base, _ = split_url(request.url)
        _check_base(base)
        given = checked_headers(dict(request.headers), request.label, frames_request)
        shown = {**_OWN_HEADERS, **{n: v for n, v in given.items() if n in SHOWN_HEADERS}}
        hidden = {name: value for name, value in given.items() if name not in SHOWN_HEADERS}
        is_plain = base[:5].lower() == "http:"
        if self._proxy is not None and is_plain:
            # Such a proxy reads the request itself; aiohttp sends its headers ahead of TLS only.
            hidden.update(self._proxy.headers)
        url = URL(base + shown_target(request.label), encoded=True)
        exchange = Exchange(
            base.partition("://")[2],
            URL(request.url, encoded=True),
            hidden,
            request.body,
            must_be_loopback=is_plain and self._proxy is None and is_loopback(url.host or ""),
        )
        CURRENT_EXCHANGE.set(exchange)
        left = min(deadline - self._clock.monotonic(), _LONGEST_WAIT)
        try:
            if left <= 0:
                raise TimeoutError
            async with asyncio.timeout(left):
                response = await self._respond(session, request, url, shown)
                self._sessions.under_way.add(response)
                try:
                    exchange.check_head()
                    return await receive(response, exchange)
                except BaseException:
                    self._sessions.under_way.discard(response)
                    response.close()  # and what is left of it goes with its connection
                    raise
        except (ClientError, OSError, NotHttpError, OverLimitError) as error:
            failure = explain(exchange.fault or error, exchange, request.label)
        # Raised out here it has no context: native errors and their frames hold secrets.
        raise failure

    async def _respond(
        self,
        session: ClientSession,
        request: HttpRequest,
        url: URL,
        headers: dict[str, str],
    ) -> ClientResponse:
        proxy = self._proxy
        return await session.request(
            request.method,
            url,
            headers=headers,
            allow_redirects=False,
            ssl=self._tls,
            proxy=proxy and proxy.url,
            proxy_headers=proxy and proxy.headers,
            middlewares=() if request.method == "POST" else (no_retry,),
        )

    async def _whole(self, response: ClientResponse, _: Exchange) -> HttpResponse:
        body = await self._read(response)
        self._sessions.under_way.discard(response)
        pairs = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        )
        return HttpResponse(response.status, pairs, body=body)

    async def _read(self, response: ClientResponse) -> bytes:
        """Read and decompress the whole body; what is left over goes with its connection."""
        limit, content = self._max_response_bytes, response.content
        if (response.content_length or 0) > limit:
            raise OverLimitError
        body = bytearray(content.read_nowait())
        # Most are here with their head. The connection is given back with the last byte.
        while not content.at_eof() and len(body) <= limit:
            body += await content.readany()
        if len(body) > limit:
            raise OverLimitError
        encoding = response.headers.get("content-encoding")
        return decoded(body, encoding, limit) if encoding and body else bytes(body)


@lru_cache(maxsize=64)
def _check_base(base: str) -> None:
    """Raise `ConfigurationError` if host or port is none."""
    try:
        url = URL(base, encoded=True)
        if url.host and url.port is not None and url.host.encode("idna"):
            return
    except ValueError:  # UnicodeError too
        pass
    raise ConfigurationError(f"the host or port of {base} is not valid")
