"""The pytest plugin: it is found automatically, loads little until it is used, and has fixtures."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path

from irma_core import AsyncRequestor, DisclosureRequest, Requestor
from irma_testing import InMemoryServer, SimulatedApp
from tests.pytest_plugin.running import outcome, run_pytest

EMAIL = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
SOON = timedelta(minutes=1)
LIST_MODULES = """
import sys

def pytest_unconfigure(config):
    ours = [name for name in sys.modules if name.startswith("irma_")]
    heavy = [name for name in ("attrs", "cattrs", "joserfc", "urllib3") if name in sys.modules]
    print("MODULES", *sorted(ours), *heavy)
"""


def modules_after(directory: Path, test: str, *options: str, all_plugins: bool = True) -> list[str]:
    """Return the modules that are loaded at the end of a run of one test."""
    (directory / "conftest.py").write_text(LIST_MODULES)
    (directory / "test_it.py").write_text(test)
    said = run_pytest(directory, "-q", *options, all_plugins=all_plugins)
    [line] = [line for line in said.splitlines() if line.startswith("MODULES")]
    assert "1 passed" in said
    return line.split()[1:]


def test_pytest_finds_the_plugin() -> None:
    """Pytest finds the plugin by the entry point of the installed package."""
    [found] = [each for each in entry_points(group="pytest11") if each.name == "irma"]
    assert found.value == "irma_testing.pytest_plugin"


def test_the_plugin_loads_nothing_until_a_fixture_is_used(tmp_path: Path) -> None:
    """A run without our fixtures loads neither the core nor the modules of `irma_testing`."""
    found = modules_after(tmp_path, "def test_nothing(): pass\n")
    # plugins of other projects load some of the heavy libraries
    without = modules_after(tmp_path, "def test_nothing(): pass\n", "-p", "no:irma")
    assert [name for name in found if name not in without] == [
        "irma_testing",
        "irma_testing.pytest_plugin",
    ]


def test_a_fixture_loads_what_it_needs(tmp_path: Path) -> None:
    """A fixture loads the modules that it needs, so the test above can notice them."""
    test = "def test_server(irma_server): assert irma_server.url\n"
    found = modules_after(tmp_path, test, all_plugins=False)
    assert {"irma_core", "irma_testing.memory.server"} <= set(found)


def test_all_fixtures_use_one_server(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_app: SimulatedApp
) -> None:
    """The app and the requestor use the same server."""
    irma_app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    irma_server.when_started(irma_app.accept)
    session = irma_requestor.start_session(EMAIL)
    answer = irma_requestor.wait_for_answer(session, timeout=SOON)
    assert answer["email"].value == "ada@example.com"


async def test_there_is_an_async_requestor(
    irma_async_requestor: AsyncRequestor, irma_server: InMemoryServer, irma_app: SimulatedApp
) -> None:
    """The asyncio requestor uses the same server as the sync one."""
    irma_app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    irma_server.when_started(irma_app.accept)
    session = await irma_async_requestor.start_session(EMAIL)
    answer = await irma_async_requestor.wait_for_answer(session, timeout=SOON)
    assert answer["email"].value == "ada@example.com"


def test_each_test_has_its_own_server(tmp_path: Path) -> None:
    """Each test has a new server, without the sessions of earlier tests."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "seen = []\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_new(irma_server, irma_app, number):\n"
        "    assert not irma_app.credentials and not irma_server.open_sessions()\n"
        "    assert irma_server not in seen\n"
        "    seen.append(irma_server)\n"
        "    irma_app.add('a.b.c', {})\n"
    )
    assert outcome(tmp_path) == "2 passed"


def test_fixtures_are_listed_with_their_first_sentence(tmp_path: Path) -> None:
    """`pytest --fixtures` lists each fixture with the first sentence of its docstring."""
    said = run_pytest(tmp_path, "--fixtures")
    for name, sentence in {
        "irma_server": "An IRMA server in memory",
        "irma_app": "An app that uses `irma_server`",
        "irma_requestor": "A requestor that uses `irma_server`.",
        "irma_async_requestor": "An async requestor",
        "irma_person": "Creates an honest person's app",
        "irma_login": "Logs a test client in",
        "irma_async_login": "Logs an asynchronous test client in",
        "irma_browser_app": "Creates an app that scans QR codes",
    }.items():
        assert f"{name} -- " in said
        assert sentence in said
