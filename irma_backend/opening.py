"""Parts by their URIs: opened for one colour, noted for whoever closes them.

Belongs here: which plugins there are, what their factories get, and how a key is used at the
server. Does not belong here: the lifetime of what was opened (`connecting`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType
from typing import Final, TypeAlias, final

from irma_backend import builtin_schemes
from irma_backend.installed import chosen_plugins, installed_plugins
from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk, given_risks
from irma_core.plugins.calling import Opened
from irma_core.plugins.hookspecs import Colour, Secret, WiringContext
from irma_core.plugins.wiring import Plugins
from irma_core.protocol.part_checks import check_transport
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
from irma_core.trust.signing import HS256, AsyncSigner, Signer

__all__ = ["BUILT_IN", "Opening", "PluginNames", "Secrets"]

BUILT_IN: Final = "irma-backend"
"""The name of the plugin that is always there."""

PluginNames: TypeAlias = Iterable[str | ModuleType]
Secrets: TypeAlias = Mapping[str, Secret]


@final
class Opening:
    """Opens parts, each of which it tells to its owner at once.

    Args:
        colour: Of the parts.
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
        colour: Colour,
        transport: Transport | AsyncTransport,
        own: Callable[[Opened[object]], object],
        *,
        plugins: PluginNames,
        secrets: Secrets | None,
        allow: Collection[Risk],
    ) -> None:
        check_transport(transport, is_async=colour is Colour.ASYNC)
        if secrets is not None and not isinstance(secrets, Mapping):
            raise ConfigurationError(
                "secrets: a mapping of names to secrets, or to what gives them"
            )
        self._own = own
        self._plugins = Plugins(
            {BUILT_IN: builtin_schemes, **chosen_plugins(plugins)},
            lambda: [plugin.name for plugin in installed_plugins()],
        )
        self._context = WiringContext(
            colour, transport.clock, transport, secrets or {}, allow=given_risks(allow)
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
