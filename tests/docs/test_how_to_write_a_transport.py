"""The how-to on transports shows the files of an example that passes the contract."""

from __future__ import annotations

import asyncio
import math
import runpy
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from irma_backend.dev_server import running_server
from irma_core import AsyncRequestor, DisclosureRequest
from irma_core.errors import SessionNotFinishedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_testing.contracts import AsyncTransportContract
from irma_transport import SystemClock
from tests.docs.pages import ROOT, code_of, runs
from tests.pytest_plugin.running import outcome

EXAMPLE = ROOT / "docs" / "examples" / "httpx_transport"
PAGE = "docs/how-to/write-a-transport.md"


@runs(PAGE, python=2)
def test_blocks_are_the_example_files() -> None:
    """All blocks except the last equal the files of the example."""
    files = [EXAMPLE / name for name in ("httpx_transport.py", "test_httpx_transport.py")]
    assert code_of(PAGE)[:-1] == [path.read_text(encoding="utf-8") for path in files]


@pytest.mark.long
def test_example_passes_the_contract() -> None:
    """The example passes every test of the contract when it is run as a reader runs it."""
    tests = [name for name in dir(AsyncTransportContract) if name.startswith("test_")]
    assert outcome(EXAMPLE) == f"{len(tests)} passed"


def test_traced_httpx_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that patches httpx, as OpenTelemetry does, sees no token in the URLs."""
    monkeypatch.syspath_prepend(EXAMPLE)
    transport = runpy.run_path(str(EXAMPLE / "httpx_transport.py"))["HttpxTransport"]()
    traced: list[str] = []
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def trace(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        traced.append(str(request.url))
        return await send(self, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", trace)
    server = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    server.when_started(app.accept)

    async def run(url: str) -> tuple[str, str]:
        async with transport:
            requestor = AsyncRequestor(url, transport)
            request = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
            session = await requestor.start_session(request)
            answer = await requestor.wait_for_answer(session, timeout=timedelta(minutes=1))
            return session.token.reveal(), str(answer["email"].value)

    with running_server(server) as url:
        token, email = asyncio.run(run(url))
    assert email == "ada@example.com"
    assert {url.rpartition("/")[2] for url in traced} >= {"session", "result"}
    assert [url for url in traced if token in url] == []


@runs(PAGE, python=1)
def test_any_function_that_sends_http_gets_an_answer(tmp_path: Path) -> None:
    """The page's last block gets an answer with any function that sends HTTP messages."""
    (tmp_path / "messages.py").write_text(code_of(PAGE)[-1], encoding="utf-8")
    functions = runpy.run_path(str(tmp_path / "messages.py"))
    requestors = {"shop": RequestorSettings("token", "a-token-of-the-shop")}
    server = InMemoryServer(ServerSettings(requestors=requestors), clock=SystemClock())
    app, url = SimulatedApp(server), ServerUrl.parse(server.url)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})

    def send(request: HttpRequest) -> HttpResponse:
        return server.transport().send(request, math.inf)

    request = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
    session = functions["start"](send, url, request, "a-token-of-the-shop")
    with pytest.raises(SessionNotFinishedError):
        functions["get_answer"](send, url, session)
    app.accept(session.pointer)
    assert functions["get_answer"](send, url, session)["email"].value == "ada@example.com"
