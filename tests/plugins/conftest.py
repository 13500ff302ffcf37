"""Good and bad plugins as distributions that are installed into a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.distributions import install, make_project

VAULT = """\
from irma_core import HmacSigner
from irma_core.plugins.hookspecs import hookimpl

@hookimpl
def irma_signing_schemes():
    return {"vault": lambda uri, context: HmacSigner(context.secret("vault key"))}
"""
PAIR = """\
from irma_core.plugins.hookspecs import hookimpl

class Pair:
    def __init__(self, number):
        self.scheme = f"pair{number}"

    @hookimpl
    def irma_stores(self):
        return {self.scheme: print}

    @hookimpl
    def irma_status_backends(self):
        return {self.scheme: print}

one, two = Pair(1), Pair(2)
"""
MISSPELT = """\
from irma_core.plugins.hookspecs import hookimpl

@hookimpl
def irma_store():
    return {}
"""
GREEDY = VAULT.replace("vault", "file")
RAISES = "raise RuntimeError('hunter2')"
NEEDY = "import nowhere_to_be_found"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with all plugins, which is not on the path yet."""
    folder = tmp_path_factory.mktemp("plugins")
    site = folder / "site"
    for name, entry_points, modules in (
        ("acme-irma", {"vault": "acme_vault"}, {"acme_vault": VAULT}),
        ("broken-irma", {"broken": "broken_irma"}, {"broken_irma": RAISES}),
        ("greedy-irma", {"greedy": "greedy_irma"}, {"greedy_irma": GREEDY}),
        ("misspelt-irma", {"misspelt": "misspelt_irma"}, {"misspelt_irma": MISSPELT}),
        ("needy-irma", {"needy": "needy_irma"}, {"needy_irma": NEEDY}),
        ("pair-irma", {"one": "pair_irma:one", "two": "pair_irma:two"}, {"pair_irma": PAIR}),
        (
            "rival-irma",
            {"vault": "rival_irma", "absent-irma": "rival_irma", "acme-irma": "rival_irma"},
            {"rival_irma": VAULT},
        ),
    ):
        install(make_project(folder, name, entry_points, modules), site)
    return site
