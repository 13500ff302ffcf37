"""Example plugins that are installed from their own `pyproject.toml`, and a missing extra."""

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

for plugins in ([], ["irma-signing-pkcs11"]):
    with open_parts(plugins=plugins):
        print("irma_signing_pkcs11" in sys.modules)
"""
WITHOUT_REDIS = """
from irma_backend import open_parts
from irma_core.errors import PluginError

with open_parts() as parts:
    for opened in (parts.store, parts.status_backend):
        try:
            opened("redis://127.0.0.1/0")
        except PluginError as error:
            print(error)
"""


def test_plugins_are_found_by_their_entry_points(fresh_environment: FreshEnvironment) -> None:
    """The installed example plugins are listed by the names of their distributions."""
    assert json.loads(fresh_environment.run("-c", OFFERED)) == {
        "irma-signing-pkcs11": {
            "signing_schemes": ["pkcs11"],
            "status_backends": [],
            "stores": [],
        },
    }


def test_only_the_named_plugin_is_imported(fresh_environment: FreshEnvironment) -> None:
    """Only a plugin that the caller names is imported."""
    assert fresh_environment.run("-c", OPENED).splitlines() == ["False", "True"]


def test_redis_without_its_extra_is_refused(fresh_environment: FreshEnvironment) -> None:
    """Without redis-py, the error for a Redis URI says what to install."""
    store, status_backend = fresh_environment.run("-c", WITHOUT_REDIS).splitlines()
    for said in (store, status_backend):
        assert said.endswith("pip install 'irma-backend[redis]'")
