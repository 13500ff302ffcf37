"""The blocks of the how-tos on callbacks, chains and signed requests pass as test suites."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from irma_core import (
    CallbackReceiver,
    DisclosureRequest,
    Requestor,
    Risk,
    Sealer,
    SessionOutcome,
    new_sealing_key,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, ServerSettings, SimulatedApp
from tests.docs.pages import check_style, code_of, runs, write_files
from tests.memory_stores import memory_store
from tests.pytest_plugin.running import outcome

RECEIVE = "docs/how-to/receive-callbacks.md"
STATIC = "docs/how-to/receive-static-sessions.md"
CHAIN = "docs/how-to/chain-sessions.md"
VERIFY = "docs/how-to/verify-signed-requests.md"


def module_of(path: Path) -> Any:
    """Import a file of a page as a module, and return the module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@runs(RECEIVE, python=3)
@runs(STATIC, python=2)
@runs(CHAIN, python=2)
@runs(VERIFY, python=2)
@pytest.mark.parametrize("page", [RECEIVE, STATIC, CHAIN, VERIFY])
def test_how_to_passes_its_own_tests(page: str, tmp_path: Path) -> None:
    """The blocks of a page are the files of a test suite that passes."""
    write_files(page, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    assert outcome(tmp_path) == "2 passed"


@pytest.mark.parametrize("page", [RECEIVE, STATIC, CHAIN, VERIFY])
def test_blocks_are_in_our_style(page: str, tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(page, tmp_path)
    check_style(tmp_path, "'irma_core','irma_testing','irma_backend'")


@runs(STATIC, json=1)
def test_server_accepts_the_static_session() -> None:
    """The in-memory server accepts the page's static session, and starts it."""
    (setting,) = code_of(STATIC, "json")
    server = InMemoryServer(ServerSettings(static_sessions=json.loads(setting)))
    url = f"{server.url}/irma/session/visit"
    reply = server.handle(HttpRequest("POST", url, label="POST session", body=b""))
    assert reply.status == 200
    assert json.loads(reply.body)["irmaqr"] == "disclosing"


@runs(RECEIVE, python=1)
def test_page_replays_kept_posts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's replay delivers an outcome after the function that records it had failed."""
    write_files(RECEIVE, tmp_path)
    page = module_of(tmp_path / "replay.py")
    server = InMemoryServer()
    person = SimulatedApp(server)
    person.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    allow = {Risk.SIMULATED_PROOFS}
    requestor = Requestor(
        server.url, server.transport(), server_key=server.public_key_pem, allow=allow
    )
    sealer, store = Sealer([new_sealing_key()]), memory_store(server.clock)
    outcomes: list[SessionOutcome] = []

    def fail(_: SessionOutcome) -> None:
        raise LookupError

    def receive(post: HttpRequest) -> HttpResponse:
        with pytest.raises(LookupError):
            callbacks.receive(post.method, post.url, post.headers, post.body or b"")
        return HttpResponse(500)

    page.record = fail
    callbacks: CallbackReceiver = page.receiver_of(requestor, sealer, store)
    server.deliver = receive
    asked = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
    person.accept(requestor.start_session(callbacks.with_callback(asked)).pointer)
    page.record = outcomes.append
    page.replay(page.receiver_of(requestor, sealer, store))
    assert len(outcomes) == 1
    assert capsys.readouterr().out.endswith(": delivered\n")


class RecordingReceiver:
    """A receiver that records its arguments and returns a fixed reply."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    async def receive(self, *arguments: Any) -> HttpResponse:
        self.calls.append(arguments)
        return HttpResponse(415, (("content-type", "text/plain; charset=utf-8"),), body=b"why\n")


async def test_page_passes_requests_and_replies(tmp_path: Path) -> None:
    """The how-to's aiohttp page passes each request to the receiver, and returns its reply."""
    write_files(RECEIVE, tmp_path)
    page = module_of(tmp_path / "page.py")
    receiver, application = RecordingReceiver(), web.Application()
    page.add_page(application, receiver)
    async with TestClient(TestServer(application, access_log=None)) as client:
        for method in ("POST", "GET"):
            reply = await client.request(method, "/irma/callback/sealed/", data=b"a JWT")
            assert (reply.status, await reply.read()) == (415, b"why\n")
            assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert [(method, path, body) for method, path, _, body in receiver.calls] == [
        ("POST", "/irma/callback/sealed/", b"a JWT"),
        ("GET", "/irma/callback/sealed/", b"a JWT"),
    ]
    assert dict(receiver.calls[0][2])["Content-Length"] == "5"
