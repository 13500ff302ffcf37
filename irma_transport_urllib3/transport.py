"""The transport: one `send` that is bounded in time and size, whatever the server does."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from http.client import HTTPException, HTTPResponse
from typing import Self, TypeAlias, TypeVar, cast

from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import HTTPError

from irma_core.errors import ConfigurationError, IrmaError, MalformedResponseError
from irma_core.models.headers import checked_headers, frames_request
from irma_core.models.risks import Risk, parse_risks
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary
from irma_transport_urllib3.body import read_body
from irma_transport_urllib3.clock import SystemClock, system_jitter
from irma_transport_urllib3.exchange import Exchange, Limits, Sent, current
from irma_transport_urllib3.failures import explain
from irma_transport_urllib3.pools import Origin, Pools, PoolSettings, shown_target
from irma_transport_urllib3.settings import TlsSettings, read_proxy, tls_context
from irma_transport_urllib3.streams import Urllib3Stream

__all__ = ["Urllib3Transport"]

ReceivedT = TypeVar("ReceivedT")
Receive: TypeAlias = Callable[[BaseHTTPResponse, HTTPResponse, Exchange], ReceivedT]

# The server closes after 2.0 s of idling; the rest is for the way to it.
_LONGEST_IDLE = timedelta(seconds=1.5)
_NEVER_AGAIN = Retry(total=False, redirect=False)


@boundary
class Urllib3Transport:
    """Runs HTTP requests on the calling thread, with urllib3 and a pool of connections.

    May be shared by threads. A forked child opens connections of its own. Follows no redirect and
    repeats no request. Reads no proxy from the environment. `SSL_CERT_FILE` and `SSL_CERT_DIR`
    there stand for the system's certificates, as OpenSSL has it. Use it with `with`, or `close` it.

    Args:
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
        idle_limit: How long a connection may have been idle and still be used; at most 1.5 s, since
            an IRMA server closes it at 2 s.
        max_response_bytes: How large a body may be, in bytes after decompression. A signed result
            has each value four times, in base64: 1 MiB holds some 190 kB of values.
        pool_size: How many idle connections to keep for a server; more may be in use.

    Raises:
        ConfigurationError: A setting is wrong, or a file is missing or not what it should be.
    """

    def __init__(
        self,
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
        pool_size: int = 32,
    ) -> None:
        if not timedelta(0) <= idle_limit <= _LONGEST_IDLE:
            raise ConfigurationError("idle_limit: it must be from 0 to 1.5 seconds")
        if max_response_bytes < 1 or pool_size < 1:
            raise ConfigurationError("max_response_bytes and pool_size: at least 1")
        risks = parse_risks(allow)
        tls = TlsSettings(ca, client_certificate, client_key, client_key_password)
        context = tls_context(tls, ssl_context, risks)
        self._limits = Limits(idle_limit.total_seconds(), max_response_bytes)
        self._settings = PoolSettings(context, pool_size, read_proxy(proxy, proxy_headers, risks))
        self._pools: Pools | None = Pools(self._settings)
        self._streams: set[Urllib3Stream] = set()
        self._clock = SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

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
        return self._settings.proxy is not None

    def sleep(self, duration: timedelta) -> None:
        """Wait; a duration below 0 is none."""
        time.sleep(max(duration.total_seconds(), 0.0))

    def close(self) -> None:
        """Close the connections, and end streams; a call under way still gets its response.

        Nothing can be sent then.
        """
        pools, self._pools = self._pools, None
        if pools is None:
            return
        if pools.pid == os.getpid():  # or they are the parent's, before a fork
            for stream in tuple(self._streams):
                stream.hang_up()
        pools.close()

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and give the whole response whatever its status.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for connecting, TLS, sending and reading. Only
                the resolution of a host's name is the system's, and may take longer.

        Raises:
            ConnectionFailedError: No connection, or no TLS; nothing was sent.
            ConnectionBrokenError: It ended before the whole response had come.
            TransportTimeoutError: The deadline came first.
            MalformedResponseError: What came is not HTTP, or not in the encoding it claims.
            ResponseTooLargeError: The response is larger than `max_response_bytes`.
            ConfigurationError: The URL or a header cannot be sent, or the transport is closed.
        """
        return self._exchange(request, deadline, _whole)

    def open_stream(self, request: HttpRequest, deadline: float) -> Urllib3Stream:
        """Send the request, and give the response when its head has come, whatever its status.

        It holds a connection of its own until it is closed.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for all up to the end of the head.

        Raises:
            IrmaError: As `send`.
        """
        return self._exchange(
            request,
            deadline,
            lambda response, head, exchange: Urllib3Stream(
                response, head, exchange, request.label, self._streams
            ),
        )

    def _exchange(
        self, request: HttpRequest, deadline: float, receive: Receive[ReceivedT]
    ) -> ReceivedT:
        failure: IrmaError
        origin, exchange = self._prepare(request, deadline)
        token = current.set(exchange)
        try:
            return self._perform(request, origin, exchange, receive)
        except (HTTPError, HTTPException, OSError) as error:
            failure = explain(error, exchange, request.label)
        except ValueError:
            failure = _refused(request, exchange)
        finally:
            current.reset(token)
        # Raised out here it has no context: native errors and their frames hold secrets.
        raise failure

    def _prepare(self, request: HttpRequest, deadline: float) -> tuple[Origin, Exchange]:
        pools = self._pools
        if pools is None:
            raise ConfigurationError("the transport is closed: make a new one")
        if pools.pid != os.getpid():
            # A fork: the sockets are the parent's. Threads that race here make one too many.
            pools = self._pools = Pools(self._settings)
        origin, target = pools.locate(request.url)
        headers = checked_headers(dict(request.headers), request.label, frames_request)
        sent = Sent(
            target,
            origin.prefix + shown_target(request.label),
            {"user-agent": "irma-backend", **headers},
            request.body,
        )
        local = origin.must_be_loopback
        return origin, Exchange(sent, deadline, origin.peer, self._limits, must_be_loopback=local)

    def _perform(
        self,
        request: HttpRequest,
        origin: Origin,
        exchange: Exchange,
        receive: Receive[ReceivedT],
    ) -> ReceivedT:
        exchange.time_left()
        response = origin.pool.urlopen(
            request.method,
            exchange.sent.shown_target,
            headers=exchange.sent.shown_headers,
            retries=_NEVER_AGAIN,
            redirect=False,
            assert_same_host=False,
            timeout=None,
            preload_content=False,
            decode_content=False,
        )
        head = cast("HTTPResponse", exchange.head)  # set while urllib3 read it
        try:
            return receive(response, head, exchange)
        except BaseException:
            response.close()  # what is unread would be read as the next response
            raise


def _whole(response: BaseHTTPResponse, head: HTTPResponse, exchange: Exchange) -> HttpResponse:
    body = read_body(response, head, exchange)
    return HttpResponse(head.status, exchange.headers, body=body)


def _refused(request: HttpRequest, exchange: Exchange) -> IrmaError:
    """Give the error for what `http.client` does not take, and quotes: a header may be secret."""
    if exchange.request_sent:
        reason = f"{exchange.peer} sent no valid HTTP"
        return MalformedResponseError(request.label, reason, request_sent=True)
    return ConfigurationError(
        f"{request.label}: the method, a header or the host's name cannot be sent"
    )
