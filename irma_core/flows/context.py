"""The settings that every flow of a requestor uses: server, credentials, keys and time limits."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.flows.single_flight import SingleFlight
from irma_core.models.events import Event
from irma_core.models.headers import checked_headers, is_reserved
from irma_core.models.holders import Headers, Hidden, HiddenSecret, hide_headers
from irma_core.models.risks import Risk, parse_risks
from irma_core.protocol.known_schemes import KnownSchemes
from irma_core.protocol.observers import Observer
from irma_core.protocol.part_checks import (
    check_observer,
    check_schemes,
    check_signature_verifier,
    check_signer,
    check_status_backend,
    check_transport,
)
from irma_core.protocol.policy import RetryPolicy
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.signature_verifiers import SignatureVerifier
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.transport import AsyncTransport, Clock, Jitter, Transport, sends_by_proxy
from irma_core.tracebacks import boundary
from irma_core.trust.authentication import (
    Authentication,
    HmacAuthentication,
    NoAuthentication,
    PublicKeyAuthentication,
    TokenAuthentication,
)
from irma_core.trust.server_keys import FetchedServerKey, GivenKey, ServerKey, parse_server_keys
from irma_core.trust.signing import AsyncSigner, Signer
from irma_core.value_object import ValueObject

__all__ = ["DEFAULT_JWT_ISSUER", "DEFAULT_TIMEOUT", "RequestorContext", "make_context"]

DEFAULT_JWT_ISSUER: Final = "irmaserver"
"""irmago's default for its setting `jwt_issuer`."""
DEFAULT_TIMEOUT: Final = timedelta(seconds=30)
"""The default time limit for a call, including all attempts and waits."""
_NO_HEADERS: Final[Hidden[Headers]] = HiddenSecret(())


@final
@attrs.frozen(eq=False, repr=False)
class RequestorContext(ValueObject):
    """The settings of a requestor.

    Args:
        server: The IRMA server.
        clock: The transport's clock.
        jitter: The transport's jitter.
        authentication: How the requestor authenticates to the server.
        headers: Additional headers for each request.
        frontend: The server's URL for browsers and apps, if it differs from `server`.
        is_proxied: Whether the transport sends requests through a proxy.
        allow: The risks that the caller accepts.
        server_keys: Public keys of the server. If there are any, answers come only from signed
            results.
        fetched_key: How to fetch the server's key, if `server_keys` is empty.
        key_flight: The cache of the fetched key, which concurrent calls share.
        jwt_issuer: The issuer of signed results: the server's setting `jwt_issuer`; None if that
            setting is empty.
        status_backend: A second source of final statuses and signed results, or None.
        retry: How often to try a `GET` or `DELETE`. A `POST` is retried only if nothing was sent.
        call_timeout: The time limit for a whole call, including all attempts and waits.
        try_timeout: The time limit for one request. A server may take 4.2 s to report a timeout of
            its own, so a shorter limit would hide that error.
        poll_interval: The time between two requests for a session's status.
        is_async: Whether the transport, signer and backend are awaited, as in an `AsyncRequestor`.
        observer: Receives notifications about sessions, or None.
        signature_verifier: Verifies the signatures of signature sessions, or None.
        schemes: The schemes that define which attributes exist, or None.
    """

    server: ServerUrl
    clock: Clock
    jitter: Jitter = attrs.field(kw_only=True)
    authentication: Authentication[Signer | AsyncSigner] = attrs.field(
        default=NoAuthentication(), kw_only=True
    )
    _headers: Hidden[Headers] = attrs.field(
        default=_NO_HEADERS, alias="headers", converter=hide_headers, kw_only=True, repr=False
    )
    frontend: ServerUrl | None = attrs.field(default=None, kw_only=True)
    is_proxied: bool = attrs.field(default=False, kw_only=True)
    allow: frozenset[Risk] = attrs.field(default=frozenset(), kw_only=True)
    server_keys: tuple[GivenKey, ...] = attrs.field(default=(), kw_only=True, repr=False)
    fetched_key: FetchedServerKey | None = attrs.field(default=None, kw_only=True)
    key_flight: SingleFlight = attrs.field(factory=SingleFlight, kw_only=True, repr=False, eq=False)
    jwt_issuer: str | None = attrs.field(default=DEFAULT_JWT_ISSUER, kw_only=True)
    status_backend: StatusBackend | AsyncStatusBackend | None = attrs.field(
        default=None, kw_only=True, repr=lambda backend: f"<{type(backend).__name__}>"
    )
    retry: RetryPolicy = attrs.field(default=RetryPolicy(), kw_only=True)
    call_timeout: timedelta = attrs.field(default=DEFAULT_TIMEOUT, kw_only=True)
    try_timeout: timedelta = attrs.field(default=timedelta(seconds=10), kw_only=True)
    poll_interval: timedelta = attrs.field(default=timedelta(seconds=1), kw_only=True)
    is_async: bool = attrs.field(default=False, kw_only=True)
    observer: Observer | None = attrs.field(
        default=None, kw_only=True, repr=lambda observer: f"<{type(observer).__name__}>"
    )
    signature_verifier: SignatureVerifier | None = attrs.field(
        default=None, kw_only=True, repr=lambda verifier: f"<{type(verifier).__name__}>"
    )
    schemes: KnownSchemes | None = attrs.field(
        default=None, kw_only=True, repr=lambda schemes: f"<{type(schemes).__name__}>"
    )

    @property
    def headers(self) -> Headers:
        """Additional headers for each request."""
        return self._headers.reveal()

    def __attrs_post_init__(self) -> None:
        if self.deadline() <= self.clock.monotonic():
            raise ConfigurationError("timeout must be above zero")

    @property
    def takes_signed_results(self) -> bool:
        """Whether answers come only from results that the server signed."""
        return bool(self.server_keys) or self.fetched_key is not None

    def deadline(self, timeout: timedelta | None = None) -> float:
        """Return the deadline, on the monotonic clock, for a call that begins now.

        Raises:
            ConfigurationError: The timeout is not a `timedelta`.
        """
        longest = self.call_timeout if timeout is None else timeout
        if not isinstance(longest, timedelta):
            raise ConfigurationError("timeout must be a timedelta such as timedelta(seconds=5)")
        return self.clock.monotonic() + longest.total_seconds()

    def try_deadline(self, deadline: float) -> float:
        """Return the deadline for one request, which is no later than the deadline of its call."""
        return min(deadline, self.clock.monotonic() + self.try_timeout.total_seconds())

    def notify(self, event: Event) -> None:
        """Notify the observer, if there is one; an exception that it raises becomes a warning."""
        if self.observer is None:
            return
        try:
            self.observer.observe(event)
        except Exception as error:  # noqa: BLE001  # an observer must not change what it observes
            # The exception's message is left out, because a warning may reach any log.
            name, raised = type(self.observer).__name__, type(error).__name__
            with suppress(RuntimeWarning):  # a program may turn warnings into errors
                warnings.warn(
                    f"observer: {name} raised {raised}, which is ignored",
                    RuntimeWarning,
                    stacklevel=1,
                )

    def seconds_left(self, deadline: float) -> float:
        """Return the number of seconds until the deadline; negative if the deadline has passed."""
        return deadline - self.clock.monotonic()


@boundary
def make_context(
    url: str,
    transport: Transport | AsyncTransport,
    *,
    authentication: Authentication[Signer | AsyncSigner],
    allow: Collection[Risk],
    timeout: timedelta,
    server_key: ServerKey | None,
    jwt_issuer: str | None,
    status_backend: StatusBackend | AsyncStatusBackend | None,
    is_async: bool,
    headers: Mapping[str, str] | None,
    frontend_url: str | None,
    observer: Observer | None,
    signature_verifier: SignatureVerifier | None,
    schemes: KnownSchemes | None,
) -> RequestorContext:
    """Return the context of a requestor, given the requestor's arguments.

    Raises:
        ConfigurationError: An argument is invalid.
    """
    check_transport(transport, is_async=is_async)
    check_status_backend(status_backend, is_async=is_async)
    check_observer(observer)
    check_signature_verifier(signature_verifier)
    check_schemes(schemes)
    _check_authentication(authentication, is_async=is_async)
    _check_issuer(jwt_issuer)
    risks = parse_risks(allow)
    is_proxied = sends_by_proxy(transport)
    frontend = None
    if frontend_url is not None:
        frontend = ServerUrl.parse(
            frontend_url, allow=risks, what="frontend_url", is_proxied=is_proxied
        )
    own = checked_headers(headers, "headers", is_reserved)
    return RequestorContext(
        ServerUrl.parse(url, allow=risks, is_proxied=is_proxied),
        transport.clock,
        headers=tuple(own.items()),
        frontend=frontend,
        is_proxied=is_proxied,
        jitter=transport.jitter,
        authentication=authentication,
        allow=risks,
        server_keys=parse_server_keys(server_key),
        fetched_key=server_key if isinstance(server_key, FetchedServerKey) else None,
        jwt_issuer=jwt_issuer,
        status_backend=status_backend,
        call_timeout=timeout,
        is_async=is_async,
        observer=observer,
        signature_verifier=signature_verifier,
        schemes=schemes,
    )


def _check_authentication(authentication: object, *, is_async: bool) -> None:
    kinds = (
        NoAuthentication,
        TokenAuthentication,
        HmacAuthentication,
        PublicKeyAuthentication,
    )
    if not isinstance(authentication, kinds):  # a bare token would never be sent
        raise ConfigurationError(
            "authentication must be TokenAuthentication(token), HmacAuthentication(name, signer), "
            "PublicKeyAuthentication(name, signer) or NoAuthentication()"
        )
    if isinstance(authentication, HmacAuthentication | PublicKeyAuthentication):
        check_signer(authentication.signer, "authentication", is_async=is_async)


def _check_issuer(jwt_issuer: object) -> None:
    if jwt_issuer is not None and (not isinstance(jwt_issuer, str) or not jwt_issuer):
        raise ConfigurationError(
            "jwt_issuer must be the value of the server's `jwt_issuer` setting, or None if "
            "that setting is empty"
        )
