"""The registry of plugins, which checks their factories and stores them by URI scheme.

Here, plugins are objects; `irma_backend.installed` finds and imports them. A registry calls their
hooks once. Each registry has its own pluggy manager, so that the plugins of one requestor have no
effect on another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from inspect import isawaitable, iscoroutinefunction, signature
from typing import Final, Generic, TypeVar, cast, final

import attrs
import pluggy

from irma_core.errors import ConfigurationError, PluginError
from irma_core.plugins.guard import OpenPart, call_plugin
from irma_core.plugins.hookspecs import (
    PROJECT,
    FactoryContext,
    Mode,
    PluginUri,
    irma_signing_schemes,
    irma_status_backends,
    irma_stores,
)
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.signing import AsyncSigner, Signer
from irma_core.value_object import ValueObject

__all__ = ["RESERVED", "Offers", "PluginRegistry"]

RESERVED: Final = frozenset({"events", "poll"})
"""The names of the core's own ways to follow a session, which no plugin may claim as a scheme."""

_SCHEME: Final = r"[a-z][a-z0-9+.-]{0,31}"
PartT_co = TypeVar("PartT_co", covariant=True)
Factory = Callable[[PluginUri, FactoryContext], object]


@attrs.frozen(eq=False, repr=False)
class _Kind(ValueObject, Generic[PartT_co]):
    """A kind of part that plugins make, such as a signer.

    It has the name of the hook, the kind's name in errors, and the methods that each such part must
    have.
    """

    hook: str
    name: str
    methods: tuple[str, ...]
    is_closed: bool


_SIGNER = _Kind[Signer | AsyncSigner](
    "irma_signing_schemes", "signing scheme", ("sign",), is_closed=False
)
_STATUS_BACKEND = _Kind[StatusBackend | AsyncStatusBackend](
    "irma_status_backends",
    "status backend",
    ("publish", "wait"),
    is_closed=True,
)
_STORE = _Kind[Store | AsyncStore](
    "irma_stores", "store", ("put_if_absent", "get", "delete"), is_closed=True
)
_KINDS = (_SIGNER, _STATUS_BACKEND, _STORE)


class _Hooks:
    """The specifications of the three hooks, marked for pluggy."""

    _mark = pluggy.HookspecMarker(PROJECT)
    irma_signing_schemes = staticmethod(_mark(irma_signing_schemes))
    irma_status_backends = staticmethod(_mark(irma_status_backends))
    irma_stores = staticmethod(_mark(irma_stores))


@final
@attrs.frozen(eq=False, repr=False)
class Offers(ValueObject):
    """The URI schemes that one plugin offers, sorted."""

    signing_schemes: tuple[str, ...]
    status_backends: tuple[str, ...]
    stores: tuple[str, ...]


@final
class PluginRegistry:
    """Holds plugins, and the factories that their hooks returned.

    Args:
        plugins: Modules or other objects with hooks, by name. Pass the built-in plugin first: the
            first plugin that claims a scheme owns it, and a later claim is an error.
        installed: A function that returns the names of other installed plugins. An error about an
            unknown scheme lists them.

    Raises:
        PluginError: A plugin has no hook, or has a misspelt one; a hook failed, or did not return a
            mapping of factories; or two plugins claim the same scheme.
    """

    def __init__(
        self,
        plugins: Mapping[str, object],
        installed: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._installed = installed
        self._factories: dict[str, dict[str, tuple[str, Factory]]] = {
            kind.hook: {} for kind in _KINDS
        }
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(_Hooks)
        for name, plugin in plugins.items():
            _register(manager, name, plugin)
        for kind in _KINDS:
            implementations = getattr(manager.hook, kind.hook).get_hookimpls()
            # This uses the order of registration. pluggy's own order begins with the last plugin.
            for name in plugins:
                for each in implementations:
                    if each.plugin_name == name:
                        self._collect(kind, name, each.function)

    def offers(self, plugin: str) -> Offers:
        """Return the URI schemes that a plugin offers."""
        return Offers(*(self._schemes(kind, plugin) for kind in _KINDS))

    def signer(self, uri: str, context: FactoryContext) -> OpenPart[Signer | AsyncSigner]:
        """Make the signer that a URI describes, sync or async according to `context.mode`.

        Raises:
            ConfigurationError: `uri` is not a URI.
            PluginError: No plugin offers the URI's scheme, or the scheme's factory failed or did
                not make a signer for that mode.
        """
        return self._open(_SIGNER, uri, context)

    def status_backend(
        self, uri: str, context: FactoryContext
    ) -> OpenPart[StatusBackend | AsyncStatusBackend]:
        """Make the status backend that a URI describes; see `PluginRegistry.signer`."""
        return self._open(_STATUS_BACKEND, uri, context)

    def store(self, uri: str, context: FactoryContext) -> OpenPart[Store | AsyncStore]:
        """Make the store that a URI describes; see `PluginRegistry.signer`."""
        return self._open(_STORE, uri, context)

    def _schemes(self, kind: _Kind[object], plugin: str) -> tuple[str, ...]:
        owners = self._factories[kind.hook].items()
        return tuple(sorted(scheme for scheme, (owner, _) in owners if owner == plugin))

    def _collect(self, kind: _Kind[object], name: str, hook: Callable[[], object]) -> None:
        factories = call_plugin(name, kind.hook, hook)
        if not isinstance(factories, Mapping):
            raise PluginError(
                name, f"{kind.hook} must return a mapping, got {_described(factories)}"
            )
        claimed = self._factories[kind.hook]
        for scheme, factory in factories.items():
            if not isinstance(scheme, str) or not re.fullmatch(_SCHEME, scheme, flags=re.ASCII):
                raise PluginError(name, f"{kind.hook}: each key must be a URI scheme in lower case")
            if not callable(factory):
                raise PluginError(
                    name, f"{kind.hook}: the factory of the scheme {scheme} must be callable"
                )
            if scheme in RESERVED:
                raise PluginError(
                    name,
                    f"claims `{scheme}:`, which is reserved for the core; choose another scheme",
                )
            if scheme in claimed:
                owner = claimed[scheme][0]
                raise PluginError(
                    name, f"claims the {kind.name} `{scheme}:`, which belongs to {owner}"
                )
            claimed[scheme] = (name, factory)

    def _open(self, kind: _Kind[PartT_co], uri: str, context: FactoryContext) -> OpenPart[PartT_co]:
        parsed = _parsed(kind, uri)
        if parsed.scheme not in self._factories[kind.hook]:
            raise PluginError(parsed.scheme, self._unknown(kind, parsed.scheme))
        name, factory = self._factories[kind.hook][parsed.scheme]
        action = f"{kind.name} {parsed.scheme}"
        if not _takes(factory, parsed, context):
            raise PluginError(name, f"{action}: its factory must take the URI and the context")
        made = call_plugin(name, action, lambda: factory(parsed, context), parsed)
        part = OpenPart(cast("PartT_co", made), name)
        try:
            call_plugin(name, action, lambda: _check(made, kind, context.mode), parsed)
        except PluginError:
            _close_refused(part)
            raise
        return part

    def _unknown(self, kind: _Kind[object], scheme: str) -> str:
        if scheme in RESERVED:
            return "the library follows sessions this way without a setting: leave the setting out"
        known = ", ".join(f"{each}:" for each in sorted(self._factories[kind.hook]))
        installed = ", ".join(sorted(self._installed())) or "none"
        return (
            f"unknown {kind.name}. Known: {known or 'none'}. "
            f"To use an installed plugin, name it in plugins=. Installed plugins: {installed}"
        )


def _takes(factory: Callable[..., object], *arguments: object) -> bool:
    try:
        signature(factory).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a function in C may have no signature
        return True
    return True


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    other = manager.get_name(plugin)
    if other is not None:
        raise PluginError(name, f"is the same plugin as {other}: name it once")
    call_plugin(
        name, "its hooks do not match the specification", lambda: manager.register(plugin, name)
    )
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise PluginError(name, "has no hook: mark its hook functions with hookimpl")
    try:
        manager.check_pending()
    except pluggy.PluginValidationError:
        misspelt = ", ".join(caller.name for caller in callers if not caller.has_spec())
    else:
        return
    known = ", ".join(kind.hook for kind in _KINDS)
    raise PluginError(name, f"has an unknown hook, {misspelt}: the hooks are {known}")


def _parsed(kind: _Kind[object], uri: str) -> PluginUri:
    try:
        return PluginUri.parse(uri)
    except ConfigurationError as error:
        raise ConfigurationError(f"{kind.name}: {error}") from None


def _check(made: object, kind: _Kind[object], mode: Mode) -> None:
    is_async = mode is Mode.ASYNC
    if isawaitable(made):
        raise ConfigurationError(
            f"expected a plain function as the factory, got {_described(made)}"
        )
    closing = ("aclose" if is_async else "close",) if kind.is_closed else ()
    for method in (*kind.methods, *closing):
        function = getattr(made, method, None)
        if not callable(function):
            raise ConfigurationError(
                f"{_described(made)} must have the method {method}() in {mode.value} mode"
            )
        if iscoroutinefunction(function) != is_async:
            raise ConfigurationError(
                f"{_described(made)} has the wrong mode: {method}() must "
                f"{'be' if is_async else 'not be'} async in {mode.value} mode"
            )
    if kind is _SIGNER and not isinstance(getattr(made, "algorithm", None), str):
        raise ConfigurationError(f"{_described(made)} must have an algorithm")


def _close_refused(part: OpenPart[object]) -> None:
    with suppress(PluginError):  # the error raised below explains more
        if not iscoroutinefunction(getattr(part.value, "close", None)):
            part.close()


def _described(value: object) -> str:
    if isinstance(value, Coroutine):
        value.close()  # otherwise Python warns that it was never awaited
        return "a coroutine (it is `async def`)"
    return f"a {type(value).__name__}"
