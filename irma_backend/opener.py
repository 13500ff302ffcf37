"""Open parts by URI and complete a requestor's arguments, in sync or async mode.

The public functions for this are in `irma_backend.parts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import timedelta
from types import ModuleType, TracebackType
from typing import Any, Final, Generic, TypeAlias, TypedDict, TypeVar, cast, final

from irma_backend import builtin_plugin
from irma_backend.installed import installed_plugins, load_plugins
from irma_backend.logging_observer import LoggingObserver
from irma_backend.settings import Settings, SettingsSource, as_settings
from irma_backend.settings_kinds import SecretReference, read_small_file
from irma_backend.settings_sources import Place, naming
from irma_core.errors import ConfigurationError, PluginError
from irma_core.gateway.gateway_settings import GatewayAuthentication
from irma_core.models.risks import Risk, parse_risks
from irma_core.plugins.guard import OpenPart
from irma_core.plugins.hookspecs import FactoryContext, Mode, Secret
from irma_core.plugins.registry import PluginRegistry
from irma_core.protocol.known_schemes import KnownSchemes
from irma_core.protocol.observers import Observer
from irma_core.protocol.part_checks import check_transport
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.signature_verifiers import SignatureVerifier
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncTransport, Transport
from irma_core.trust.authentication import (
    Authentication,
    HmacAuthentication,
    NoAuthentication,
    PublicKeyAuthentication,
    TokenAuthentication,
)
from irma_core.trust.server_keys import ServerKey, parse_server_keys
from irma_core.trust.signing import HS256, AsyncSigner, Signer

__all__ = [
    "BUILT_IN",
    "ConnectionSettings",
    "Opener",
    "PluginNames",
    "Secrets",
    "closing",
    "closing_async",
]

BUILT_IN: Final = "irma-backend"
"""The name of the built-in plugin."""

_OF_SETTINGS: Final = {
    "url": "server.url",
    "frontend_url": "server.frontend_url",
    "server_key": "server.key_files",
    "jwt_issuer": "server.jwt_issuer",
    "timeout": "server.timeout",
    "name": "authentication.requestor",
    "key": "authentication.key",
    "token": "authentication.token",
    "status": "parts.status",
}
"""The settings, each keyed by the argument that overrides it."""

PluginNames: TypeAlias = Iterable[str | ModuleType]
Secrets: TypeAlias = Mapping[str, Secret]
GatewaySignerT = TypeVar("GatewaySignerT", bound=Signer | AsyncSigner)
PartT = TypeVar("PartT")


class ConnectionSettings(TypedDict, Generic[GatewaySignerT], total=False):
    """Keyword arguments of `Parts.requestor` and `connect`; all are optional.

    Attributes:
        name: The requestor's name in the server's configuration, which identifies the key.
        key: URI of the key that signs session requests: `file:/etc/irma/key.pem` (a private key in
            PEM for RS256, or a shared key in base64 for HS256), `hmac:NAME` (a key in base64, which
            `secrets` holds under that name), or a URI that a plugin supports.
        token: This requestor's API token for the server. Pass this or `key`, not both.
        status: URI of the status backend that watches wait on; see `Requestor`. Callback receivers
            that use this requestor publish to it.
        gateway: The settings for an API gateway; see `Requestor` for this and the next arguments.
        server_key: The server's public key.
        jwt_issuer: The issuer in the JWTs that the server signs.
        timeout: The time limit for each call.
        headers: Headers to send with each call.
        frontend_url: The URL at which browsers and apps reach the server.
        observer: Receives events; see `Requestor`. By default a `LoggingObserver()`; None for no
            observer.
        signature_verifier: Verifies the signatures of sessions; see `Requestor`. By default a
            verifier with the time-stamp keys in the settings, if there are any.
        schemes: The schemes in which `check` looks up attributes; see `Requestor`. By default those
            in the settings.
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
    signature_verifier: SignatureVerifier | None
    schemes: KnownSchemes | None


@final
class Opener:
    """Opens the parts of one program, all in the same mode: sync or async.

    Args:
        mode: Whether the parts are sync or async. The registry checks each part.
        transport: The transport, and the clock, that plugins receive.
        own: Receives each part as soon as it is open, and closes it later.
        settings: See `open_parts` for this argument and the next three.
        plugins: The plugins to use.
        secrets: Secrets by name.
        allow: The accepted risks.
    """

    def __init__(
        self,
        mode: Mode,
        transport: Transport | AsyncTransport,
        own: Callable[[OpenPart[object]], object],
        *,
        settings: SettingsSource | None,
        plugins: PluginNames,
        secrets: Secrets | None,
        allow: Collection[Risk],
    ) -> None:
        check_transport(transport, is_async=mode is Mode.ASYNC)
        if secrets is not None and not isinstance(secrets, Mapping):
            raise ConfigurationError(
                "secrets must be a mapping of names to strings, bytes, or functions that return a "
                "string or bytes"
            )
        self.is_closed = False
        self._own = own
        self._settings = None if settings is None else as_settings(settings)
        known = self._settings or Settings(None, ())
        self._plugins = PluginRegistry(
            {BUILT_IN: builtin_plugin, **_plugins_of(known), **load_plugins(plugins)},
            lambda: [plugin.name for plugin in installed_plugins()],
        )
        self._context = FactoryContext(
            mode,
            transport.clock,
            transport,
            {**known.secrets, **(secrets or {})},
            allow=parse_risks(allow) | known.risks,
        )

    def signer(self, uri: str | None, place: Place | None = None) -> Signer | AsyncSigner:
        """Return the signer for `uri`. Errors name `place`, where `uri` was set."""
        return self._open(self._plugins.signer, uri, "authentication.key", place)

    def status_backend(
        self, uri: str | None, place: Place | None = None
    ) -> StatusBackend | AsyncStatusBackend:
        """Return the status backend for `uri`. Errors name `place`, where `uri` was set."""
        return self._open(self._plugins.status_backend, uri, "parts.status", place)

    def store(self, uri: str | None) -> Store | AsyncStore:
        """Return the store that a URI describes."""
        return self._open(self._plugins.store, uri, "parts.store")

    def requestor_arguments(
        self, url: str | None, connection: ConnectionSettings[Any]
    ) -> dict[str, Any]:
        """Open the parts of a requestor, and return all its arguments except `transport`."""
        rest: dict[str, Any] = {**connection}
        if unknown := rest.keys() - ConnectionSettings.__annotations__.keys():
            raise ConfigurationError(
                f"{', '.join(sorted(unknown))}: a requestor has no such setting; expected one "
                f"of {', '.join(ConnectionSettings.__annotations__)}"
            )
        self._check_open()
        rest["url"] = url
        places = self._complete(rest)
        self._check_urls(rest, places)
        names = ("name", "key", "token")
        authentication = self._authentication(
            places, **{name: rest.pop(name, None) for name in names}
        )
        status = rest.pop("status", None)
        if (key_place := places.get("server_key")) is not None:
            with naming(key_place):
                rest["server_key"] = parse_server_keys(
                    [read_small_file(path) for path in rest["server_key"]]
                )
        if "jwt_issuer" in places:
            rest["jwt_issuer"] = rest["jwt_issuer"] or None
        self._add_pinned(rest)
        return {
            "authentication": authentication,
            "status_backend": None
            if status is None
            else self.status_backend(status, places.get("status")),
            "allow": self._context.allow,
            "observer": LoggingObserver(),
            **rest,
        }

    def _complete(self, arguments: dict[str, Any]) -> dict[str, Place]:
        """Add the settings that are not in `arguments`, and return where each of them came from."""
        places: dict[str, Place] = {}
        given = {name for name, value in arguments.items() if value is not None}
        given |= arguments.keys() & {"jwt_issuer"}  # None stands for a server without an issuer
        if given & {"key", "token"}:
            given |= {"key", "token"}
        for argument, name in _OF_SETTINGS.items() if self._settings else ():
            setting = cast("Settings", self._settings).first(name)
            if setting is not None and argument not in given:
                arguments[argument], places[argument] = setting.value, setting.place
        if arguments.get("token") is not None and "name" in places:
            del arguments["name"]  # the name belongs to the key, which the token replaces
        return places

    def _add_pinned(self, arguments: dict[str, Any]) -> None:
        """Add the settings' schemes and signature verifier, unless `arguments` has its own."""
        settings = self._settings
        if settings is None or not settings.has_table("proofs"):
            return
        # Only these settings need the verifier's modules.
        from irma_backend.pinned_schemes import pinned_schemes, pinned_verifier  # noqa: PLC0415

        schemes = pinned_schemes(settings)
        if arguments.get("schemes") is None:
            arguments["schemes"] = schemes
        has_keys = settings.first("proofs.time_stamp_keys") is not None
        if arguments.get("signature_verifier") is None and has_keys:
            arguments["signature_verifier"] = pinned_verifier(settings, schemes)

    def _check_urls(self, arguments: dict[str, Any], places: Mapping[str, Place]) -> None:
        if arguments["url"] is None:
            raise (
                ConfigurationError("url: must be the server's base URL")
                if self._settings is None
                else self._settings.missing("server.url")
            )
        for argument in places.keys() & {"url", "frontend_url"}:
            with naming(places[argument]):
                ServerUrl.parse(arguments[argument], allow=self._context.allow, what="URL")

    def _authentication(
        self,
        places: Mapping[str, Place],
        *,
        name: str | None,
        key: str | None,
        token: str | SecretReference | None,
    ) -> Authentication[Signer | AsyncSigner]:
        if key is not None and token is not None:
            raise ConfigurationError("give either key or token, not both")
        if (key is None) != (name is None):
            with naming(places.get("key", places.get("name"))):
                raise ConfigurationError(
                    "key and name must be given together: name is the requestor's name in the "
                    "server's `requestors` setting (authentication.requestor in a settings file)"
                )
        if token is not None:
            with naming(places.get("token")):
                known = token.read() if isinstance(token, SecretReference) else token
                return TokenAuthentication(known)
        if key is None or name is None:
            return NoAuthentication()
        signer = self.signer(key, places.get("key"))
        if signer.algorithm == HS256:
            return HmacAuthentication(name, signer)
        # `publickey` accepts only RS256.
        return PublicKeyAuthentication(name, signer)

    def _open(
        self,
        open_part: Callable[[str, FactoryContext], OpenPart[PartT]],
        uri: str | None,
        name: str,
        place: Place | None = None,
    ) -> PartT:
        self._check_open()
        if uri is None:
            if self._settings is None:
                raise ConfigurationError(
                    "uri: must be a URI, unless open_parts is called with settings="
                )
            given = self._settings.first(name)
            if given is None:
                raise self._settings.missing(name)
            uri, place = str(given.value), given.place
        with naming(place):
            part = open_part(uri, self._context)
        self._own(part)
        return part.value

    def _check_open(self) -> None:
        if self.is_closed:
            raise ConfigurationError(
                "the `with` block of open_parts has ended: open parts inside it"
            )


def _plugins_of(settings: Settings) -> dict[str, object]:
    """Import the plugins that the settings list."""
    used = settings.first("plugins.use")
    with naming(None if used is None else used.place):
        return load_plugins(settings.plugins)


def closing(part: OpenPart[object]) -> Callable[..., None]:
    """Return the exit function that closes a part at the end of the `with` block."""

    def leave(
        _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            part.close()
        except PluginError as failed:
            _raise_unless_second(failed, error)

    return leave


def closing_async(part: OpenPart[object]) -> Callable[..., Awaitable[None]]:
    """Return the exit function that closes a part at the end of the `async with` block."""

    async def leave(
        _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            await part.aclose()
        except PluginError as failed:
            _raise_unless_second(failed, error)

    return leave


def _raise_unless_second(failed: PluginError, error: BaseException | None) -> None:
    # The first error matters more. If it is an interruption or a cancellation, another error in its
    # place would let the program continue.
    if error is None:
        raise failed
    error.add_note(f"A second error followed: {failed}")
