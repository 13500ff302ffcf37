"""The three hooks that plugins implement, and the arguments of the factories that hooks return.

A plugin marks its implementation of one or more hooks with `hookimpl`. Each hook returns factories
by URI scheme. A factory makes a *part*: a signer, a status backend or a store. A registry calls the
hooks only once, when it registers the plugins.

Belongs here: the hooks and their types. Does not belong here: choosing a factory (`registry`), and
importing plugins (`irma_backend.installed`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from types import FunctionType
from typing import Any, Final, TypeAlias, TypeVar, final

import attrs

from irma_core.errors import ConfigurationError, IrmaError
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.holders import FrozenMapping, Hidden, hide_secret
from irma_core.models.risks import Risk, parse_risks
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import AsyncTransport, Clock, Transport
from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer
from irma_core.value_object import ValueObject

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
"""The project name in pluggy's markers, and the name of the entry point group for plugins."""

# A longer prefix is more likely a secret in the wrong place than a scheme, so it is not shown.
_URI: Final = r"(?P<scheme>[a-z][a-z0-9+.-]{0,31}):.*"

HookT = TypeVar("HookT", bound=Callable[..., Any])


@boundary
def hookimpl(hook: HookT) -> HookT:
    """Mark a function as an implementation of the hook with the same name.

    Raises:
        UsageError: The argument is not a function.
    """
    check_instance(hook, (FunctionType, staticmethod), "hook", "a function")
    import pluggy  # noqa: PLC0415  # a transport's author needs this module without it

    return pluggy.HookimplMarker(PROJECT)(hook)


Secret: TypeAlias = str | bytes | Callable[[], str | bytes]
"""A secret, or a function that returns it when it is needed."""


def _hidden_secrets(secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
    check_instance(secrets, Mapping, "secrets", "a mapping of names to secrets")
    return FrozenMapping(secrets, is_personal=True)


def _checked_risks(allow: Collection[Risk]) -> frozenset[Risk]:
    return parse_risks(allow)


class Mode(Enum):
    """Whether a factory must make a part with plain methods or with `async def` methods.

    A part is a signer, a status backend or a store.
    """

    SYNC = "sync"
    ASYNC = "async"


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class PluginUri(ValueObject):
    """A URI from a setting. It may hold a password, so no `repr` and no error shows it.

    Args:
        scheme: The part before the first colon, in lower case.
        text: The whole URI.

    Raises:
        UsageError: An argument is not a string.
    """

    scheme: str
    _text: Hidden[str] = attrs.field(alias="text", converter=hide_secret)

    def __attrs_post_init__(self) -> None:
        check_instance(self.scheme, str, "scheme", "a string")
        check_instance(self.text, str, "text", "a string")

    @property
    def text(self) -> str:
        """The whole URI."""
        return self._text.reveal()

    @classmethod
    def parse(cls, text: str) -> PluginUri:
        """Split a URI into its scheme and the rest.

        Raises:
            ConfigurationError: The string has no scheme. The error does not show the string.
        """
        if not isinstance(text, str):
            raise ConfigurationError("a URI must be a string such as file:/etc/irma/key.pem")
        match = re.fullmatch(_URI, text, flags=re.ASCII | re.DOTALL | re.IGNORECASE)
        if match is None:
            raise ConfigurationError("a URI must begin with a scheme, as in file:/etc/irma/key.pem")
        return cls(match["scheme"].lower(), text)

    @property
    def rest(self) -> str:
        """The part after the scheme's colon."""
        return self.text.partition(":")[2]

    def __repr__(self) -> str:
        return f"<PluginUri {self.scheme}:…>"


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class FactoryContext(ValueObject):
    """The objects, besides the URI, that a plugin's factory may use.

    Args:
        mode: Whether the factory must make a sync or an async part. The registry refuses the other
            kind.
        clock: The transport's clock.
        transport: The requestor's transport.
        secrets: Secrets by name, and other settings that must not be in a URI.
        allow: The risks that the application allows.

    Raises:
        ConfigurationError: The clock, the transport or `allow` has the wrong type.
        UsageError: The mode or the secrets have the wrong type.
    """

    mode: Mode
    clock: Clock
    transport: Transport | AsyncTransport
    secrets: Mapping[str, Secret] = attrs.field(
        factory=dict[str, Secret], converter=_hidden_secrets, repr=False
    )
    allow: frozenset[Risk] = attrs.field(
        default=frozenset(), converter=_checked_risks, kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        check_instance(self.mode, Mode, "mode", "a Mode")
        # If a plugin sends nothing, its tests may pass a transport of either mode.
        if not hasattr(self.transport, "send") or isinstance(self.transport, type):
            raise ConfigurationError("transport: must be a Transport or an AsyncTransport")
        if not hasattr(self.clock, "now") or isinstance(self.clock, type):
            raise ConfigurationError("clock: must be a Clock, such as SystemClock()")

    def secret(self, name: str) -> bytes:
        """Return the secret with this name, as bytes.

        If `secrets` has a function under the name, the function is called.

        Args:
            name: The secret's name in `secrets`. Errors show the name.

        Raises:
            ConfigurationError: No secret has this name, the secret's function failed, or the secret
                is neither `str` nor `bytes`.
            UsageError: The name is empty, or not a string.
        """
        check_string(name, "name")
        if name not in self.secrets:
            raise ConfigurationError(f"secrets must have an entry for {name!r}")
        secret = self.secrets[name]
        if callable(secret):
            secret = _call_secret(name, secret)
        if isinstance(secret, str):
            return secret.encode(errors="surrogateescape")  # as Python decodes the environment
        if not isinstance(secret, bytes):
            raise ConfigurationError(
                f"secrets: {name!r} must be str or bytes, or a function that returns either"
            )
        return secret


def _call_secret(name: str, secret: Callable[[], str | bytes]) -> str | bytes:
    try:
        return secret()
    except Exception as error:  # noqa: BLE001  # its message may be the secret
        reason = str(error) if isinstance(error, IrmaError) else type(error).__name__
    # Raised outside `except`, so that the function's error is not the context of this one.
    raise ConfigurationError(f"secrets: the function for {name!r} failed: {reason}")


# A factory makes a part with `async def` methods in mode `ASYNC`, and with plain methods in mode
# `SYNC`. An exception from the factory becomes a `PluginError` that names the plugin. The
# `PluginError` shows the message of an error from `irma_core.errors`, so that message must hold no
# secret. Of any other exception, it shows only the type and line.

SignerFactory: TypeAlias = Callable[[PluginUri, FactoryContext], Signer | AsyncSigner]
"""A function that makes a signer. If the signer has a method `close` (in mode `ASYNC`, `aclose`),
`OpenPart` calls it to close the signer."""
StatusBackendFactory: TypeAlias = Callable[
    [PluginUri, FactoryContext], StatusBackend | AsyncStatusBackend
]
StoreFactory: TypeAlias = Callable[[PluginUri, FactoryContext], Store | AsyncStore]


def irma_signing_schemes() -> Mapping[str, SignerFactory]:  # type: ignore[empty-body]  # a spec
    """Return factories for signers, by URI scheme. A factory reads the signer's key only once."""


def irma_status_backends() -> Mapping[str, StatusBackendFactory]:  # type: ignore[empty-body]  # a spec
    """Return factories for status backends, by URI scheme.

    A status backend passes on how a session ended, from the process that receives the server's
    callback to the processes that watch the session.
    """


def irma_stores() -> Mapping[str, StoreFactory]:  # type: ignore[empty-body]  # a spec
    """Return factories for stores, by URI scheme."""
