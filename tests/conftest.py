"""How the suite runs: every run searches for secrets and tries the same generated examples.

`make explore` sets `IRMA_EXPLORE` to the number of random examples for each property instead. What
it finds is pinned with `@example` beside the mend.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

from tests.plugins.fresh_environment import FreshEnvironment

pytest_plugins = ["tests.secret_watch"]

# A shell lets what it runs in the background ignore these, and children inherit that. The tests
# send them to themselves and to programs that they start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True, database=None)
if examples := os.environ.get("IRMA_EXPLORE"):
    settings.register_profile(
        "explore", max_examples=int(examples), deadline=None, print_blob=True, database=None
    )
    settings.load_profile("explore")
else:
    settings.load_profile("fixed")


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """The library and the plugins of the examples, installed as a user would; takes some 20 s."""
    return FreshEnvironment(tmp_path_factory.mktemp("fresh"))
