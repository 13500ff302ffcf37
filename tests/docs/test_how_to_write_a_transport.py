"""The how-to on transports shows the example as it is, and the example passes the contract."""

from __future__ import annotations

import asyncio
import math
import re
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
from tests.pytest_plugin.running import outcome

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "httpx_transport"
HOW_TO = (ROOT / "docs" / "how-to" / "write-a-transport.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)


def test_the_blocks_are_the_examples_files() -> None:
    """Letter by letter."""
    files = [EXAMPLE / name for name in ("httpx_transport.py", "test_httpx_transport.py")]
    assert BLOCKS[:-1] == [path.read_text(encoding="utf-8") for path in files]


def test_the_example_passes_the_contract() -> None:
    """As its readers run it."""
    tests = [name for name in dir(AsyncTransportContract) if name.startswith("test_")]
    assert outcome(EXAMPLE) == f"{len(tests)} passed"


def test_the_example_shows_no_token_to_what_traces_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that patches httpx, as OpenTelemetry does, sees the names of the calls alone."""
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

    async def play(url: str) -> tuple[str, str]:
        async with transport:
            requestor = AsyncRequestor(url, transport)
            asked = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
            session = await requestor.start_session(asked)
            answer = await requestor.wait_for_answer(session, timeout=timedelta(minutes=1))
            return session.token.reveal(), str(answer["email"].value)

    with running_server(server) as url:
        token, email = asyncio.run(play(url))
    assert email == "ada@example.com"
    assert {url.rpartition("/")[2] for url in traced} >= {"session", "result"}
    assert [url for url in traced if token in url] == []


def test_the_messages_alone_make_an_answer(tmp_path: Path) -> None:
    """With whatever sends them; and none before there is one."""
    (tmp_path / "messages.py").write_text(BLOCKS[-1], encoding="utf-8")
    shown = runpy.run_path(str(tmp_path / "messages.py"))
    known = {"shop": RequestorSettings("token", "a-token-of-the-shop")}
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    app, url = SimulatedApp(server), ServerUrl.parse(server.url)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})

    def send(request: HttpRequest) -> HttpResponse:
        return server.transport().send(request, math.inf)

    asked = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
    session = shown["start"](send, url, asked, "a-token-of-the-shop")
    with pytest.raises(SessionNotFinishedError):
        shown["get_answer"](send, url, session)
    app.accept(session.pointer)
    assert shown["get_answer"](send, url, session)["email"].value == "ada@example.com"
