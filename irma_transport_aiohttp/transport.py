"""The transport for asyncio. Each call is limited in time and size, whatever the server does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple, Self, TypeAlias, TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from irma_core.errors import ConfigurationError, IrmaError
from irma_core.models.arguments import check_deadline, check_instance, check_timeout
from irma_core.models.risks import Risk, parse_risks
from irma_core.models.urls import is_loopback
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary
from irma_transport.clock import SystemClock, seconds_until, system_jitter
from irma_transport.request_parts import prepare_headers, shown_target, split_url
from irma_transport.response_errors import NotHttpError, OverLimitError
from irma_transport.response_head import check_not_encoded
from irma_transport.settings import (
    DEFAULT_MAX_RESPONSE_BYTES,
    LONGEST_IDLE,
    PathOrString,
    TlsSettings,
    check_limits,
    read_proxy,
    tls_context,
)
from irma_transport_aiohttp.exchange import CURRENT_EXCHANGE, Exchange, no_retry
from irma_transport_aiohttp.failures import explain
from irma_transport_aiohttp.sessions import Limits, Sessions
from irma_transport_aiohttp.streams import AiohttpStream

__all__ = ["AiohttpTransport"]

ResultT = TypeVar("ResultT")
Receive: TypeAlias = Callable[[ClientResponse, Exchange], Awaitable[ResultT]]

_OWN_HEADERS = {"user-agent": "irma-backend", "accept-encoding": "identity"}


@boundary
class AiohttpTransport:
    """Sends HTTP requests from the event loop, with aiohttp and a pool of connections.

    The transport belongs to the event loop on which it sends its first request. It does not follow
    redirects, repeat requests, keep cookies, or take a proxy from the environment. The variables
    `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's certificates, because OpenSSL reads
    them. Use the transport with `async with`, or call `aclose` at the end.

    Args:
        session: Your application's session. Pass it if the transport must use the session's
            connector, for example for a resolver, a local address, or a tunnel. The session's
            cookies, headers, timeouts, traces and TLS settings are not used, and the session stays
            open. The connector must have no limit, because each watch holds a connection. It must
            keep idle connections no longer than `idle_limit`. An example is
            `TCPConnector(limit=0, keepalive_timeout=1.5)`.
        ca: The certificates to trust in place of the system's: PEM certificates, or the path to a
            PEM file.
        client_certificate: The path to a PEM file with the client's certificate.
        client_key: The path to the certificate's private key, if the key is in another file.
        client_key_password: The password of the key.
        ssl_context: Your own TLS context, in place of the previous four arguments. It must verify
            the server's certificate and name, and accept only TLS 1.2 or later.
        proxy: The `http://` or `https://` URL of a proxy, with `user:password@` if the proxy needs
            them. Through a proxy, a requestor needs `Risk.PLAIN_HTTP` even for plain HTTP to a
            loopback address.
        proxy_headers: Headers for the proxy.
        allow: The risks to accept: `Risk.UNVERIFIED_TLS` for an `ssl_context` that verifies too
            little, `Risk.PLAIN_HTTP` for a proxy's password over plain HTTP.
        idle_limit: The longest idle time after which a connection is used again. Above 0, and at
            most 1.5 s, because an IRMA server closes an idle connection after 2 s.
        max_response_bytes: The largest body to accept, in bytes. A signed result holds each value
            four times in base64, so 1 MiB is enough for about 190 kB of values.
        pool_size: The number of calls that may run at once, unless you pass a `session`. Further
            calls wait, within their deadlines. Event streams do not count.

    Raises:
        ConfigurationError: A setting is invalid, or a file cannot be used.
    """

    def __init__(
        self,
        session: ClientSession | None = None,
        *,
        ca: PathOrString | bytes | None = None,
        client_certificate: PathOrString | None = None,
        client_key: PathOrString | None = None,
        client_key_password: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        proxy_headers: Mapping[str, str] | None = None,
        allow: Collection[Risk] = (),
        idle_limit: timedelta = LONGEST_IDLE,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        pool_size: int = 100,
    ) -> None:
        check_limits(idle_limit, max_response_bytes, pool_size)
        if not idle_limit:
            raise ConfigurationError(
                "idle_limit: must be above 0 for aiohttp; for example, 0.1 seconds"
            )
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
        """The system's clock, which measures deadlines."""
        return self._clock

    @property
    def jitter(self) -> Callable[[], float]:
        """Random numbers from 0 up to, but not including, 1."""
        return system_jitter

    @property
    def is_proxied(self) -> bool:
        """Whether requests go through a proxy."""
        return self._proxy is not None

    async def sleep(self, duration: timedelta) -> None:
        """Wait for a duration; return at once if it is negative.

        Raises:
            UsageError: The duration is not a `timedelta`, or is longer than a hundred years.
        """
        check_timeout(duration, "duration")
        await asyncio.sleep(max(duration.total_seconds(), 0.0))

    async def aclose(self) -> None:
        """Close all connections. Open calls and streams fail, and nothing more can be sent."""
        await self._sessions.close()

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and return the whole response whatever its status.

        Cancelling the call closes its connection.

        Args:
            request: The request, which is sent unchanged.
            deadline: A time on `clock.monotonic()`. It limits name resolution, connecting, TLS,
                sending and reading together.

        Raises:
            ConnectionFailedError: The connection or its TLS handshake failed; nothing was sent.
            ConnectionBrokenError: The connection ended before the whole response had arrived.
            TransportTimeoutError: The deadline passed.
            MalformedResponseError: The response is not HTTP, or its body is compressed.
            ResponseTooLargeError: The response is larger than `max_response_bytes`.
            ConfigurationError: The URL or a header cannot be sent, the transport is closed, or it
                was used on another event loop.
            UsageError: An argument has the wrong type.
        """
        return await self._exchange(request, deadline, self._whole, is_stream=False)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AiohttpStream:
        """Send the request, and return the response when its head has arrived, whatever its status.

        The stream has a separate connection, which does not count towards `pool_size`.

        Args:
            request: The request, which is sent unchanged.
            deadline: A time on `clock.monotonic()`, by which the whole head must have arrived.

        Raises:
            IrmaError: As for `send`.
        """

        async def receive(response: ClientResponse, exchange: Exchange) -> AiohttpStream:
            open_responses = self._sessions.open_responses
            return AiohttpStream(response, exchange, request.label, open_responses)

        return await self._exchange(request, deadline, receive, is_stream=True)

    async def _exchange(
        self,
        request: HttpRequest,
        deadline: float,
        receive: Receive[ResultT],
        *,
        is_stream: bool,
    ) -> ResultT:
        failure: IrmaError
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        check_deadline(deadline)
        session = self._sessions.get(is_stream=is_stream)
        base, _ = split_url(request.url)
        origin = _origin(base)
        shown, hidden = prepare_headers(request.headers, request.label)
        shown = {**_OWN_HEADERS, **shown}
        if self._proxy is not None and origin.is_plain:
            # For plain HTTP, the proxy reads the request itself, but aiohttp sends these headers
            # only for TLS.
            hidden.update(self._proxy.headers)
        url = URL(base + shown_target(request.label), encoded=True)
        exchange = Exchange(
            origin.peer,
            URL(request.url, encoded=True),
            hidden,
            request.body,
            must_be_loopback=origin.is_plain_loopback and self._proxy is None,
        )
        CURRENT_EXCHANGE.set(exchange)
        left = seconds_until(deadline)
        try:
            if left <= 0:
                raise TimeoutError
            async with asyncio.timeout(left):
                response = await self._respond(session, request, url, shown)
                self._sessions.open_responses.add(response)
                try:
                    exchange.check_head()
                    return await receive(response, exchange)
                except BaseException:
                    self._sessions.open_responses.discard(response)
                    response.close()  # because the unread rest would be read as the next response
                    raise
        except (ClientError, OSError, NotHttpError, OverLimitError) as error:
            failure = explain(exchange.fault or error, exchange, request.label)
        # The error is raised outside `except`, so it has no context: native errors and their frames
        # hold secrets.
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
        self._sessions.open_responses.discard(response)
        pairs = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        )
        return HttpResponse(response.status, pairs, body=body)

    async def _read(self, response: ClientResponse) -> bytes:
        """Read the whole body."""
        limit, content = self._max_response_bytes, response.content
        length = response.content_length
        if length != 0:
            check_not_encoded(response.headers.getall("content-encoding", ()))
        if (length or 0) > limit:
            raise OverLimitError
        # Most bodies arrive together with their head. aiohttp has then already released the
        # connection.
        body = bytearray(content.read_nowait())
        while not content.at_eof() and len(body) <= limit:
            body += await content.readany()
        if len(body) > limit:
            raise OverLimitError
        return bytes(body)


class _Origin(NamedTuple):
    """A scheme, host and port.

    Attributes:
        peer: Host and port, for error messages.
        is_plain: Whether the scheme is `http`.
        is_plain_loopback: Whether the origin is plain HTTP to a loopback address, which needs no
            permission.
    """

    peer: str
    is_plain: bool
    is_plain_loopback: bool


@lru_cache(maxsize=64)
def _origin(base: str) -> _Origin:
    """Return the origin of a URL. An application has few origins, and each is checked once.

    Raises:
        ConfigurationError: The host or the port is not valid.
    """
    try:
        url = URL(base, encoded=True)
        if url.host and url.port is not None and url.host.encode("idna"):
            is_plain = url.scheme == "http"
            peer = base.partition("://")[2]
            return _Origin(peer, is_plain, is_plain and is_loopback(url.host))
    except ValueError:  # UnicodeError too
        pass
    raise ConfigurationError(f"the host or port of {base} is not valid")
