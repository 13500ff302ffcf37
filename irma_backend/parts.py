"""Open requestors, signers, status backends and stores by URI.

`open_parts` is given plugins and secrets once and opens any number of parts. `connect` is its short
form for one requestor. Both own what they open, their transport included, and close it in reverse
order at the end.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta
from types import ModuleType, TracebackType
from typing import Any, Final, Generic, TypeAlias, TypedDict, TypeVar, Unpack, cast, final

from irma_backend import builtin_plugin
from irma_backend.installed import installed_plugins, load_plugins
from irma_backend.logging_observer import LoggingObserver
from irma_core.async_requestor import AsyncRequestor
from irma_core.blocks import async_with_block, with_block
from irma_core.errors import ConfigurationError, PluginError
from irma_core.gateway.gateway_settings import GatewayAuthentication
from irma_core.models.risks import Risk, parse_risks
from irma_core.plugins.guard import OpenPart
from irma_core.plugins.hookspecs import FactoryContext, Mode, Secret
from irma_core.plugins.registry import PluginRegistry
from irma_core.protocol.observers import Observer
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
from irma_core.trust.server_keys import ServerKey
from irma_core.trust.signing import HS256, AsyncSigner, Signer
from irma_transport_urllib3 import Urllib3Transport

__all__ = [
    "BUILT_IN",
    "AsyncParts",
    "ConnectionSettings",
    "Parts",
    "PluginNames",
    "Secrets",
    "connect",
    "connect_async",
    "open_parts",
    "open_parts_async",
]

BUILT_IN: Final = "irma-backend"
"""The name of the built-in plugin."""

PluginNames: TypeAlias = Iterable[str | ModuleType]
Secrets: TypeAlias = Mapping[str, Secret]
GatewaySignerT = TypeVar("GatewaySignerT", bound=Signer | AsyncSigner)
PartT = TypeVar("PartT")


class ConnectionSettings(TypedDict, Generic[GatewaySignerT], total=False):
    """Keyword arguments of `Parts.requestor` and `connect`; all are optional.

    Attributes:
        name: The name under which the server knows the key.
        key: URI of the key that signs session requests: `file:/etc/irma/key.pem` (a private key
            in PEM for RS256, or one in base64 for HS256), `hmac:NAME` (a key in base64, which
            `secrets` holds under that name), or a URI of a plugin's.
        token: The API token that the server has for this requestor. It excludes `key`.
        status: URI of the status backend that watches wait on; see `Requestor`. Callback receivers
            that use this requestor publish there.
        gateway: See `Requestor`, also for the settings below.
        server_key: The server's public key.
        jwt_issuer: The issuer in the JWTs that the server signs.
        timeout: The limit for each call.
        headers: Headers for each call.
        frontend_url: The URL at which browsers and apps reach the server.
        observer: Is notified of what happens; see `Requestor`. By default a `LoggingObserver()`;
            None for no observer.
    """

    name: str | None
    key: str | None
    token: str | None
    status: str | None
    gateway: GatewayAuthentication[GatewaySignerT] | None
    server_key: ServerKey | None
    jwt_issuer: str | None
    timeout: timedelta
    headers: Mapping[str, str] | None
    frontend_url: str | None
    observer: Observer | None


@with_block
@boundary
def connect(
    url: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
    **settings: Unpack[ConnectionSettings[Signer]],
) -> Generator[Requestor]:
    """Open a requestor by configuration alone, for a `with` block.

    Args:
        url: The server's base URL; see `Requestor`.
        plugins: See `open_parts`, as for the next three.
        secrets: Secrets by name.
        allow: The accepted risks.
        transport: The transport to use.
        settings: See `ConnectionSettings`: `name`, `key`, `token`, `status` and more.

    Raises:
        ConfigurationError: A setting is invalid. No message shows a URI.
        PluginError: A plugin is not installed or failed, or no plugin has the URI's scheme.
    """
    with open_parts(plugins=plugins, secrets=secrets, allow=allow, transport=transport) as parts:
        yield parts.requestor(url, **settings)


@async_with_block
@boundary
async def connect_async(
    url: str,
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
    **settings: Unpack[ConnectionSettings[Signer | AsyncSigner]],
) -> AsyncGenerator[AsyncRequestor]:
    """Open an `AsyncRequestor` by configuration alone, for an `async with` block.

    Args:
        url: The server's base URL; see `Requestor`.
        plugins: See `open_parts_async`, as for the next three.
        secrets: Secrets by name.
        allow: The accepted risks.
        transport: The transport to use.
        settings: See `ConnectionSettings`: `name`, `key`, `token`, `status` and more.

    Raises:
        ConfigurationError: A setting is invalid. No message shows a URI.
        PluginError: A plugin is not installed or failed, or no plugin has the URI's scheme.
    """
    async with open_parts_async(
        plugins=plugins, secrets=secrets, allow=allow, transport=transport
    ) as parts:
        yield parts.requestor(url, **settings)


@with_block
@boundary
def open_parts(
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
) -> Generator[Parts]:
    """Open requestors and their parts by URI, for a `with` block that closes them.

    Args:
        plugins: The plugins to use: names of installed ones (`irma-backend plugins` lists them),
            or modules of the application. Other installed plugins are not imported.
        secrets: Secrets by name, for URIs and plugins: strings, bytes, or functions that return
            one.
        allow: The accepted risks; see `Risk`.
        transport: The transport that requestors and plugins use, which the caller closes. By
            default a `Urllib3Transport()`.

    Raises:
        ConfigurationError: An argument is invalid.
        PluginError: A plugin is not installed, cannot be imported, or failed to close a part. If
            the block itself fails, its error is raised, with a note of what closing raised.
    """
    with ExitStack() as owned:
        used = owned.enter_context(Urllib3Transport()) if transport is None else transport
        opener = _Opener(
            Mode.SYNC,
            used,
            lambda part: owned.push(_closing(part)),
            plugins=plugins,
            secrets=secrets,
            allow=allow,
        )
        try:
            yield Parts(opener, used)
        finally:
            opener.is_closed = True


@async_with_block
@boundary
async def open_parts_async(
    *,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
) -> AsyncGenerator[AsyncParts]:
    """Open asyncio requestors and their parts by URI, for an `async with` block that closes them.

    Args:
        plugins: The plugins to use: names of installed ones (`irma-backend plugins` lists them),
            or modules of the application. Other installed plugins are not imported.
        secrets: Secrets by name, for URIs and plugins: strings, bytes, or functions that return
            one.
        allow: The accepted risks; see `Risk`.
        transport: The transport that requestors and plugins use, which the caller closes. By
            default an `AiohttpTransport()`.

    Raises:
        ConfigurationError: An argument is invalid.
        PluginError: A plugin is not installed, cannot be imported, or failed to close a part. If
            the block itself fails, its error is raised, with a note of what closing raised.
    """
    async with AsyncExitStack() as owned:
        used = transport
        if used is None:
            # aiohttp is an extra, which callers with a transport of their own do not need.
            from irma_transport_aiohttp import AiohttpTransport  # noqa: PLC0415

            used = await owned.enter_async_context(AiohttpTransport())
        opener = _Opener(
            Mode.ASYNC,
            used,
            lambda part: owned.push_async_exit(_closing_async(part)),
            plugins=plugins,
            secrets=secrets,
            allow=allow,
        )
        try:
            yield AsyncParts(opener, used)
        finally:
            opener.is_closed = True


@final
@boundary
class Parts:
    """Opens requestors and their parts by URI; `open_parts` makes it and closes what it opened.

    Every method raises `ConfigurationError` if a setting is invalid or the `with` block has ended,
    and `PluginError` if a plugin failed or no plugin has the URI's scheme.
    """

    def __init__(self, opener: _Opener, transport: Transport) -> None:
        self._opener = opener
        self._transport = transport

    def requestor(self, url: str, **settings: Unpack[ConnectionSettings[Signer]]) -> Requestor:
        """Return a requestor for a server.

        Args:
            url: The server's base URL; see `Requestor`.
            settings: See `ConnectionSettings`.
        """
        return Requestor(url, self._transport, **self._opener.requestor_arguments(settings))

    def signer(self, uri: str) -> Signer:
        """Return the signer of a URI, such as `key` takes, for `sign_session_request`."""
        return cast("Signer", self._opener.signer(uri))

    def status_backend(self, uri: str) -> StatusBackend:
        """Return the status backend of a URI. No scheme is built in."""
        return cast("StatusBackend", self._opener.status_backend(uri))

    def store(self, uri: str) -> Store:
        """Return the store of a URI, for callbacks and handles.

        Each call with `memory:` returns a new store of this process; it needs `Risk.MEMORY_STORE`.
        """
        return cast("Store", self._opener.store(uri))


@final
@boundary
class AsyncParts:
    """Opens asyncio requestors and their parts by URI; `open_parts_async` makes and closes it.

    Its methods are those of `Parts`. They are not awaited; the methods of what they return are.
    """

    def __init__(self, opener: _Opener, transport: AsyncTransport) -> None:
        self._opener = opener
        self._transport = transport

    def requestor(
        self, url: str, **settings: Unpack[ConnectionSettings[Signer | AsyncSigner]]
    ) -> AsyncRequestor:
        """Return a requestor for a server; see `Parts.requestor`."""
        return AsyncRequestor(url, self._transport, **self._opener.requestor_arguments(settings))

    def signer(self, uri: str) -> AsyncSigner:
        """Return the signer of a URI; see `Parts.signer`."""
        return cast("AsyncSigner", self._opener.signer(uri))

    def status_backend(self, uri: str) -> AsyncStatusBackend:
        """Return the status backend of a URI; see `Parts.status_backend`."""
        return cast("AsyncStatusBackend", self._opener.status_backend(uri))

    def store(self, uri: str) -> AsyncStore:
        """Return the store of a URI; see `Parts.store`."""
        return cast("AsyncStore", self._opener.store(uri))


@final
class _Opener:
    """Opens parts of one mode.

    Args:
        mode: The mode of the parts. The registry checks that each has it.
        transport: The transport, and the clock, that plugins get.
        own: Takes each part as soon as it is open, to close it later.
        plugins: As for `open_parts`.
        secrets: As for `open_parts`.
        allow: As for `open_parts`.
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
                "secrets must be a mapping of names to strings, bytes, or functions that return one"
            )
        self.is_closed = False
        self._own = own
        self._plugins = PluginRegistry(
            {BUILT_IN: builtin_plugin, **load_plugins(plugins)},
            lambda: [plugin.name for plugin in installed_plugins()],
        )
        self._context = FactoryContext(
            mode, transport.clock, transport, secrets or {}, allow=parse_risks(allow)
        )

    def signer(self, uri: str) -> Signer | AsyncSigner:
        return self._open(self._plugins.signer, uri)

    def status_backend(self, uri: str) -> StatusBackend | AsyncStatusBackend:
        return self._open(self._plugins.status_backend, uri)

    def store(self, uri: str) -> Store | AsyncStore:
        return self._open(self._plugins.store, uri)

    def requestor_arguments(self, settings: ConnectionSettings[Any]) -> dict[str, Any]:
        """Return a requestor's keyword arguments, after opening the parts that they name."""
        rest: dict[str, Any] = {**settings}
        if unknown := rest.keys() - ConnectionSettings.__annotations__.keys():
            raise ConfigurationError(
                f"{', '.join(sorted(unknown))}: a requestor has no such setting; expected "
                f"{', '.join(ConnectionSettings.__annotations__)}"
            )
        self._check_open()
        names = ("name", "key", "token")
        authentication = self._authentication(**{name: rest.pop(name, None) for name in names})
        status = rest.pop("status", None)
        return {
            "authentication": authentication,
            "status_backend": None if status is None else self.status_backend(status),
            "allow": self._context.allow,
            "observer": LoggingObserver(),
            **rest,
        }

    def _authentication(
        self, *, name: str | None, key: str | None, token: str | None
    ) -> Authentication[Signer | AsyncSigner]:
        if key is not None and token is not None:
            raise ConfigurationError("give either key or token, not both")
        if (key is None) != (name is None):
            raise ConfigurationError(
                "key and name must be given together: name is the key's name in the server's "
                "setting `requestors`"
            )
        if token is not None:
            return TokenAuthentication(token)
        if key is None or name is None:
            return NoAuthentication()
        signer = self.signer(key)
        if signer.algorithm == HS256:
            return HmacAuthentication(name, signer)
        # It refuses any algorithm but RS256.
        return PublicKeyAuthentication(name, signer)

    def _open(self, open_part: Callable[[str, FactoryContext], OpenPart[PartT]], uri: str) -> PartT:
        self._check_open()
        part = open_part(uri, self._context)
        self._own(part)
        return part.value

    def _check_open(self) -> None:
        if self.is_closed:
            raise ConfigurationError(
                "the `with` block of open_parts has ended: open parts inside it"
            )


def _closing(part: OpenPart[object]) -> Callable[..., None]:
    """Return the exit function that closes a part at the end of the `with` block."""

    def leave(
        _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            part.close()
        except PluginError as failed:
            _raise_unless_second(failed, error)

    return leave


def _closing_async(part: OpenPart[object]) -> Callable[..., Awaitable[None]]:
    """Return `_closing` for an `async with` block."""

    async def leave(
        _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            await part.aclose()
        except PluginError as failed:
            _raise_unless_second(failed, error)

    return leave


def _raise_unless_second(failed: PluginError, error: BaseException | None) -> None:
    # The first error matters more. If it is an interruption or a cancelled task, replacing it would
    # let the program go on.
    if error is None:
        raise failed
    error.add_note(f"Afterwards: {failed}")
