"""Watches over real sockets with a server that misbehaves in many ways."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from irma_core import AsyncRequestor, DisclosureRequest, Requestor
from irma_core.errors import DeadlineError, IrmaError, NobodyAnsweredError, SessionGoneError
from irma_core.flows import cancellation
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer
from irma_testing.misbehaving_streams import (
    buffered_stream,
    cut_stream,
    event_stream,
    session_unknown,
    silent_stream,
)
from irma_testing.misbehaviours import answer, hang_up, html_503, silence
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.modes import MODES

ASKED = DisclosureRequest({"age": "a.b.c.d"})
HALF_A_SECOND, LONG, AN_HOUR = (timedelta(seconds=each) for each in (0.5, 60, 3600))
JSON = [("Content-Type", "application/json")]
START = answer(
    headers=JSON,
    body=b'{"sessionPtr":{"u":"http://127.0.0.1/irma/session/x","irmaqr":"disclosing"},'
    b'"token":"abcdefghijKLMNOPQRST"}',
)
DISABLED = answer(
    500, headers=JSON, body=b'{"status":500,"error":"SSE_DISABLED","description":"disabled"}'
)
OPEN = b"event: open\n\n"
I, C, D = "INITIALIZED", "CONNECTED", "DONE"  # noqa: E741  # as short as the tables below


def status(word: str) -> Behaviour:
    return answer(headers=JSON, body=f'"{word}"'.encode())


def event(word: str) -> bytes:
    return f'data: "{word}"\n\n'.encode()


def watched(mode: str, *behaviours: Behaviour) -> tuple[list[str], IrmaError | None]:
    """Start a session and watch it; return the statuses and the final error."""
    seen: list[str] = []

    def sync(url: str) -> None:
        with Urllib3Transport() as transport:
            requestor = Requestor(url, transport)
            session = requestor.start_session(ASKED)
            with requestor.watch_status(session, timeout=LONG) as statuses:
                seen.extend(each.value for each in statuses)

    async def awaited(url: str) -> None:
        async with AiohttpTransport() as transport:
            requestor = AsyncRequestor(url, transport)
            session = await requestor.start_session(ASKED)
            async with requestor.watch_status(session, timeout=LONG) as statuses:
                async for each in statuses:
                    seen.append(each.value)  # noqa: PERF401  # kept though an error follows

    with MisbehavingServer(START, *behaviours) as server:
        try:
            if mode == "sync":
                sync(server.url)
            else:
                asyncio.run(awaited(server.url))
        except IrmaError as error:
            return seen, error
    return seen, None


@MODES
@pytest.mark.parametrize(
    ("behaviours", "words"),
    [
        ([event_stream(event(D), every=HALF_A_SECOND, greeting=OPEN), status(I)], [I, D]),
        ([silent_stream(), status(I), status(D)], [I, D]),
        ([buffered_stream([event(D)], AN_HOUR), status(I), status(D)], [I, D]),
        ([event_stream(event(C)), status(I), status(D)], [I, C, D]),
        (
            [
                *(cut_stream(event(D), 5), status(I), status(I)),
                *(cut_stream(event(D), 5), status(C), status(C), status(D)),
            ],
            [I, C, D],
        ),
        ([DISABLED, status(I), html_503(), hang_up, status(D)], [I, D]),
        ([answer(501), status(I), status(D)], [I, D]),
    ],
    ids=[
        "events",
        "silent stream",
        "buffering proxy",
        "ends without a final status",
        "breaks twice",
        "no events, and polls that fail",
        "not implemented",
    ],
)
def test_the_final_status_arrives_whatever_the_server_does(
    mode: str, behaviours: list[Behaviour], words: list[str]
) -> None:
    """A watch yields each status once and in order, whatever the server does."""
    assert watched(mode, *behaviours) == (words, None)


@MODES
def test_a_session_lost_in_a_restart_is_gone(mode: str) -> None:
    """If a restarted server has lost the session, the watch raises `SessionGoneError`."""
    seen, error = watched(mode, event_stream(event(C)), status(I), session_unknown())
    assert seen == [I, C]
    assert isinstance(error, SessionGoneError)


@MODES
@pytest.mark.parametrize(
    ("behaviours", "error"),
    [
        ([silence], NobodyAnsweredError),
        ([silent_stream(OPEN), status(I), silence], NobodyAnsweredError),
        ([silent_stream(OPEN), silence], NobodyAnsweredError),
        (
            [event_stream(*[event(I)] * 999, every=HALF_A_SECOND / 50), status(I), silence],
            NobodyAnsweredError,
        ),
        ([event_stream(), status(D), silence], DeadlineError),
    ],
    ids=["black hole", "silent", "silent black hole", "endless stream", "no result"],
)
def test_waiting_ends_by_its_deadline(
    mode: str,
    behaviours: list[Behaviour],
    error: type[IrmaError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wait ends at its deadline, whichever request the server leaves without a response."""
    monkeypatch.setattr(cancellation, "_CLEANUP_TIMEOUT", HALF_A_SECOND)

    def wait(url: str, timeout: timedelta) -> None:
        with Urllib3Transport() as transport:
            requestor = Requestor(url, transport, timeout=LONG)
            session = requestor.start_session(ASKED)
            requestor.wait_for_answer(session, timeout=timeout)

    async def wait_async(url: str, timeout: timedelta) -> None:
        async with AiohttpTransport() as transport:
            requestor = AsyncRequestor(url, transport, timeout=LONG)
            session = await requestor.start_session(ASKED)
            await requestor.wait_for_answer(session, timeout=timeout)

    def wait_in_loop(url: str, timeout: timedelta) -> None:
        asyncio.run(wait_async(url, timeout))

    ways = {"sync": wait, "async": wait_in_loop}
    ended: set[type[BaseException]] = set()
    for times in (1, 10, 100):  # on a busy machine, a short wait may be too short
        with (
            MisbehavingServer(START, *behaviours) as server,
            pytest.raises((DeadlineError, NobodyAnsweredError)) as caught,
        ):
            ways[mode](server.url, times * HALF_A_SECOND)
        ended.add(caught.type)
        if error in ended:
            break
    assert error in ended


def stream_until_left(left: threading.Event) -> Behaviour:
    """Send a stream's head, and record when the other end closes."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + OPEN)
        with suppress(EOFError, OSError):
            peer.read_some()
        left.set()
        peer.finish()

    return behave


def test_leaving_a_watch_closes_its_connection() -> None:
    """Leaving a watch closes its connection while the transport stays open."""
    left = threading.Event()
    with (
        MisbehavingServer(START, stream_until_left(left), status(I)) as server,
        Urllib3Transport() as transport,
    ):
        requestor = Requestor(server.url, transport)
        session = requestor.start_session(ASKED)
        with requestor.watch_status(session) as statuses:
            assert next(statuses).value == I
            assert not left.is_set()
        assert left.wait(60)


async def test_leaving_an_async_watch_closes_its_connection() -> None:
    """Leaving or cancelling an asyncio watch closes its connection."""
    for is_cancelled in (False, True):
        left = threading.Event()
        with MisbehavingServer(START, stream_until_left(left), status(I)) as server:
            async with AiohttpTransport() as transport:
                requestor = AsyncRequestor(server.url, transport)
                seen = asyncio.Event()
                task = asyncio.create_task(_watch(requestor, seen, leaves=not is_cancelled))
                await seen.wait()
                if is_cancelled:
                    task.cancel()
                await asyncio.wait({task})
                assert await asyncio.to_thread(left.wait, 60)


async def _watch(requestor: AsyncRequestor, seen: asyncio.Event, *, leaves: bool) -> None:
    session = await requestor.start_session(ASKED)
    async with requestor.watch_status(session) as statuses:
        async for _ in statuses:
            seen.set()
            if leaves:
                break
