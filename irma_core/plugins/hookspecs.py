"""The three hooks, and what a plugin's factories are given.

A plugin implements any of the hooks with `hookimpl`; each gives factories by URI scheme. They are
asked for once, while a requestor is wired, never per request.
Belongs here: the hooks and their types. Does not belong here: who loads plugins and chooses among
them (`wiring`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar, final

import attrs

from irma_core.errors import ConfigurationError, IrmaError
from irma_core.models.frozen import FrozenMapping
from irma_core.models.hidden import Hidden, hide_secret
from irma_core.models.risks import Risk
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncTransport, Clock, Transport
from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = [
    "PROJECT",
    "FactoryContext",
    "Mode",
    "PluginUri",
    "Secret",
    "SignerFactory",
    "StatusBackendFactory",
    "StoreFactory",
    "hookimpl",
    "irma_signing_schemes",
    "irma_status_backends",
    "irma_stores",
]

PROJECT: Final = "irma_backend"
"""The name that pluggy's markers and the entry point group share."""

# Longer ones are a secret in the wrong place, more likely than a scheme: they are not shown.
_URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,31}):.*", re.ASCII | re.DOTALL | re.IGNORECASE)

HookT = TypeVar("HookT", bound=Callable[..., Any])


@boundary
def hookimpl(hook: HookT) -> HookT:
    """Mark a function as an implementation of the hook that has its name."""
    import pluggy  # noqa: PLC0415  # a transport's author needs this module without it

    return pluggy.HookimplMarker(PROJECT)(hook)


Secret: TypeAlias = str | bytes | Callable[[], str | bytes]
"""A secret, or what gets it when it is needed."""


def _hidden_secrets(secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
    return FrozenMapping(secrets, is_personal=True)


class Mode(Enum):
    """Which of the two a factory must make."""

    SYNC = "sync"
    ASYNC = "async"


@final
@boundary
@attrs.frozen(repr=False)
class PluginUri:
    """A URI that a user wrote in a setting. It may hold a password: it is in no text.

    Args:
        scheme: What stands before the first colon, in lower case.
        text: The whole URI.
    """

    scheme: str
    _text: Hidden[str] = attrs.field(alias="text", converter=hide_secret)

    @property
    def text(self) -> str:
        """The whole URI."""
        return self._text.reveal()

    @classmethod
    def parse(cls, text: str) -> PluginUri:
        """Tell a URI's scheme.

        Raises:
            ConfigurationError: It has none; the message does not show it.
        """
        if not isinstance(text, str):
            raise ConfigurationError("a URI is a text, such as file:/etc/irma/key.pem")
        match = _URI.fullmatch(text)
        if match is None:
            raise ConfigurationError("this is no URI with a scheme, such as file:/etc/irma/key.pem")
        return cls(match["scheme"].lower(), text)

    @property
    def rest(self) -> str:
        """What stands behind the scheme's colon."""
        return self.text.partition(":")[2]

    def __repr__(self) -> str:
        return f"<PluginUri {self.scheme}:…>"


@final
@boundary
@attrs.frozen
class FactoryContext:
    """What a factory may use besides its URI.

    Args:
        mode: Which mode is wanted; the other one is refused while context.
        clock: The transport's.
        transport: What the requestor sends with.
        secrets: Secrets, and settings that are not the URI's to decide, by name.
        allow: The risks that are taken.
    """

    mode: Mode
    clock: Clock
    transport: Transport | AsyncTransport
    secrets: Mapping[str, Secret] = attrs.field(
        factory=dict[str, Secret], converter=_hidden_secrets, repr=False
    )
    allow: frozenset[Risk] = attrs.field(default=frozenset(), kw_only=True)

    def secret(self, name: str) -> bytes:
        """Give the secret of that name, as bytes; it is asked for anew each time.

        Args:
            name: What the user is to call it. The message of an error shows it.

        Raises:
            ConfigurationError: There is none, or what gives it failed or gave something else.
        """
        if name not in self.secrets:
            raise ConfigurationError(f"secrets: there is none of the name {name!r}")
        secret = self.secrets[name]
        if callable(secret):
            secret = _called(name, secret)
        if isinstance(secret, str):
            return secret.encode(errors="surrogateescape")  # as the environment is decoded
        if not isinstance(secret, bytes):
            raise ConfigurationError(f"secrets: {name!r} is neither text nor bytes")
        return secret


def _called(name: str, secret: Callable[[], str | bytes]) -> str | bytes:
    try:
        return secret()
    except Exception as error:  # noqa: BLE001  # the application's, and its text may be the secret
        reason = str(error) if isinstance(error, IrmaError) else type(error).__name__
    # Out here it is not the context of this error, so no traceback shows it.
    raise ConfigurationError(f"secrets: what gives {name!r} failed: {reason}")


# What a factory gives has `async def` methods where the mode is `ASYNC`, and none where it is
# `SYNC`. Whatever it raises is a `PluginError` that names the plugin: an error of the tree says its
# text, which must hold no secret; of any other only the type and the line are shown.

SignerFactory: TypeAlias = Callable[[PluginUri, FactoryContext], Signer | AsyncSigner]
"""Gives a signer. If it has a `close()`, or `aclose()` where it is awaited, that is called at the
end."""
StatusBackendFactory: TypeAlias = Callable[
    [PluginUri, FactoryContext], StatusBackend | AsyncStatusBackend
]
StoreFactory: TypeAlias = Callable[[PluginUri, FactoryContext], Store | AsyncStore]


def irma_signing_schemes() -> Mapping[str, SignerFactory]:  # type: ignore[empty-body]  # a spec
    """Give factories of signers by URI scheme. The key is read by the factory, once."""


def irma_status_backends() -> Mapping[str, StatusBackendFactory]:  # type: ignore[empty-body]  # a spec
    """Return factories of status backends by URI scheme.

    A status backend carries the end of a session from the process that receives the server's
    callback to the processes that watch the session.
    """


def irma_stores() -> Mapping[str, StoreFactory]:  # type: ignore[empty-body]  # a spec
    """Give factories of stores by URI scheme."""
