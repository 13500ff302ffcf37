"""Installed plugins are found by their entry points, and imported only if the caller names them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from irma_backend.installed import installed_plugins, load_plugins
from irma_core.errors import PluginError
from irma_core.plugins.registry import PluginRegistry

ROOT = Path(__file__).parent.parent.parent
SCRIPT = """\
import sys
from datetime import timedelta
from irma_backend import connect
from irma_core import DisclosureRequest
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp

key = "YW4gSE1BQyBrZXkgb2YgdGhlIHZhdWx0OiAzNiBsZXR0ZXJz"
server = InMemoryServer(ServerSettings(requestors={"shop": RequestorSettings("hmac", key)}))
app = SimulatedApp(server)
app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
server.when_started(app.accept)
with connect(
    server.url,
    name="shop",
    key="vault:shop",
    plugins=["acme-irma"],
    secrets={"vault key": "an HMAC key of the vault: 36 letters"},
    transport=server.transport(),
) as requestor:
    session = requestor.start_session(DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"}))
    print(requestor.wait_for_answer(session, timeout=timedelta(minutes=1))["email"].value)
print(sorted(name for name in sys.modules if name.endswith(("_irma", "_vault"))))
"""


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the plugins for this process, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(site))
    yield
    for module in site.glob("*.py"):
        sys.modules.pop(module.stem, None)


def test_a_session_is_signed_by_an_installed_plugin(site: Path) -> None:
    """A program signs a session with an installed plugin, and imports no other plugin."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ada@example.com\n['acme_vault']\n"


@pytest.mark.usefixtures("installed")
def test_plugins_are_listed_without_being_imported() -> None:
    """Plugins are listed without an import, by distribution, and by entry point if needed."""
    names = {plugin.name: plugin.version for plugin in installed_plugins()}
    assert list(names) == sorted(names)
    assert names.items() >= {("acme-irma", "1.2"), ("pair-irma:one", "1.2")}
    assert not {"acme_vault", "pair_irma", "broken_irma"} & sys.modules.keys()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("acme-irma", ["acme-irma"]),
        ("Acme_Irma", ["acme-irma"]),
        ("pair-irma", ["pair-irma:one", "pair-irma:two"]),
        ("pair-irma:two", ["pair-irma:two"]),
        ("acme-irma:vault", ["acme-irma"]),
    ],
)
def test_a_plugin_is_named_by_its_distribution(name: str, chosen: list[str]) -> None:
    """The name of a distribution, in any spelling, selects all its plugins."""
    plugins = load_plugins([name])
    assert list(plugins) == chosen
    wired = PluginRegistry(plugins)
    assert all(any(attrs.astuple(wired.offers(each))) for each in chosen)


@pytest.mark.usefixtures("installed")
def test_a_plugin_may_be_named_twice() -> None:
    """A plugin may be named twice, because two parts of a program may need it."""
    plugins = load_plugins(["acme-irma", "pair-irma", "acme_irma", "pair_irma:one"])
    assert list(plugins) == ["acme-irma", "pair-irma:one", "pair-irma:two"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere", "is not installed. Installed plugins: acme-irma, broken-irma, greedy-irma, "),
        ("one", "is not installed. Installed plugins: "),
        ("vault", "is not installed. Installed plugins: "),
        ("absent-irma", "is not installed. Installed plugins: "),
        ("acme-irma:absent-irma", "is not installed. Installed plugins: "),
        ("broken-irma", "it cannot be imported: RuntimeError at broken_irma:1"),
        ("needy-irma", "it cannot be imported: it needs the module nowhere_to_be_found"),
    ],
)
def test_unavailable_plugin_is_named(name: str, reason: str) -> None:
    """The error for a plugin that is missing or fails to import omits the plugin's own message."""
    with pytest.raises(PluginError) as caught:
        load_plugins([name])
    assert caught.value.plugin == name
    assert caught.value.reason.startswith(reason)
    assert caught.value.__context__ is None
    assert "hunter2" not in str(caught.value)
