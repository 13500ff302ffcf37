"""The contracts of transports: a test class for sync transports, and one for async ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    suppress,
)
from datetime import timedelta
from typing import Final

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    ResponseTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import AsyncTransport, ReadOutcome, Transport
from irma_testing.contracts.harness import (
    PATIENCE,
    HarnessMixin,
    Scenario,
    ThreadedTransport,
    TransportHarness,
    get,
    post,
)
from irma_testing.misbehaving_server import Behaviour, Peer, unused_port
from irma_testing.misbehaving_streams import (
    cut_stream,
    silent_stream,
    stream_on_release,
)
from irma_testing.misbehaviours import (
    answer,
    compressed,
    cut,
    drip,
    empty_503,
    endless_body,
    endless_headers,
    gzip_bomb,
    hang_up,
    html_503,
    raw,
    redirect,
    reset,
    reset_during_request,
    response,
    silence,
    wrong_length,
)

__all__ = [
    "AsyncTransportContract",
    "CallsContract",
    "StreamsContract",
    "TransportContract",
]


_WHOLE = response(body=b'{"status": "DONE"}')
_IN_CHUNKS = response(chunks=[b'{"status":', b' "DONE"}'])
_SLOWLY = timedelta(seconds=0.05)
_MIB = 1024 * 1024


class CallsContract(HarnessMixin):
    """The tests of `send`.

    Attributes:
        largest_body: The largest body that the transport accepts, in bytes.
    """

    largest_body = _MIB

    def test_request_arrives_unchanged(self) -> None:
        """Method, target, headers and body arrive unchanged; the target is not encoded again."""

        async def scenario(harness: TransportHarness) -> None:
            await harness.send(
                post(harness.server, b'{"a":"\xc3\xa9"}', ("authorization", "secret"))
            )
            url = f"{harness.server.url}/a%2Fb?c=%20d"
            await harness.send(HttpRequest("DELETE", url, label="DELETE"))

        first, second = self.run_scenario(scenario, answer()).requests
        assert (first.method, first.target) == ("POST", "/session")
        assert first.body == b'{"a":"\xc3\xa9"}'
        assert first.headers["authorization"] == "secret"
        assert (second.method, second.target, second.body) == ("DELETE", "/a%2Fb?c=%20d", b"")

    def test_any_response_is_returned(self) -> None:
        """The transport returns the whole response, whatever its status, framing and body."""

        async def scenario(harness: TransportHarness) -> None:
            for _ in range(2):
                assert (await harness.send(get(harness.server))).body == b'{"status": "DONE"}'
            page = await harness.send(get(harness.server))
            assert (page.status, page.header("content-type")) == (503, "text/html; charset=utf-8")
            assert page.body.startswith(b"<html>")
            nothing = await harness.send(get(harness.server))
            assert (nothing.status, nothing.body) == (503, b"")
            odd = await harness.send(get(harness.server))
            assert (odd.status, odd.body) == (520, b"x")

        whole = [raw(_WHOLE), raw(_IN_CHUNKS), html_503(), empty_503(), answer(520, body=b"x")]
        self.run_scenario(scenario, *whole)

    def test_compressed_body(self) -> None:
        """If the server compresses a body uninvited, the transport decompresses or refuses it."""

        async def scenario(harness: TransportHarness) -> None:
            for _ in range(2):
                try:
                    body = (await harness.send(get(harness.server))).body
                except MalformedResponseError:
                    continue
                assert body == b'{"status": "DONE"}'

        self.run_scenario(
            scenario, *(raw(compressed(b'{"status": "DONE"}', kind)) for kind in _ENCODINGS)
        )

    def test_redirects_and_cookies_are_ignored(self) -> None:
        """A redirect is returned like any other response, and no cookie is sent back."""

        async def scenario(harness: TransportHarness) -> None:
            assert (await harness.send(post(harness.server))).status == 301
            for _ in range(2):
                await harness.send(get(harness.server))

        server = self.run_scenario(
            scenario, redirect("/other"), answer(headers=[("Set-Cookie", "a=b")])
        )
        assert [request.method for request in server.requests] == ["POST", "GET", "GET"]
        assert not [request for request in server.requests if "cookie" in request.headers]

    def test_response_cut_at_any_byte(self) -> None:
        """If a response is cut off at any byte, the call fails and is not retried."""
        wholes = (_WHOLE, _IN_CHUNKS)
        cuts = [cut(whole, length) for whole in wholes for length in range(len(whole))]

        async def scenario(harness: TransportHarness) -> None:
            for _ in cuts:
                error = await harness.failure(TransportError, harness.send(get(harness.server)))
                assert error.request_sent

        assert len(self.run_scenario(scenario, *cuts).requests) == len(cuts)

    def test_broken_connection(self) -> None:
        """If a connection breaks after the request, `request_sent` is true. There is no retry."""
        broken: list[Behaviour] = [hang_up, reset(), reset(b"HTTP/1.1 200"), reset_during_request]

        async def scenario(harness: TransportHarness) -> None:
            for _ in broken:
                act = harness.send(post(harness.server))
                assert (await harness.failure(ConnectionBrokenError, act)).request_sent

        assert self.run_scenario(scenario, *broken).connections == len(broken)

    def test_connection_reset_at_once(self) -> None:
        """If a connection breaks before the request arrives, the transport does not reconnect."""

        async def scenario(harness: TransportHarness) -> None:
            await harness.failure(TransportError, harness.send(post(harness.server)))

        server = self.run_scenario(scenario, answer(), at_connect=Peer.reset)
        assert (server.requests, server.connections) == ([], 1)

    def test_no_connection(self) -> None:
        """If no connection can be made, `request_sent` is false, so the caller may try again."""

        async def scenario(harness: TransportHarness) -> None:
            with unused_port() as port:
                request = HttpRequest("POST", f"http://127.0.0.1:{port}/session", label="POST")
                act = harness.send(request)
                assert not (await harness.failure(ConnectionFailedError, act)).request_sent

        self.run_scenario(scenario, answer())

    def test_deadline_covers_the_whole_call(self) -> None:
        """The call keeps its deadline even if the response arrives slowly or never ends."""
        long_head = response(headers=[("X-Long", "x" * 9000)])
        slow: list[Behaviour] = [
            silence,
            drip(long_head, _SLOWLY),
            drip(b"x" * 9000, _SLOWLY, head=b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"),
            endless_headers(_SLOWLY),
            endless_body(_SLOWLY),
            endless_body(_SLOWLY, chunked=False),
        ]

        for behaviour in slow:
            # On a busy machine a short deadline may pass before the request is sent.
            assert any(self._is_sent(behaviour, within) for within in (0.3, 3, 30))

    def test_deadline_in_the_past(self) -> None:
        """A call whose deadline has passed times out before it sends anything."""

        async def scenario(harness: TransportHarness) -> None:
            act = harness.send(post(harness.server), -1)
            assert not (await harness.failure(TransportTimeoutError, act, 0)).request_sent

        assert self.run_scenario(scenario, answer()).requests == []

    def test_body_over_the_limit(self) -> None:
        """A body is refused if its declared, received or decompressed size is over the limit."""
        limit = self.largest_body
        large: list[Behaviour] = [
            answer(body=bytes(limit + 1)),
            endless_body(),
        ]
        # A transport may also refuse these responses because they are cut short or compressed.
        suspicious = [
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", close=True),
            gzip_bomb(100 * limit),
        ]

        async def scenario(harness: TransportHarness) -> None:
            assert len((await harness.send(get(harness.server))).body) == limit
            for _ in large:
                await harness.failure(ResponseTooLargeError, harness.send(get(harness.server)))
            for _ in suspicious:
                await harness.failure(TransportError, harness.send(get(harness.server)))

        self.run_scenario(scenario, answer(body=bytes(limit)), *large, *suspicious)

    def test_response_that_is_not_http(self) -> None:
        """Invalid data, an endless head and an invalid length raise a `TransportError`."""
        nonsense: list[Behaviour] = [
            raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", close=True),
            endless_headers(),
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx", close=True),
        ]

        async def scenario(harness: TransportHarness) -> None:
            for _ in nonsense:
                await harness.failure(TransportError, harness.send(get(harness.server)))

        self.run_scenario(scenario, *nonsense)

    def test_wrong_length_spoils_no_later_response(self) -> None:
        """Surplus bytes after one response are not read as the next response."""

        async def scenario(harness: TransportHarness) -> None:
            await harness.failure(TransportError, harness.send(get(harness.server)))
            with suppress(TransportError):  # a transport may refuse or ignore surplus bytes
                assert (await harness.send(get(harness.server))).body == b"12"
            await harness.wait_until_closed()
            assert (await harness.send(get(harness.server))).body == b"OK"

        wrong = (wrong_length(b"1", 9), wrong_length(b"12345", 2))
        idle_limit = timedelta(seconds=0.2)
        self.run_scenario(scenario, *wrong, answer(body=b"OK"), idle_limit=idle_limit)

    def test_idle_connections_are_not_reused(self) -> None:
        """A connection is not reused after 1.5 s of idle time, because the server may close it."""
        self._check_pause(0.3, connections=1)
        self._check_pause(1.6, connections=2)

    def test_closed_connection_is_replaced(self) -> None:
        """A connection that the server has closed between requests is replaced by a new one."""

        async def scenario(harness: TransportHarness) -> None:
            for _ in range(3):
                assert (await harness.send(post(harness.server))).body == b"OK"
                await harness.wait_until_closed()

        head = raw(response(headers=[("Connection", "close")], body=b"OK"), close=True)
        self.run_scenario(scenario, head)
        self.run_scenario(scenario, raw(response(body=b"OK"), close=True))

    def test_clock_and_jitter(self) -> None:
        """The wall time has a time zone, a sleep takes time, and the jitter varies in [0, 1)."""

        async def scenario(harness: TransportHarness) -> None:
            clock = harness.transport.clock
            assert clock.now().tzinfo is not None, "the wall time must be aware"
            start = clock.monotonic()
            await harness.transport.sleep(timedelta(seconds=0.1))
            await harness.transport.sleep(timedelta(seconds=-1))
            assert clock.monotonic() - start >= 0.09
            numbers = {harness.transport.jitter() for _ in range(20)}
            assert all(0 <= number < 1 for number in numbers)
            assert len(numbers) > 1

        self.run_scenario(scenario, answer())

    def _is_sent(self, slow: Behaviour, within: float) -> bool:
        """Check that a call times out after `within` seconds; return whether it was sent."""
        is_sent = False

        async def scenario(harness: TransportHarness) -> None:
            nonlocal is_sent
            act = harness.send(get(harness.server), within)
            error = await harness.failure(TransportTimeoutError, act, within)
            is_sent = error.request_sent

        self.run_scenario(scenario, slow)
        return is_sent

    def _check_pause(self, pause: float, *, connections: int) -> None:
        took, made = 0.0, 0

        async def scenario(harness: TransportHarness) -> None:
            nonlocal took
            start = harness.transport.clock.monotonic()
            await harness.send(get(harness.server))
            await harness.transport.sleep(timedelta(seconds=pause))
            await harness.send(get(harness.server))
            took = harness.transport.clock.monotonic() - start

        repeated: Scenario = scenario
        for _ in range(_ATTEMPTS):
            made = self.run_scenario(repeated, answer()).connections
            # On a busy machine even the short pause may exceed the limit for idle connections.
            if pause > _MAX_IDLE or took < _MAX_IDLE:
                break
        assert made == connections


_ATTEMPTS: Final = 20
_MAX_IDLE: Final = 1.5
_ENCODINGS = ("gzip", "deflate")


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_TENTH_OF_A_SECOND = timedelta(seconds=0.1)
_STREAMS = 110


async def _read_stream(harness: TransportHarness) -> bytes:
    """Open a stream and read it to its end. A broken stream may fail at either step."""
    stream = await harness.open()
    try:
        return await harness.read_all(stream)
    finally:
        await stream.aclose()


class StreamsContract(HarnessMixin):
    """The tests of `open_stream`."""

    def test_bytes_arrive_as_they_are_sent(self) -> None:
        """Reads return the bytes that have arrived, and do not wait for more; `END` comes last."""
        wanted = threading.Semaphore(0)

        async def scenario(harness: TransportHarness) -> None:
            stream = await harness.open()
            types = [value for name, value in stream.headers if name.lower() == "content-type"]
            assert (stream.status, types) == (200, ["text/event-stream"])
            for piece in (*pieces, ReadOutcome.END):
                wanted.release()
                assert await harness.read(stream) == piece
            assert await harness.read(stream) is ReadOutcome.END
            await stream.aclose()
            await stream.aclose()

        pieces = (b"event: open\n\n", b"data: 1\n\n", b"data: 2\n\n")
        self.run_scenario(scenario, stream_on_release(wanted, *pieces))

    def test_idle_reads_lose_nothing(self) -> None:
        """After reads that return nothing for three seconds, the next event arrives complete."""
        wanted = threading.Semaphore(1)

        async def scenario(harness: TransportHarness) -> None:
            stream = await harness.open()
            assert await harness.read(stream) == b":\n"
            for _ in range(12):
                assert await harness.read(stream, 0.25) is ReadOutcome.IDLE
            wanted.release(2)
            assert await harness.read_all(stream) == b"data: 1\n\n"
            await stream.aclose()

        self.run_scenario(scenario, stream_on_release(wanted, b":\n", b"data: 1\n\n"))

    def test_read_with_deadline_in_the_past(self) -> None:
        """A read whose deadline has passed returns the bytes that have arrived, or else `IDLE`."""

        async def scenario(harness: TransportHarness) -> None:
            stream = await harness.open()
            await asyncio.sleep(0.2)
            assert await harness.read(stream) == b":\n"
            assert await harness.read(stream, -1) is ReadOutcome.IDLE
            await stream.aclose()

        self.run_scenario(scenario, silent_stream(b":\n"))

    def test_any_framing(self) -> None:
        """A stream may be framed by chunks, by a length, or by the end of the connection."""
        behaviours = [
            raw(response(body=b"data: 1\n\n")),
            raw(response(chunks=[b"data: ", b"1\n\n"])),
            raw(_HEAD + b"Connection: close\r\n\r\ndata: 1\n\n", close=True),
        ]

        async def scenario(harness: TransportHarness) -> None:
            for _ in behaviours:
                stream = await harness.open()
                assert await harness.read_all(stream) == b"data: 1\n\n"
                await stream.aclose()

        self.run_scenario(scenario, *behaviours)

    def test_any_status(self) -> None:
        """Opening a stream succeeds whatever the status, so the caller must check the status."""
        statuses = (301, 403, 500, 501, 503)

        async def scenario(harness: TransportHarness) -> None:
            for status in statuses:
                stream = await harness.open()
                assert stream.status == status
                await stream.aclose()

        self.run_scenario(scenario, *map(answer, statuses))

    def test_broken_stream_raises(self) -> None:
        """If a stream is cut short or has an invalid chunk, a read raises an error."""
        chunked = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        broken: list[tuple[Behaviour, type[TransportError]]] = [
            (cut_stream(b"data: 1\n\n", 4), ConnectionBrokenError),
            (raw(_HEAD + b"Content-Length: 99\r\n\r\ndata", close=True), ConnectionBrokenError),
            (raw(chunked + b"zz\r\n"), MalformedResponseError),
        ]

        async def scenario(harness: TransportHarness) -> None:
            for _, kind in broken:
                await harness.failure(kind, _read_stream(harness))

        self.run_scenario(scenario, *(behaviour for behaviour, _ in broken))

    def test_missing_head_times_out(self) -> None:
        """Opening a stream raises a timeout error if the head does not arrive by the deadline."""

        async def scenario(harness: TransportHarness) -> None:
            for _ in range(2):
                await harness.failure(TransportTimeoutError, harness.open(0.3), 0.3)

        self.run_scenario(scenario, silence, endless_headers(_TENTH_OF_A_SECOND))

    def test_stream_that_cannot_be_opened(self) -> None:
        """Opening a stream fails if no server listens, or if the server compresses the stream."""

        async def scenario(harness: TransportHarness) -> None:
            await harness.failure(MalformedResponseError, harness.open())
            with unused_port() as port:
                request = HttpRequest("GET", f"http://127.0.0.1:{port}/", label="GET")
                opening = harness.transport.open_stream(request, harness.deadline(PATIENCE))
                await harness.failure(ConnectionFailedError, opening)

        self.run_scenario(scenario, raw(compressed(b"data: 1\n\n")))

    def test_streams_do_not_block_calls(self) -> None:
        """A call succeeds while 110 streams are open."""

        async def scenario(harness: TransportHarness) -> None:
            streams = [await harness.open() for _ in range(_STREAMS)]
            assert (await harness.send(get(harness.server))).body == b"OK"
            for stream in streams:
                await stream.aclose()

        self.run_scenario(scenario, *[silent_stream()] * _STREAMS, answer(body=b"OK"))


_CHECKS: Final = 600
"""How many times to check, ten times a second, whether the tasks of a cancelled call have ended."""


class TransportContract(CallsContract, StreamsContract):
    """The contract of `Transport`. Subclass it; `make_transport` returns your transport."""

    def make_transport(self) -> AbstractContextManager[Transport]:
        """Make the transport. Each test uses it in a `with` block."""
        raise NotImplementedError

    @asynccontextmanager
    async def open_transport(self) -> AsyncGenerator[AsyncTransport]:
        """Yield an async form of the transport, which runs each call on a thread."""
        with self.make_transport() as transport:
            yield ThreadedTransport(transport)


class AsyncTransportContract(CallsContract, StreamsContract):
    """The contract of `AsyncTransport`. Subclass it; `make_transport` returns your transport."""

    def make_transport(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Make the transport. Each test uses it in an `async with` block, on its own event loop."""
        raise NotImplementedError

    def open_transport(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Yield the transport itself."""
        return self.make_transport()

    def test_cancelled_call_leaves_no_task(self) -> None:
        """If a call or the opening of a stream is cancelled, no task is left running."""

        async def scenario(harness: TransportHarness) -> None:
            before = asyncio.all_tasks()
            call = asyncio.create_task(harness.send(get(harness.server)))
            opening = asyncio.create_task(harness.open())
            await asyncio.sleep(0.2)
            for task in (call, opening):
                task.cancel()
            await asyncio.wait({call, opening})
            assert call.cancelled()
            assert opening.cancelled()
            for _ in range(_CHECKS):
                if asyncio.all_tasks() <= before:
                    break
                await asyncio.sleep(0.1)
            assert asyncio.all_tasks() <= before, "a task still runs after its call was cancelled"

        self.run_scenario(scenario, silence)

    def test_cancelled_read_loses_nothing(self) -> None:
        """After a cancelled read, another read returns the bytes that arrive next."""
        wanted = threading.Semaphore(1)

        async def scenario(harness: TransportHarness) -> None:
            stream = await harness.open()
            assert await harness.read(stream) == b":\n"
            reading = asyncio.create_task(harness.read(stream))
            await asyncio.sleep(0.1)
            reading.cancel()
            await asyncio.wait({reading})
            wanted.release()
            assert await harness.read(stream) == b"data: 1\n\n"
            await stream.aclose()

        self.run_scenario(scenario, stream_on_release(wanted, b":\n", b"data: 1\n\n"))
