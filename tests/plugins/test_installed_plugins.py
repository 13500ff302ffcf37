"""The plugins of the examples as users have them: installed from their own `pyproject.toml`."""

from __future__ import annotations

import json

from tests.plugins.fresh_environment import FreshEnvironment

OFFERED = """
import attrs, json
from irma_backend.installed import load_plugins, installed_plugins
from irma_core.plugins.registry import PluginRegistry

names = [plugin.name for plugin in installed_plugins()]
plugins = PluginRegistry(load_plugins(names))
print(json.dumps({name: attrs.asdict(plugins.offers(name)) for name in names}))
"""
OPENED = """
import sys
from irma_backend import open_parts

with open_parts(plugins=["irma-status-redis"]) as parts:
    store = parts.store("rediss://redis.example")
    print(type(store).__module__)
print("irma_signing_pkcs11" in sys.modules)
"""


def test_plugins_are_found_by_their_entry_points(fresh_environment: FreshEnvironment) -> None:
    """Installed plugins are found by entry points and named by their distributions."""
    redis = ["redis", "rediss", "unix"]
    assert json.loads(fresh_environment.run("-c", OFFERED)) == {
        "irma-signing-pkcs11": {
            "signing_schemes": ["pkcs11"],
            "status_backends": [],
            "stores": [],
        },
        "irma-status-redis": {"signing_schemes": [], "status_backends": redis, "stores": redis},
    }


def test_only_the_plugin_that_is_named_is_imported(fresh_environment: FreshEnvironment) -> None:
    """Only a plugin that the caller names is imported."""
    module, other = fresh_environment.run("-c", OPENED).splitlines()
    assert module.startswith("irma_status_redis")
    assert other == "False"
