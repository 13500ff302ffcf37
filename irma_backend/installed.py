"""List installed plugins from their metadata, and import those that the application names.

A plugin is an entry point in the group `irma_backend`. A plugin is named after its distribution. If
a distribution has several plugins, a plugin's name also includes its entry point:
`acme-irma:vault`. The name of the entry point is not enough, because any distribution can use it.
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
    """An installed plugin, which is not imported until `load` is called.

    Args:
        name: The plugin's name, as in `plugins=`.
        distribution: The installed distribution.
        version: The version of the distribution.
        entry_point: The entry point, which locates the plugin.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def load(self) -> object:
        """Import the plugin.

        Raises:
            PluginError: The import failed.
        """
        return call_plugin(self.name, "it cannot be imported", self.entry_point.load)

    def is_called(self, name: str) -> bool:
        """Return whether a name refers to this plugin."""
        names = (self.distribution, f"{self.distribution}:{self.entry_point.name}")
        return _normal(name) in map(_normal, names)


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """Return all installed plugins, sorted by name."""
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
        plugins: Names of installed plugins, and modules of the application that are plugins.

    Returns:
        The plugins by name, in the order of `plugins`.

    Raises:
        ConfigurationError: `plugins` is not a list of names and modules.
        PluginError: A plugin is not installed, has the same name as another, or cannot be imported.
    """
    if isinstance(plugins, str) or not isinstance(plugins, Iterable):
        raise ConfigurationError("plugins: must be a list of names or modules")
    installed: tuple[InstalledPlugin, ...] | None = None
    chosen: dict[str, object] = {}
    for each in plugins:
        if isinstance(each, ModuleType):
            if chosen.get(each.__name__, each) is not each:
                raise PluginError(
                    each.__name__, "two different modules have this name; rename one of them"
                )
            chosen[each.__name__] = each
        elif isinstance(each, str):
            # Listing installed plugins takes time, so list them only if a name was passed.
            installed = installed_plugins() if installed is None else installed
            for plugin in _named(each, installed):
                chosen[plugin.name] = plugin.load()
        else:
            raise ConfigurationError("plugins: each item must be a name or a module")
    return chosen


def _named(name: str, installed: tuple[InstalledPlugin, ...]) -> list[InstalledPlugin]:
    """Return the plugins that a name refers to: one plugin, or all plugins of a distribution."""
    called = [plugin for plugin in installed if plugin.is_called(name)]
    if not called:
        there = ", ".join(plugin.name for plugin in installed) or "none"
        raise PluginError(name, f"is not installed. Installed plugins: {there}")
    return called


def _distribution(entry_point: EntryPoint) -> tuple[str, str]:
    # The distribution is None only for an entry point that code has constructed.
    distribution = cast("Distribution", entry_point.dist)
    return distribution.name, distribution.version


def _normal(name: str) -> str:
    """Return a name in the form that installers use for comparison (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
