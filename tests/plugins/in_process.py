"""Plugins as modules are, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TypeAlias

from irma_core.plugins.hookspecs import PluginUri, WiringContext, hookimpl

__all__ = ["Factory", "giving", "plugin", "signing", "storing"]

Factory: TypeAlias = Callable[[PluginUri, WiringContext], object]


def plugin(**hooks: Callable[..., object]) -> object:
    """Give something with hooks."""
    return SimpleNamespace(**{name: hookimpl(hook) for name, hook in hooks.items()})


def signing(factory: Factory, scheme: str = "vault") -> object:
    """Give a plugin with one signing scheme."""
    return plugin(irma_signing_schemes=lambda: {scheme: factory})


def storing(factory: Factory, scheme: str = "acme") -> object:
    """Give a plugin with one store."""
    return plugin(irma_stores=lambda: {scheme: factory})


def giving(made: object) -> Factory:
    """Give a factory that gives this."""
    return lambda uri, context: made
