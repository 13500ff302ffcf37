"""Functions that make plugins as modules in the process of a test."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TypeAlias

from irma_core.plugins.hookspecs import FactoryContext, PluginUri, hookimpl

__all__ = ["Factory", "factory_of", "plugin", "signer_plugin", "store_plugin"]

Factory: TypeAlias = Callable[[PluginUri, FactoryContext], object]


def plugin(**hooks: Callable[..., object]) -> ModuleType:
    """Return a module with hooks."""
    module = ModuleType("acme")
    for name, hook in hooks.items():
        setattr(module, name, hookimpl(hook))
    return module


def signer_plugin(factory: Factory, scheme: str = "vault") -> ModuleType:
    """Return a plugin with one signing scheme."""
    return plugin(irma_signing_schemes=lambda: {scheme: factory})


def store_plugin(factory: Factory, scheme: str = "acme") -> ModuleType:
    """Return a plugin with one store."""
    return plugin(irma_stores=lambda: {scheme: factory})


def factory_of(made: object) -> Factory:
    """Return a factory that returns this object."""
    return lambda uri, context: made
