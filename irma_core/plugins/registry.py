"""The wiring around pluggy: plugins in, factories by scheme out, all mistakes found at once.

Plugins are objects here: who finds and imports them has done I/O (`irma_backend.installed`). Their
hooks are asked once; after that pluggy is not met again. One manager a wiring, so that what one
requestor uses is nothing to another.
Belongs here: the rules (one claimant a scheme, reserved names, modes). Does not belong here:
any scheme, or what is kept open.
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

__all__ = ["RESERVED", "Offers", "PluginRegistry"]

RESERVED: Final = frozenset({"events", "poll"})
"""How the core itself learns statuses: its own ways, and no plugin's names."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)
PartT_co = TypeVar("PartT_co", covariant=True)
Factory = Callable[[PluginUri, FactoryContext], object]


@attrs.frozen
class _Kind(Generic[PartT_co]):
    """A kind of part: its hook, its name, the methods that it must have."""

    hook: str
    word: str
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
    """The hooks, marked for pluggy."""

    _mark = pluggy.HookspecMarker(PROJECT)
    irma_signing_schemes = staticmethod(_mark(irma_signing_schemes))
    irma_status_backends = staticmethod(_mark(irma_status_backends))
    irma_stores = staticmethod(_mark(irma_stores))


@final
@attrs.frozen
class Offers:
    """The schemes of one plugin, sorted."""

    signing_schemes: tuple[str, ...]
    status_backends: tuple[str, ...]
    stores: tuple[str, ...]


@final
class PluginRegistry:
    """Some plugins, and the factories that their hooks gave.

    Args:
        plugins: Modules or other objects with hooks, by name. Who comes first has a scheme first:
            what is built in stands at the head.
        installed: Gives the names of what else is installed, for the message on an unknown scheme.

    Raises:
        PluginError: A plugin has no hook or a misspelt one; a hook raised, or gave no factories; or
            two claim one scheme.
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
            # Not in pluggy's order, in which the one registered last is asked first.
            for name in plugins:
                for each in implementations:
                    if each.plugin_name == name:
                        self._collect(kind, name, each.function)

    def offers(self, plugin: str) -> Offers:
        """Give the schemes that a plugin has."""
        return Offers(*(self._schemes(kind, plugin) for kind in _KINDS))

    def signer(self, uri: str, context: FactoryContext) -> OpenPart[Signer | AsyncSigner]:
        """Make the signer that a URI names, of the context's mode.

        Raises:
            ConfigurationError: It is no URI.
            PluginError: Nobody has the scheme; or its factory raised, or gave what is no such
                signer.
        """
        return self._open(_SIGNER, uri, context)

    def status_backend(
        self, uri: str, context: FactoryContext
    ) -> OpenPart[StatusBackend | AsyncStatusBackend]:
        """Make the status backend that a URI names; see `signer`."""
        return self._open(_STATUS_BACKEND, uri, context)

    def store(self, uri: str, context: FactoryContext) -> OpenPart[Store | AsyncStore]:
        """Make the store that a URI names; see `signer`."""
        return self._open(_STORE, uri, context)

    def _schemes(self, kind: _Kind[object], plugin: str) -> tuple[str, ...]:
        owners = self._factories[kind.hook].items()
        return tuple(sorted(scheme for scheme, (owner, _) in owners if owner == plugin))

    def _collect(self, kind: _Kind[object], name: str, hook: Callable[[], object]) -> None:
        given = call_plugin(name, kind.hook, hook)
        if not isinstance(given, Mapping):
            raise PluginError(name, f"{kind.hook} gives {_described(given)} and no mapping")
        claimed = self._factories[kind.hook]
        for scheme, factory in given.items():
            if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
                raise PluginError(name, f"{kind.hook} has a key that is no scheme in lower case")
            if not callable(factory):
                raise PluginError(name, f"{kind.hook} has no factory for {scheme}:")
            if scheme in RESERVED:
                raise PluginError(name, f"claims {scheme}:, which is the core's own way")
            if scheme in claimed:
                raise PluginError(
                    name, f"claims the {kind.word} {scheme}:, which {claimed[scheme][0]} has"
                )
            claimed[scheme] = (name, factory)

    def _open(self, kind: _Kind[PartT_co], uri: str, context: FactoryContext) -> OpenPart[PartT_co]:
        parsed = _parsed(kind, uri)
        if parsed.scheme not in self._factories[kind.hook]:
            raise PluginError(parsed.scheme, self._unknown(kind, parsed.scheme))
        name, factory = self._factories[kind.hook][parsed.scheme]
        doing = f"{kind.word} {parsed.scheme}"
        if not _takes(factory, parsed, context):
            raise PluginError(name, f"{doing}: its factory must take the URI and the context")
        made = call_plugin(name, doing, lambda: factory(parsed, context), parsed)
        opened = OpenPart(cast("PartT_co", made), name)
        try:
            call_plugin(name, doing, lambda: _check(made, kind, context.mode), parsed)
        except PluginError:
            _let_go(opened)
            raise
        return opened

    def _unknown(self, kind: _Kind[object], scheme: str) -> str:
        if scheme in RESERVED:
            return "this is the core's own way, which needs no setting: leave it out"
        known = ", ".join(f"{each}:" for each in sorted(self._factories[kind.hook]))
        installed = ", ".join(sorted(self._installed())) or "none"
        return (
            f"no {kind.word} in use has this name. There are: {known or 'none'}. "
            f"Installed plugins, used where plugins= names them: {installed}"
        )


def _takes(factory: Callable[..., object], *given: object) -> bool:
    try:
        signature(factory).bind(*given)
    except TypeError:
        return False
    except ValueError:  # one in C does not tell
        return True
    return True


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    other = manager.get_name(plugin)
    if other is not None:
        raise PluginError(name, f"is the same as {other}: name it once")
    call_plugin(name, "its hooks are not as specified", lambda: manager.register(plugin, name))
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise PluginError(name, "has no hook: mark its functions with hookimpl")
    try:
        manager.check_pending()
    except pluggy.PluginValidationError:
        misspelt = ", ".join(caller.name for caller in callers if not caller.has_spec())
    else:
        return
    known = ", ".join(kind.hook for kind in _KINDS)
    raise PluginError(name, f"has a hook that nobody calls, {misspelt}: the hooks are {known}")


def _parsed(kind: _Kind[object], uri: str) -> PluginUri:
    try:
        return PluginUri.parse(uri)
    except ConfigurationError as error:
        raise ConfigurationError(f"{kind.word}: {error}") from None


def _check(made: object, kind: _Kind[object], mode: Mode) -> None:
    is_async = mode is Mode.ASYNC
    if isawaitable(made):
        raise ConfigurationError(f"gives {_described(made)}: a factory is no coroutine")
    closing = ("aclose" if is_async else "close",) if kind.is_closed else ()
    for method in (*kind.methods, *closing):
        function = getattr(made, method, None)
        if not callable(function):
            raise ConfigurationError(
                f"gives {_described(made)} without {method}(), where {mode.value} is wanted"
            )
        if iscoroutinefunction(function) != is_async:
            raise ConfigurationError(
                f"gives {_described(made)} of the wrong mode: {method}() must "
                f"{'be' if is_async else 'not be'} awaited, for {mode.value} is wanted"
            )
    if kind is _SIGNER and not isinstance(getattr(made, "algorithm", None), str):
        raise ConfigurationError(f"gives {_described(made)} without an algorithm")


def _let_go(opened: OpenPart[object]) -> None:
    with suppress(PluginError):  # it is refused for a better reason
        if not iscoroutinefunction(getattr(opened.value, "close", None)):
            opened.close()


def _described(value: object) -> str:
    if isinstance(value, Coroutine):
        value.close()  # or Python warns that nobody awaited it
        return "a coroutine (it is `async def`)"
    return f"a {type(value).__name__}"
