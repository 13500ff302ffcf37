"""By configuration alone: a requestor, a signer, a status backend or a store, from URIs.

Each is a context manager, one a mode. It owns what it opens, the transport included, and closes
it in reverse order at the end, and also where something later cannot be opened.
Belongs here: lifetimes. Does not belong here: what a URI means (`opening`, plugins).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Final, TypeAlias, cast, final

from irma_backend import builtin_plugin as builtin_schemes
from irma_backend.installed import chosen_plugins, installed_plugins
from irma_core.async_requestor import AsyncRequestor
from irma_core.errors import ConfigurationError
from irma_core.flows.context import DEFAULT_JWT_ISSUER
from irma_core.models.risks import Risk, parse_risks
from irma_core.plugins.guard import OpenPart
from irma_core.plugins.hookspecs import FactoryContext, Mode, Secret
from irma_core.plugins.registry import PluginRegistry
from irma_core.protocol.part_checks import check_transport
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncTransport, Transport
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.authentication import (
    Authentication,
    HmacAuthentication,
    NoAuthentication,
    PublicKeyAuthentication,
    TokenAuthentication,
)
from irma_core.trust.gateway_settings import GatewayAuthentication
from irma_core.trust.server_keys import ServerKey
from irma_core.trust.signing import HS256, AsyncSigner, Signer
from irma_transport_urllib3 import Urllib3Transport

__all__ = [
    "BUILT_IN",
    "PartFactory",
    "PluginNames",
    "Secrets",
    "connect",
    "connect_async",
    "open_signer",
    "open_signer_async",
    "open_status_backend",
    "open_status_backend_async",
    "open_store",
    "open_store_async",
]


_TIMEOUT: Final = timedelta(seconds=30)


@contextmanager
@boundary
def connect(
    url: str,
    *,
    name: str | None = None,
    key: str | None = None,
    token: str | None = None,
    status: str | None = None,
    gateway: GatewayAuthentication[Signer] | None = None,
    server_key: ServerKey | None = None,
    jwt_issuer: str | None = DEFAULT_JWT_ISSUER,
    timeout: timedelta = _TIMEOUT,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
    headers: Mapping[str, str] | None = None,
    frontend_url: str | None = None,
) -> Generator[Requestor]:
    """Give a requestor by configuration alone, for a `with`; its parts are named by URIs.

    Args:
        url: The server's base URL; see `Requestor`.
        name: The name that the server has for the key.
        key: URI of the key that signs session requests: `file:/etc/irma/key.pem` (a private key
            in PEM for RS256, or one in base64 for HS256), `hmac:NAME` (in base64, by its name in
            `secrets`), or what a plugin offers.
        token: Instead of a key, the API token that the server has for this requestor.
        status: URI of the status backend that watches wait on; see `Requestor.status_backend`.
            The receivers of callbacks that have this requestor publish there.
        gateway: See `Requestor`; and so for the next three.
        server_key: The server's public key.
        jwt_issuer: Who signs results.
        timeout: For each call as a whole.
        plugins: The plugins to use: names of installed ones (`irma-backend plugins` lists them),
            or modules of the application's own. No other is imported.
        secrets: Secrets by name, for URIs and plugins: texts, bytes, or what gives them.
        allow: The risks that are taken; see `Risk`.
        transport: Instead of a `Urllib3Transport()`, one of the caller's, who closes it.
        headers: See `Requestor`, as for the next one.
        frontend_url: Where browsers and apps reach the server.

    Raises:
        ConfigurationError: A setting is wrong; no message shows a URI.
        PluginError: A plugin is not installed, does not do what it must, or failed; or nobody has
            the URI's scheme.
    """
    risks = parse_risks(allow)  # once, as a generator gives them once
    with _opening(plugins, secrets, risks, transport) as (opening, used):
        authentication = opening.authentication(name=name, key=key, token=token)
        backend = None if status is None else opening.status_backend(status)
        yield Requestor(
            url,
            used,
            # The wiring has checked that they are of this mode.
            authentication=cast("Authentication[Signer]", authentication),
            status_backend=cast("StatusBackend | None", backend),
            gateway=gateway,
            allow=risks,
            server_key=server_key,
            jwt_issuer=jwt_issuer,
            timeout=timeout,
            headers=headers,
            frontend_url=frontend_url,
        )


@asynccontextmanager
@boundary
async def connect_async(
    url: str,
    *,
    name: str | None = None,
    key: str | None = None,
    token: str | None = None,
    status: str | None = None,
    gateway: GatewayAuthentication[Signer | AsyncSigner] | None = None,
    server_key: ServerKey | None = None,
    jwt_issuer: str | None = DEFAULT_JWT_ISSUER,
    timeout: timedelta = _TIMEOUT,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
    headers: Mapping[str, str] | None = None,
    frontend_url: str | None = None,
) -> AsyncGenerator[AsyncRequestor]:
    """`connect`, awaited; its own transport is an `AiohttpTransport()`."""
    risks = parse_risks(allow)
    async with _opening_async(plugins, secrets, risks, transport) as (opening, used):
        authentication = opening.authentication(name=name, key=key, token=token)
        backend = None if status is None else opening.status_backend(status)
        yield AsyncRequestor(
            url,
            used,
            authentication=authentication,
            status_backend=cast("AsyncStatusBackend | None", backend),
            gateway=gateway,
            allow=risks,
            server_key=server_key,
            jwt_issuer=jwt_issuer,
            timeout=timeout,
            headers=headers,
            frontend_url=frontend_url,
        )


@contextmanager
@boundary
def open_signer(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
) -> Generator[Signer]:
    """Give the signer that a URI names, for `sign_session_request` for instance.

    Args:
        uri: What `key` of `connect` takes: `file:…`, `hmac:NAME`, or what a plugin offers.
        plugins: The plugins to use; this and the rest as in `connect`.
        secrets: Secrets by name.
        allow: The risks that are taken.
        transport: What plugins that ask a service use; the caller closes it.

    Raises:
        ConfigurationError: A setting is wrong; no message shows a URI.
        PluginError: As in `connect`.
    """
    with _opening(plugins, secrets, allow, transport) as (opening, _):
        yield cast("Signer", opening.signer(uri))


@asynccontextmanager
@boundary
async def open_signer_async(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
) -> AsyncGenerator[AsyncSigner]:
    """`open_signer`, awaited."""
    async with _opening_async(plugins, secrets, allow, transport) as (opening, _):
        yield cast("AsyncSigner", opening.signer(uri))


@contextmanager
@boundary
def open_status_backend(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
) -> Generator[StatusBackend]:
    """Give the status backend that a URI names, for who receives callbacks.

    The arguments are those of `open_signer`, and the errors too; no scheme is built in.
    """
    with _opening(plugins, secrets, allow, transport) as (opening, _):
        yield cast("StatusBackend", opening.status_backend(uri))


@asynccontextmanager
@boundary
async def open_status_backend_async(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
) -> AsyncGenerator[AsyncStatusBackend]:
    """`open_status_backend`, awaited."""
    async with _opening_async(plugins, secrets, allow, transport) as (opening, _):
        yield cast("AsyncStatusBackend", opening.status_backend(uri))


@contextmanager
@boundary
def open_store(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
) -> Generator[Store]:
    """Give the store that a URI names, for callbacks and handles; see `connect`.

    `memory:` is a new store each time, in this process only, and wants `Risk.MEMORY_STORE`.
    """
    with _opening(plugins, secrets, allow, transport) as (opening, _):
        yield cast("Store", opening.store(uri))


@asynccontextmanager
@boundary
async def open_store_async(
    uri: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
) -> AsyncGenerator[AsyncStore]:
    """`open_store`, awaited."""
    async with _opening_async(plugins, secrets, allow, transport) as (opening, _):
        yield cast("AsyncStore", opening.store(uri))


@contextmanager
def _opening(
    plugins: PluginNames,
    secrets: Secrets | None,
    allow: Collection[Risk],
    transport: Transport | None,
) -> Generator[tuple[PartFactory, Transport]]:
    with ExitStack() as owned:
        used = owned.enter_context(Urllib3Transport()) if transport is None else transport
        yield (
            PartFactory(
                Mode.SYNC,
                used,
                lambda opened: owned.callback(opened.close),
                plugins=plugins,
                secrets=secrets,
                allow=allow,
            ),
            used,
        )


@asynccontextmanager
async def _opening_async(
    plugins: PluginNames,
    secrets: Secrets | None,
    allow: Collection[Risk],
    transport: AsyncTransport | None,
) -> AsyncGenerator[tuple[PartFactory, AsyncTransport]]:
    async with AsyncExitStack() as owned:
        used = transport
        if used is None:
            # Only those who have no transport of their own need what its extra brings.
            from irma_transport_aiohttp import AiohttpTransport  # noqa: PLC0415

            used = await owned.enter_async_context(AiohttpTransport())
        yield (
            PartFactory(
                Mode.ASYNC,
                used,
                lambda opened: owned.push_async_callback(opened.aclose),
                plugins=plugins,
                secrets=secrets,
                allow=allow,
            ),
            used,
        )


BUILT_IN: Final = "irma-backend"
"""The name of the plugin that is always there."""

PluginNames: TypeAlias = Iterable[str | ModuleType]
Secrets: TypeAlias = Mapping[str, Secret]


@final
class PartFactory:
    """Opens parts, each of which it tells to its owner at once.

    Args:
        mode: Of the parts.
        transport: What parts may send with, and whose clock they get.
        own: Takes what was opened, to close it later.
        plugins: Names of installed plugins, or modules of the application's that are plugins.
        secrets: By name.
        allow: The risks that are taken.

    Raises:
        ConfigurationError: One of them is not what it should be.
        PluginError: A plugin is not installed, or is not what it should be.
    """

    def __init__(
        self,
        mode: Mode,
        transport: Transport | AsyncTransport,
        own: Callable[[OpenPart[object]], object],
        *,
        plugins: PluginNames,
        secrets: Secrets | None,
        allow: Collection[Risk],
    ) -> None:
        check_transport(transport, is_async=mode is Mode.ASYNC)
        if secrets is not None and not isinstance(secrets, Mapping):
            raise ConfigurationError(
                "secrets: a mapping of names to secrets, or to what gives them"
            )
        self._own = own
        self._plugins = PluginRegistry(
            {BUILT_IN: builtin_schemes, **chosen_plugins(plugins)},
            lambda: [plugin.name for plugin in installed_plugins()],
        )
        self._context = FactoryContext(
            mode, transport.clock, transport, secrets or {}, allow=parse_risks(allow)
        )

    def signer(self, uri: str) -> Signer | AsyncSigner:
        """Open a signer."""
        opened = self._plugins.signer(uri, self._context)
        self._own(opened)
        return opened.value

    def status_backend(self, uri: str) -> StatusBackend | AsyncStatusBackend:
        """Open a status backend."""
        opened = self._plugins.status_backend(uri, self._context)
        self._own(opened)
        return opened.value

    def store(self, uri: str) -> Store | AsyncStore:
        """Open a store."""
        opened = self._plugins.store(uri, self._context)
        self._own(opened)
        return opened.value

    def authentication(
        self, *, name: str | None, key: str | None, token: str | None
    ) -> Authentication[Signer | AsyncSigner]:
        """Tell how the server is to know the requestor: the signer's algorithm decides.

        Raises:
            ConfigurationError: The settings do not go together.
        """
        if key is not None and token is not None:
            raise ConfigurationError("key and token: the server has one of them for a requestor")
        if (key is None) != (name is None):
            raise ConfigurationError(
                "key and name: a key goes with the name that the server's `requestors` have for it"
            )
        if token is not None:
            return TokenAuthentication(token)
        if key is None or name is None:
            return NoAuthentication()
        signer = self.signer(key)
        # One with another algorithm than these two is refused by the second.
        if signer.algorithm == HS256:
            return HmacAuthentication(name, signer)
        return PublicKeyAuthentication(name, signer)
