"""The how-to on FastAPI: its application logs people in, and the example's own tests pass."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from irma_backend import parts
from irma_core import Risk, new_sealing_key
from irma_testing import InMemoryServer, SimulatedApp, asgi
from tests.docs.pages import ROOT, check_style, runs, write_files
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/fastapi.md"
EXAMPLE = ROOT / "docs" / "examples" / "fastapi_age"
SITE = "https://shop.example"


@runs(PAGE, python=1)
def test_page_logs_people_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login greets one person by address and refuses another; the wines need a proof of age."""
    server = InMemoryServer()
    person = SimulatedApp(server)
    person.add("pbdf.sidn-pbdf.email", {"email": "<b>Ada@example.com"})
    person.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("IRMA_SERVER", server.url)
    monkeypatch.setenv("IRMA_SEALING_KEYS", new_sealing_key())
    monkeypatch.setenv("COOKIE_KEY", "a long random string")

    # The page's application opens its own connections; here they lead to the server in memory.
    def opened(**_: Any) -> Any:
        return parts.open_parts_async(transport=server.async_transport())

    monkeypatch.setattr("irma_web_starlette.router.open_parts_async", opened)
    sys.modules.pop("shop", None)
    shop: Any = import_module("shop")
    del sys.modules["shop"]
    with TestClient(shop.app, base_url=SITE, follow_redirects=False) as browser:
        assert 'data-irma="login"' in browser.get("/").text
        wines = browser.get("/wines", headers={"Accept": "text/html"})
        assert wines.headers["location"] == "/irma/ask/adult?next=%2Fwines"
        for name in ("login", "adult"):
            started = browser.post(f"/irma/start/{name}", json={}).json()
            person.accept(started["sessionPtr"])
            body = {"handle": started["handle"]}
            assert browser.post(f"/irma/finish/{name}", json=body).status_code == 200
        other = SimulatedApp(server)
        other.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
        started = browser.post("/irma/start/login", json={}).json()
        other.accept(started["sessionPtr"])
        refused = browser.post("/irma/finish/login", json={"handle": started["handle"]})
        assert refused.json()["error"]["code"] == "other_person"
        assert browser.get("/").text == "Welcome, &lt;b&gt;ada@example.com."
        assert "over18" in browser.get("/wines").json()["proved_by"]


@runs(PAGE, python=2)
def test_kept_callback_is_delivered_by_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the database fails, the callback's outcome is kept until the page's script delivers it."""
    server = InMemoryServer()
    person = SimulatedApp(server)
    person.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("IRMA_SERVER", server.url)
    monkeypatch.setenv("IRMA_SERVER_KEY", server.public_key_pem)
    monkeypatch.setenv("IRMA_SEALING_KEYS", new_sealing_key())
    monkeypatch.setenv("COOKIE_KEY", "a long random string")

    def opened(**_: Any) -> Any:
        allow = {Risk.SIMULATED_PROOFS}
        return parts.open_parts_async(transport=server.async_transport(), allow=allow)

    monkeypatch.setattr("irma_web_starlette.router.open_parts_async", opened)
    orders: Any = import_module("orders")
    script: Any = import_module("replay")
    del sys.modules["orders"], sys.modules["replay"]
    server.deliver = asgi(orders.app)
    with TestClient(orders.app, base_url=SITE) as browser, monkeypatch.context() as patched:
        patched.delattr(orders, "paid")
        person.accept(browser.post("/irma/start/order", json={}).json()["sessionPtr"])
    assert orders.paid == {}
    assert asyncio.run(script.replay()) is False
    assert list(orders.paid.values()) == ["paid"]
    assert capsys.readouterr().out.endswith(": delivered\n")


def test_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, "'irma_core','irma_web_starlette'")


def test_example_passes_its_own_tests() -> None:
    """The example's test suite passes when it is run as a reader runs it."""
    tests = (EXAMPLE / "test_wine_club.py").read_text(encoding="utf-8")
    assert outcome(EXAMPLE) == f"{tests.count('def test_')} passed"
