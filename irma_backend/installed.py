"""Plugins that are installed: listed by their metadata, imported only where they are named.

A plugin is an entry point of the group `irma_backend`. Its name is that of its distribution; where
that has several, with the entry point's behind it: `acme-irma:vault`. The entry point's name alone
is no name: any distribution can call its entry point what it likes.
Belongs here: finding and importing. Does not belong here: what a plugin's hooks are worth
(`irma_core.plugins`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint, entry_points
from types import ModuleType
from typing import cast, final

import attrs

from irma_core.errors import ConfigurationError, PluginError
from irma_core.plugins.guard import call_plugin
from irma_core.plugins.hookspecs import PROJECT

__all__ = ["InstalledPlugin", "installed_plugins", "load_plugins"]


@final
@attrs.frozen
class InstalledPlugin:
    """A plugin that could be used; nothing of it is imported yet.

    Args:
        name: Its name, as `plugins=` takes it.
        distribution: What was installed.
        version: Of the distribution.
        entry_point: Where the plugin is in it.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def load(self) -> object:
        """Import it.

        Raises:
            PluginError: That failed.
        """
        return call_plugin(self.name, "it cannot be imported", self.entry_point.load)

    def is_called(self, name: str) -> bool:
        """Return whether this name is its distribution's, alone or with the entry point's."""
        names = (self.distribution, f"{self.distribution}:{self.entry_point.name}")
        return _normal(name) in map(_normal, names)


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """Give all that are installed, by name."""
    found = [(_distribution(each), each) for each in entry_points(group=PROJECT)]
    distributions = [distribution for (distribution, _), _ in found]
    return tuple(
        sorted(
            (
                InstalledPlugin(
                    distribution
                    if distributions.count(distribution) == 1
                    else f"{distribution}:{entry_point.name}",
                    distribution,
                    version,
                    entry_point,
                )
                for (distribution, version), entry_point in found
            ),
            key=lambda plugin: plugin.name,
        )
    )


def load_plugins(plugins: Iterable[str | ModuleType]) -> dict[str, object]:
    """Import the plugins that a user names, and no others.

    Args:
        plugins: Names of installed plugins, and modules of the application's own that are plugins.

    Returns:
        The plugins by name, in that order.

    Raises:
        ConfigurationError: It is no list of them.
        PluginError: One is not installed, has the name of another, or cannot be imported.
    """
    if isinstance(plugins, str) or not isinstance(plugins, Iterable):
        raise ConfigurationError("plugins: a list of names, or of modules that are plugins")
    installed: tuple[InstalledPlugin, ...] | None = None
    chosen: dict[str, object] = {}
    for each in plugins:
        if isinstance(each, ModuleType):
            if chosen.get(each.__name__, each) is not each:
                raise PluginError(each.__name__, "is the name of two plugins")
            chosen[each.__name__] = each
        elif isinstance(each, str):
            # Reading what is installed takes some time; without plugins nobody pays for it.
            installed = installed_plugins() if installed is None else installed
            for plugin in _named(each, installed):
                chosen[plugin.name] = plugin.load()
        else:
            raise ConfigurationError("plugins: each is the name of one, or a module that is one")
    return chosen


def _named(name: str, installed: tuple[InstalledPlugin, ...]) -> list[InstalledPlugin]:
    """Return the plugins of that name, which are all of one distribution."""
    called = [plugin for plugin in installed if plugin.is_called(name)]
    if not called:
        there = ", ".join(plugin.name for plugin in installed) or "none"
        raise PluginError(name, f"is not installed here. Installed are: {there}")
    return called


def _distribution(entry_point: EntryPoint) -> tuple[str, str]:
    # Only an entry point that was made by hand has none.
    distribution = cast("Distribution", entry_point.dist)
    return distribution.name, distribution.version


def _normal(name: str) -> str:
    """As installers compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
