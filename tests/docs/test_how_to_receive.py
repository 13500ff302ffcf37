"""What the how-tos on callbacks, chains and signed requests show is run as readers would run it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from irma_core.protocol.messages import HttpResponse
from tests.pytest_plugin.running import outcome

PAGES = [
    "receive-callbacks.md",
    "receive-static-sessions.md",
    "chain-sessions.md",
    "verify-signed-requests.md",
]
HOW_TOS = Path(__file__).parent.parent.parent / "docs" / "how-to"


def written(how_to: str, directory: Path) -> None:
    """Write each block to the file that its first line names."""
    text = (HOW_TOS / how_to).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == text.count("```python")
    for name, code in blocks:
        (directory / name).write_text(code, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\npythonpath = .\n")


@pytest.mark.parametrize("how_to", PAGES)
def test_the_how_to_works_as_it_stands(how_to: str, tmp_path: Path) -> None:
    """Each block is a file, and all of them together a test-suite that passes."""
    written(how_to, tmp_path)
    assert outcome(tmp_path) == "2 passed"


@pytest.mark.parametrize("how_to", PAGES)
def test_the_blocks_are_written_as_our_code_is(how_to: str, tmp_path: Path) -> None:
    """Formatted, and with their imports in order."""
    written(how_to, tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    ours = ["--isolated", "--line-length=100", "--target-version=py311", str(tmp_path)]
    subprocess.run([*ruff, "format", "--check", *ours], check=True, capture_output=True)
    known = "lint.isort.known-first-party=['irma_core','irma_testing','irma_backend']"
    lint = ["--select=E,F,I,UP,ARG", f"--config={known}"]
    subprocess.run([*ruff, "check", *lint, *ours], check=True, capture_output=True)


class Remembering:
    """Stands where the receiver does, and keeps what the page hands it."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def receive(self, *given: Any) -> HttpResponse:
        self.got.append(given)
        return HttpResponse(415, (("content-type", "text/plain; charset=utf-8"),), body=b"why\n")


async def test_the_page_hands_over_what_came_and_sends_what_it_gets(tmp_path: Path) -> None:
    """On aiohttp, as it is shown."""
    written("receive-callbacks.md", tmp_path)
    spec = importlib.util.spec_from_file_location("page", tmp_path / "page.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    receiver, application = Remembering(), web.Application()
    page.add_page(application, receiver)
    async with TestClient(TestServer(application, access_log=None)) as client:
        for method in ("POST", "GET"):
            reply = await client.request(method, "/irma/callback/sealed/", data=b"a JWT")
            assert (reply.status, await reply.read()) == (415, b"why\n")
            assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert [(method, path, body) for method, path, _, body in receiver.got] == [
        ("POST", "/irma/callback/sealed/", b"a JWT"),
        ("GET", "/irma/callback/sealed/", b"a JWT"),
    ]
    assert dict(receiver.got[0][2])["Content-Length"] == "5"
