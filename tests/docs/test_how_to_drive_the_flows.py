"""The how-to on drivers shows the example unchanged, and its driver runs the flows on trio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
import trio

from irma_backend.dev_server import running_server
from irma_core import AttributeRequest, DisclosureRequest, Requestor, SessionStatus
from irma_core.errors import (
    ServerRefusedError,
    SessionCancelledError,
    SigningError,
    StoreError,
)
from irma_core.flows.effects import CloseStream, Flow, OpenStream, ReadStream, get_stored
from irma_core.flows.session_answers import get_answer_flow
from irma_core.flows.session_calls import cancel_session_flow, get_status_flow
from irma_core.flows.start import start_session_flow
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.interfaces import HttpRequest
from irma_testing import InMemoryServer, ServerSettings, SimulatedApp
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.docs.pages import ROOT, code_of, runs

EXAMPLE = ROOT / "docs" / "examples" / "trio_driver"
PAGE = "docs/how-to/drive-the-flows-yourself.md"
EMAIL = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
Run = Callable[[Flow[Any], Urllib3Transport], Any]


@pytest.fixture
def run_on_trio(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.syspath_prepend(EXAMPLE)
    run: Run = import_module("trio_driver").run_on_trio
    return run


@pytest.fixture
def server() -> InMemoryServer:
    return InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())


@pytest.fixture
def url(server: InMemoryServer) -> Iterator[str]:
    with running_server(server) as url:
        yield url


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@runs(PAGE, python=2)
def test_the_blocks_are_the_examples_files() -> None:
    """The page shows both files of the example exactly."""
    names = ("trio_driver.py", "trio_shop.py")
    assert code_of(PAGE) == [
        f"# {name}\n{(EXAMPLE / name).read_text(encoding='utf-8')}" for name in names
    ]


def test_the_example_gets_an_answer(
    server: InMemoryServer, url: str, run_on_trio: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example starts a session, waits on the event stream, and prints the answer."""
    assert callable(run_on_trio)
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    server.when_started(app.accept)
    trio.run(import_module("trio_shop").main, url)
    link, email = capsys.readouterr().out.splitlines()
    assert link.startswith("https://")
    assert email == "ada@example.com"


def test_a_cancelled_wait_cancels_its_session(
    url: str, run_on_trio: Run, transport: Urllib3Transport
) -> None:
    """When a task that waits is cancelled, the flow still cancels the session at the server."""

    async def main() -> SessionStatus:
        context = Requestor(url, transport).context
        session = await run_on_trio(
            start_session_flow(context, DisclosureRequest({"email": EMAIL})), transport
        )
        wait = wait_for_answer_flow(context, session, timedelta(minutes=1), keep_session=False)
        with trio.CancelScope() as scope:
            scope.cancel()
            await run_on_trio(wait, transport)
        assert scope.cancelled_caught
        status: SessionStatus = await run_on_trio(get_status_flow(context, session), transport)
        return status

    assert trio.run(main) is SessionStatus.CANCELLED


def test_the_driver_raises_the_flows_error(
    url: str, run_on_trio: Run, transport: Urllib3Transport
) -> None:
    """The driver raises the error with which the flow ends."""
    context = Requestor(url, transport).context
    start = start_session_flow(context, DisclosureRequest({"email": EMAIL}))
    session = trio.run(run_on_trio, start, transport)
    trio.run(run_on_trio, cancel_session_flow(context, session), transport)
    with pytest.raises(SessionCancelledError):
        trio.run(run_on_trio, get_answer_flow(context, session), transport)
    context = Requestor(url + "/elsewhere", transport).context
    with pytest.raises(ServerRefusedError):
        trio.run(run_on_trio, get_status_flow(context, session), transport)


class Store:
    """A store that returns its key, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get(self, key: str) -> Any:
        if self.error is not None:
            raise self.error
        return key.encode()


def test_a_failed_call_becomes_a_store_error(run_on_trio: Run, transport: Urllib3Transport) -> None:
    """The driver turns a store's error or late result into a `StoreError`, as the flow expects."""

    def flow(store: Any, deadline: float) -> Flow[bytes | None]:
        return (yield from get_stored(store, "key", deadline))

    later = transport.clock.monotonic() + 60
    assert trio.run(run_on_trio, flow(Store(), later), transport) == b"key"
    for error in (OSError("secret"), SigningError("wrong class"), StoreError("its own")):
        with pytest.raises(StoreError) as caught:
            trio.run(run_on_trio, flow(Store(error), later), transport)
        assert "secret" not in str(caught.value)
    with pytest.raises(StoreError):
        trio.run(run_on_trio, flow(Store(), 0.0), transport)


def test_streams_are_closed(run_on_trio: Run, transport: Urllib3Transport) -> None:
    """The driver closes a stream when the flow asks for it, and the other streams at the end."""

    def flow(url: str, deadline: float) -> Flow[list[Any]]:
        request = HttpRequest("GET", url, label="GET events")
        first = yield from OpenStream(request, deadline)
        read = yield from ReadStream(first, deadline)
        yield from CloseStream(first)
        second = yield from OpenStream(request, deadline)
        return [read, first, second]

    with MisbehavingServer(silent_stream(b"data: 1\n\n")) as misbehaving:
        deadline = transport.clock.monotonic() + 60
        read, *streams = trio.run(run_on_trio, flow(misbehaving.url, deadline), transport)
    assert read == b"data: 1\n\n"
    for stream in streams:
        with pytest.raises(Exception, match="GET events"):
            stream.read(transport.clock.monotonic())
