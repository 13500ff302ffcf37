"""The transport for threads. Each call is limited in time and size, whatever the server does."""

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
from irma_core.models.arguments import check_deadline, check_instance, check_timeout
from irma_core.models.risks import Risk, parse_risks
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary
from irma_transport.clock import LONGEST_BLOCKING_WAIT, SystemClock, system_jitter
from irma_transport.failure_reasons import not_http
from irma_transport.request_parts import prepare_headers, shown_target
from irma_transport.settings import (
    DEFAULT_MAX_RESPONSE_BYTES,
    LONGEST_IDLE,
    PathOrString,
    TlsSettings,
    check_limits,
    read_proxy,
    tls_context,
)
from irma_transport_urllib3.body import read_body
from irma_transport_urllib3.exchange import (
    CURRENT_EXCHANGE,
    Exchange,
    Limits,
    OutgoingRequest,
    header_lines,
)
from irma_transport_urllib3.failures import explain
from irma_transport_urllib3.pools import Origin, Pools, PoolSettings
from irma_transport_urllib3.streams import Urllib3Stream

__all__ = ["Urllib3Transport"]

ResultT = TypeVar("ResultT")
Receive: TypeAlias = Callable[[BaseHTTPResponse, HTTPResponse, Exchange], ResultT]

_NO_RETRY = Retry(total=False, redirect=False)


@boundary
class Urllib3Transport:
    """Sends HTTP requests on the calling thread, with urllib3 and a pool of connections.

    Threads may share it. A forked child opens its own connections. The transport does not follow
    redirects, repeat requests, or take a proxy from the environment. The variables `SSL_CERT_FILE`
    and `SSL_CERT_DIR` replace the system's certificates, because OpenSSL reads them. Use the
    transport with `with`, or call `close` at the end.

    Args:
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
        idle_limit: The longest idle time after which a connection is used again. At most 1.5 s,
            because an IRMA server closes an idle connection after 2 s.
        max_response_bytes: The largest body to accept, in bytes. A signed result holds each value
            four times in base64, so 1 MiB is enough for about 190 kB of values.
        pool_size: The number of idle connections to keep for each server. More connections may be
            in use.

    Raises:
        ConfigurationError: A setting is invalid, or a file cannot be used.
    """

    def __init__(
        self,
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
        pool_size: int = 32,
    ) -> None:
        check_limits(idle_limit, max_response_bytes, pool_size)
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
        """The system's clock, which measures deadlines."""
        return self._clock

    @property
    def jitter(self) -> Callable[[], float]:
        """Random numbers from 0 up to, but not including, 1."""
        return system_jitter

    @property
    def is_proxied(self) -> bool:
        """Whether requests go through a proxy."""
        return self._settings.proxy is not None

    def sleep(self, duration: timedelta) -> None:
        """Wait for a duration; return at once if it is negative.

        Raises:
            UsageError: The duration is not a `timedelta`, or is longer than a hundred years.
        """
        check_timeout(duration, "duration")
        until = self._clock.monotonic() + duration.total_seconds()
        while (left := until - self._clock.monotonic()) > 0:
            time.sleep(min(left, LONGEST_BLOCKING_WAIT))

    def close(self) -> None:
        """Close the connections and end the streams. Nothing can be sent afterwards.

        A call that is running on another thread still gets its response.
        """
        pools, self._pools = self._pools, None
        if pools is None:
            return
        if pools.pid == os.getpid():  # in a forked child, the streams belong to the parent
            for stream in tuple(self._streams):
                stream.hang_up()
        pools.close()

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and return the whole response whatever its status.

        Args:
            request: The request, which is sent unchanged.
            deadline: A time on `clock.monotonic()`. It limits connecting, TLS, sending and reading
                together. Only the system's resolver may take longer.

        Raises:
            ConnectionFailedError: The connection or its TLS handshake failed; nothing was sent.
            ConnectionBrokenError: The connection ended before the whole response had arrived.
            TransportTimeoutError: The deadline passed.
            MalformedResponseError: The response is not HTTP, or its body is compressed.
            ResponseTooLargeError: The response is larger than `max_response_bytes`.
            ConfigurationError: The URL or a header cannot be sent, or the transport is closed.
            UsageError: An argument has the wrong type.
        """
        return self._exchange(request, deadline, _whole)

    def open_stream(self, request: HttpRequest, deadline: float) -> Urllib3Stream:
        """Send the request, and return the response when its head has arrived, whatever its status.

        The stream uses a connection of its own until it is closed.

        Args:
            request: The request, which is sent unchanged.
            deadline: A time on `clock.monotonic()`, by which the whole head must have arrived.

        Raises:
            IrmaError: As for `send`.
        """
        return self._exchange(
            request,
            deadline,
            lambda response, head, exchange: Urllib3Stream(
                response, head, exchange, request.label, self._streams
            ),
        )

    def _exchange(
        self, request: HttpRequest, deadline: float, receive: Receive[ResultT]
    ) -> ResultT:
        failure: IrmaError
        origin, exchange = self._prepare(request, deadline)
        token = CURRENT_EXCHANGE.set(exchange)
        try:
            return self._perform(request, origin, exchange, receive)
        except (HTTPError, HTTPException, OSError) as error:
            failure = explain(error, exchange, request.label)
        except ValueError:
            failure = _refused(request, exchange)
        finally:
            CURRENT_EXCHANGE.reset(token)
        # The error is raised outside `except`, so it has no context: native errors and their frames
        # hold secrets.
        raise failure

    def _prepare(self, request: HttpRequest, deadline: float) -> tuple[Origin, Exchange]:
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        check_deadline(deadline)
        pools = self._pools
        if pools is None:
            raise ConfigurationError("the transport is closed: make a new one")
        if pools.pid != os.getpid():
            # After a fork, the sockets belong to the parent. Threads that get here at the same time
            # may each make new pools.
            pools = self._pools = Pools(self._settings)
        origin, target = pools.locate(request.url)
        shown, hidden = prepare_headers(request.headers, request.label)
        shown = {"user-agent": "irma-backend", **shown}
        tunnel_headers = b""
        if self._settings.proxy is not None:
            own = self._settings.proxy.headers
            if origin.prefix:  # this proxy reads the request itself
                shown = {name: value for name, value in shown.items() if name not in own}
                hidden.update(own)
            else:
                tunnel_headers = header_lines(own)
        outgoing = OutgoingRequest(
            target,
            origin.prefix + shown_target(request.label),
            shown,
            hidden,
            request.body,
        )
        return origin, Exchange(
            outgoing,
            deadline,
            origin.peer,
            self._limits,
            must_be_loopback=origin.must_be_loopback,
            tunnel_headers=tunnel_headers,
        )

    def _perform(
        self,
        request: HttpRequest,
        origin: Origin,
        exchange: Exchange,
        receive: Receive[ResultT],
    ) -> ResultT:
        exchange.time_left()
        response = origin.pool.urlopen(
            request.method,
            exchange.request.shown_target,
            headers=exchange.request.shown_headers,
            retries=_NO_RETRY,
            redirect=False,
            assert_same_host=False,
            timeout=None,
            preload_content=False,
            decode_content=False,
        )
        head = cast("HTTPResponse", exchange.head)  # `BoundedResponse.begin` has set it
        try:
            return receive(response, head, exchange)
        except BaseException:
            response.close()  # because the unread rest would be read as the next response
            raise


def _whole(response: BaseHTTPResponse, head: HTTPResponse, exchange: Exchange) -> HttpResponse:
    body = read_body(response, head, exchange)
    return HttpResponse(head.status, exchange.headers, body=body)


def _refused(request: HttpRequest, exchange: Exchange) -> IrmaError:
    """Return the error for a `ValueError` from `http.client`, which may quote a secret header."""
    if exchange.request_sent:
        reason = not_http(exchange.peer, "http.client cannot parse it")
        return MalformedResponseError(request.label, reason, request_sent=True)
    return ConfigurationError(
        f"{request.label}: the method, a header or the host name has an invalid character"
    )
