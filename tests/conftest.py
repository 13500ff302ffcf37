"""How the suite runs: searched for secrets; by Hypothesis' same examples where `CI` is set.

And what several rooms of the tests share.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.plugins.fresh_environment import FreshEnvironment

pytest_plugins = ["tests.secret_watch"]

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """The library and the plugins of the examples, installed as a user would; takes some 20 s."""
    return FreshEnvironment(tmp_path_factory.mktemp("fresh"))
