"""The plugins of the examples as users have them: installed from their own `pyproject.toml`."""

from __future__ import annotations

from tests.plugins.fresh_environment import FreshEnvironment

FOUND = """
from importlib.metadata import entry_points
(found,) = entry_points(group="irma_backend", name="irma-signing-pkcs11")
print(sorted(found.load().irma_signing_schemes()))
"""


def test_the_signing_plugin_is_found_by_its_entry_point(
    fresh_environment: FreshEnvironment,
) -> None:
    """In an environment that has nothing but what was declared."""
    assert fresh_environment.run("-c", FOUND) == "['pkcs11']\n"
