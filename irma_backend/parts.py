"""Open requestors, signers, status backends and stores by URI.

`open_parts` receives plugins and secrets once and opens any number of parts. `connect` is the short
form for one requestor. At the end of the `with` block, both close the parts that they opened, in
reverse order. A transport that the caller passed stays open.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import AsyncExitStack, ExitStack
from typing import Unpack, cast, final

from irma_backend.opener import (
    ConnectionSettings,
    Opener,
    PluginNames,
    Secrets,
    closing,
    closing_async,
)
from irma_backend.settings import SettingsSource, read_settings
from irma_core.async_requestor import AsyncRequestor
from irma_core.blocks import async_with_block, with_block
from irma_core.models.risks import Risk
from irma_core.plugins.hookspecs import Mode
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncTransport, Transport
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer
from irma_transport_urllib3 import Urllib3Transport

__all__ = [
    "AsyncParts",
    "Parts",
    "connect",
    "connect_async",
    "open_parts",
    "open_parts_async",
]


@with_block
@boundary
def connect(
    url: str | None = None,
    *,
    settings: SettingsSource | None = None,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
    **connection: Unpack[ConnectionSettings[Signer]],
) -> Generator[Requestor]:
    """Open a requestor from configuration alone, for a `with` block.

    Args:
        url: The server's base URL; see `Requestor`. The default is the one in the settings.
        settings: See `open_parts`. If neither `settings` nor `url` is given, the settings are those
            of `read_settings()`.
        plugins: The plugins to use; see `open_parts` for this and the next two arguments.
        secrets: Secrets by name.
        allow: The accepted risks.
        transport: The transport to use.
        connection: See `ConnectionSettings`: `name`, `key`, `token`, `status` and more. Each
            overrides the corresponding setting.

    Raises:
        ConfigurationError: A setting is invalid. No message shows a URI.
        PluginError: A plugin is not installed or failed, or no plugin has the URI's scheme.
    """
    used = read_settings() if settings is None and url is None else settings
    with open_parts(
        settings=used, plugins=plugins, secrets=secrets, allow=allow, transport=transport
    ) as parts:
        yield parts.requestor(url, **connection)


@async_with_block
@boundary
async def connect_async(
    url: str | None = None,
    *,
    settings: SettingsSource | None = None,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
    **connection: Unpack[ConnectionSettings[Signer | AsyncSigner]],
) -> AsyncGenerator[AsyncRequestor]:
    """Open an `AsyncRequestor` from configuration alone, for an `async with` block.

    Args:
        url: The server's base URL; see `Requestor`. The default is the one in the settings.
        settings: See `open_parts_async`. If neither `settings` nor `url` is given, the settings are
            those of `read_settings()`.
        plugins: The plugins to use; see `open_parts_async` for this and the next two arguments.
        secrets: Secrets by name.
        allow: The accepted risks.
        transport: The transport to use.
        connection: See `ConnectionSettings`: `name`, `key`, `token`, `status` and more. Each
            overrides the corresponding setting.

    Raises:
        ConfigurationError: A setting is invalid. No message shows a URI.
        PluginError: A plugin is not installed or failed, or no plugin has the URI's scheme.
    """
    used = read_settings() if settings is None and url is None else settings
    async with open_parts_async(
        settings=used, plugins=plugins, secrets=secrets, allow=allow, transport=transport
    ) as parts:
        yield parts.requestor(url, **connection)


@with_block
@boundary
def open_parts(
    *,
    settings: SettingsSource | None = None,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: Transport | None = None,
) -> Generator[Parts]:
    """Open requestors and their parts by URI, for a `with` block that closes them.

    Args:
        settings: The result of `read_settings`, or the path of a settings file. Arguments override
            settings, but plugins, secrets and risks from all sources are combined. By default no
            settings are read.
        plugins: The plugins to use: names of installed plugins (`irma-backend plugins` lists them),
            or modules of the application. Other installed plugins are not imported.
        secrets: Secrets by name, for URIs and plugins: strings, bytes, or functions that return
            a string or bytes.
        allow: The accepted risks; see `Risk`.
        transport: The transport that requestors and plugins use, which the caller closes. By
            default a `Urllib3Transport()`.

    Raises:
        ConfigurationError: An argument or a setting is invalid.
        PluginError: A plugin is not installed, cannot be imported, or failed to close a part. If
            the block itself fails, its error is raised, with a note about the error from closing.
    """
    with ExitStack() as owned:
        used = owned.enter_context(Urllib3Transport()) if transport is None else transport
        opener = Opener(
            Mode.SYNC,
            used,
            lambda part: owned.push(closing(part)),
            settings=settings,
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
    settings: SettingsSource | None = None,
    plugins: PluginNames = (),
    secrets: Secrets | None = None,
    allow: Collection[Risk] = (),
    transport: AsyncTransport | None = None,
) -> AsyncGenerator[AsyncParts]:
    """Open asyncio requestors and their parts by URI, for an `async with` block that closes them.

    Args:
        settings: The result of `read_settings`, or the path of a settings file. Arguments override
            settings, but plugins, secrets and risks from all sources are combined. By default no
            settings are read.
        plugins: The plugins to use: names of installed plugins (`irma-backend plugins` lists them),
            or modules of the application. Other installed plugins are not imported.
        secrets: Secrets by name, for URIs and plugins: strings, bytes, or functions that return
            a string or bytes.
        allow: The accepted risks; see `Risk`.
        transport: The transport that requestors and plugins use, which the caller closes. By
            default an `AiohttpTransport()`.

    Raises:
        ConfigurationError: An argument or a setting is invalid.
        PluginError: A plugin is not installed, cannot be imported, or failed to close a part. If
            the block itself fails, its error is raised, with a note about the error from closing.
    """
    async with AsyncExitStack() as owned:
        used = transport
        if used is None:
            # aiohttp is an extra. Callers that pass their own transport do not need it.
            from irma_transport_aiohttp import AiohttpTransport  # noqa: PLC0415

            used = await owned.enter_async_context(AiohttpTransport())
        opener = Opener(
            Mode.ASYNC,
            used,
            lambda part: owned.push_async_exit(closing_async(part)),
            settings=settings,
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
    """Opens requestors and their parts by URI, within the block of `open_parts`.

    Every method raises `ConfigurationError` if a setting is invalid or the `with` block has ended,
    and `PluginError` if a plugin failed or no plugin has the URI's scheme.
    """

    def __init__(self, opener: Opener, transport: Transport) -> None:
        self._opener = opener
        self._transport = transport

    def requestor(
        self, url: str | None = None, **connection: Unpack[ConnectionSettings[Signer]]
    ) -> Requestor:
        """Return a requestor for a server.

        Args:
            url: The server's base URL; see `Requestor`. The default is the one in the settings.
            connection: See `ConnectionSettings`.
        """
        arguments = self._opener.requestor_arguments(url, connection)
        return Requestor(transport=self._transport, **arguments)

    def signer(self, uri: str | None = None) -> Signer:
        """Return the signer that a URI describes, to pass to `sign_session_request`.

        Args:
            uri: A URI in the form of `ConnectionSettings.key`. The default is the one in the
                settings.
        """
        return cast("Signer", self._opener.signer(uri))

    def status_backend(self, uri: str | None = None) -> StatusBackend:
        """Return the status backend that a URI describes, such as `redis://…` or a plugin's URI."""
        return cast("StatusBackend", self._opener.status_backend(uri))

    def store(self, uri: str | None = None) -> Store:
        """Return the store that a URI describes, for callbacks and handles.

        Each call with `memory:` returns a new store, which works for this process only and is
        refused unless `Risk.MEMORY_STORE` is allowed.
        """
        return cast("Store", self._opener.store(uri))


@final
@boundary
class AsyncParts:
    """Opens asyncio requestors and their parts by URI, within the block of `open_parts_async`.

    Its methods are those of `Parts`. Call them without `await`, but await the methods of the
    objects that they return.
    """

    def __init__(self, opener: Opener, transport: AsyncTransport) -> None:
        self._opener = opener
        self._transport = transport

    def requestor(
        self, url: str | None = None, **connection: Unpack[ConnectionSettings[Signer | AsyncSigner]]
    ) -> AsyncRequestor:
        """Return a requestor for a server; see `Parts.requestor`."""
        arguments = self._opener.requestor_arguments(url, connection)
        return AsyncRequestor(transport=self._transport, **arguments)

    def signer(self, uri: str | None = None) -> AsyncSigner:
        """Return the signer that a URI describes; see `Parts.signer`."""
        return cast("AsyncSigner", self._opener.signer(uri))

    def status_backend(self, uri: str | None = None) -> AsyncStatusBackend:
        """Return the status backend that a URI describes; see `Parts.status_backend`."""
        return cast("AsyncStatusBackend", self._opener.status_backend(uri))

    def store(self, uri: str | None = None) -> AsyncStore:
        """Return the store that a URI describes; see `Parts.store`."""
        return cast("AsyncStore", self._opener.store(uri))
