"""The code in the how-to on adapters runs, and its tables agree with the library."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from irma_core import Requestor, new_sealing_key
from irma_core.web.web_refusals import REFUSALS, Again
from irma_testing import InMemoryServer, SimulatedApp
from irma_testing.contracts import WebAdapterContract
from irma_transport import SystemClock
from irma_web.page_texts import TEXTS
from tests.docs.pages import ROOT, check_style, files_of, runs, write_files
from tests.memory_stores import memory_store
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/any-other-framework.md"
EXAMPLE = ROOT / "docs" / "examples" / "any_framework" / "irma_wsgi.py"
REPEATED_REQUESTS = {
    Again.NOTHING: "",
    Again.START: "start",
    Again.FINISH: "finish",
    Again.SAME: "the call itself",
}


def test_the_adapter_matches_the_example() -> None:
    """The page shows the example's adapter unchanged."""
    assert files_of(PAGE)["irma_wsgi.py"] == EXAMPLE.read_text(encoding="utf-8")


def test_the_adapter_is_small() -> None:
    """The adapter has fewer than 70 lines of code."""
    source = re.sub(r'"""(.|\n)*?"""', "", EXAMPLE.read_text(encoding="utf-8"))
    after = source.partition("\nLARGEST_BODY")[2]
    assert len([line for line in after.splitlines() if line.strip()]) < 70


def test_the_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks of the page are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, '"irma_wsgi", "shop"')


@runs(PAGE, python=3)
def test_the_adapter_passes_the_contract(tmp_path: Path) -> None:
    """Every test of the contract passes when it is run as a reader runs it."""
    write_files(PAGE, tmp_path)
    tests = [name for name in dir(WebAdapterContract) if name.startswith("test_")]
    passed = re.fullmatch(r"(\d+) passed", outcome(tmp_path))
    assert passed
    assert int(passed[1]) >= len(tests)


def test_the_table_has_every_code() -> None:
    """The page's table of error codes equals the library's, in the same order."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|(.*)\|$", text, re.MULTILINE)
    assert [(code, int(status), again.strip()) for code, status, again in rows] == [
        (code, refusal.status, REPEATED_REQUESTS[refusal.again])
        for code, refusal in REFUSALS.items()
    ]


def test_the_table_has_every_string() -> None:
    """The page's table of strings has the library's keys and English strings, in the same order."""
    text = (ROOT / PAGE).read_text(encoding="utf-8").partition("### Your own words")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text.partition("\n## ")[0], re.MULTILINE)
    assert rows == [(key, string.strip()) for key, string in TEXTS["en"].items()]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The page's website as an imported module."""
    write_files(PAGE, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("shop")
    for name in ("shop", "irma_wsgi"):
        sys.modules.pop(name, None)


class Browser:
    """A browser with its cookies."""

    def __init__(self, application: Any) -> None:
        self._application = validator(application)
        self._cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    def send(self, method: str, path: str, body: str = "") -> str:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "HTTP_HOST": "shop.example",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body.encode()),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
            "HTTP_COOKIE": "; ".join(f"{name}={each}" for name, each in self._cookies.items()),
        }
        setup_testing_defaults(environ)

        def start(status: str, headers: list[tuple[str, str]], *more: object) -> Any:
            self.headers = dict(headers)
            for name, value in headers:
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self._cookies[key] = rest.partition(";")[0]

        result = self._application(environ, start)
        try:
            return b"".join(result).decode()
        finally:
            result.close()  # type: ignore[attr-defined]


def test_the_website_logs_a_person_in(modules: Any) -> None:
    """The website's page has settings and a CSP; after the finish, the page greets the person."""
    server = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "<b>ada@example.com"})
    transport = server.transport()
    requestor = Requestor(server.url, transport)
    store = memory_store(transport.clock)
    shop = modules.make_shop(requestor, server.url, [new_sealing_key()], store)
    browser = Browser(shop)
    page = browser.send("GET", "/")
    assert "<h1>Log in</h1>" in page
    assert "default-src 'none'" in browser.headers["Content-Security-Policy"]
    settings = json.loads(page.partition('id="irma-login">')[2].partition("<")[0])
    started = json.loads(browser.send("POST", f"{settings['prefix']}start/login", "{}"))
    app.accept(json.dumps(started["sessionPtr"]))
    said = json.dumps({"handle": started["handle"], "next": settings["next"]})
    assert json.loads(browser.send("POST", "/irma/finish/login", said)) == {"next": "/"}
    assert "<h1>Welcome, &lt;b&gt;ada@example.com</h1>" in browser.send("GET", "/")
    assert "<h1>Log in</h1>" in Browser(shop).send("GET", "/")
