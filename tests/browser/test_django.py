"""The example project on Django in a real browser, under a strict content security policy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from playwright.sync_api import Page, expect

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.browser.conftest import scanned_qr

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "django_login"
POLICY = """
from irma_web_django import csp

MIDDLEWARE.append("csp.middleware.CSPMiddleware")
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["'self'"], **csp(IRMA)}}
"""
_LIMIT = 60


@contextmanager
def served(project: Path, irma_server: str) -> Generator[str]:
    """Run the project with Django's own server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IRMA_SERVER": irma_server}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v", "0"], cwd=project, env=environment, check=True)
    with (project / "log").open("wb") as log:
        process = subprocess.Popen(
            [*manage, "runserver", "--noreload", address],
            cwd=project,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            host, _, port = address.partition(":")
            deadline = monotonic() + _LIMIT
            while True:
                try:
                    socket.create_connection((host, int(port)), timeout=1).close()
                except OSError:
                    assert process.poll() is None, (project / "log").read_text()
                    assert monotonic() < deadline, "runserver does not answer"
                    sleep(0.05)
                else:
                    break
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def irma() -> Iterator[tuple[str, SimulatedApp]]:
    """The URL of an IRMA server, and the app of an adult with an e-mail address."""
    server = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    with running_server(server) as url:
        yield url, app


def test_a_login_and_a_page_for_adults(
    page: Page, irma: tuple[str, SimulatedApp], yivi_script: bytes, tmp_path: Path
) -> None:
    """A person logs in by the button of the home page, and sees the wines after one more proof."""
    irma_server, app = irma
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    with (project / "cellar" / "settings.py").open("a") as settings:
        settings.write(POLICY)
    script = project / "cellar" / "static" / "irma_web" / "yivi.js"
    script.parent.mkdir(parents=True)
    script.write_bytes(yivi_script)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    with served(project, irma_server) as site:
        page.goto(site)
        page.get_by_role("button").first.click()
        app.accept(scanned_qr(page))
        expect(page.get_by_role("heading")).to_contain_text("Welcome, irma-")
        assert page.url == f"{site}/account/"
        page.goto(f"{site}/wines/")
        assert page.url == f"{site}/irma/ask/adult/?next=%2Fwines%2F"
        page.get_by_role("button").first.click()
        # A value is demanded, so the server asks for the code that the app shows.
        code = app.accept(scanned_qr(page)).pairing_code
        page.wait_for_selector(".yivi-web-pairing-form")
        assert code is not None
        page.keyboard.type(code)
        expect(page.get_by_role("heading")).to_have_text("Our wines")
        assert page.url == f"{site}/wines/"
    assert complaints == []
