"""What `send` must do, whatever the server does."""

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
from irma_testing.contracts.harness import HarnessMixin, OnThread, Scenario, Stage, get, post
from irma_testing.misbehaving_server import Behaviour, Peer, unused_port
from irma_testing.misbehaving_streams import (
    cut_stream,
    event_stream,
    silent_stream,
    stream_when_asked,
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
    reset_amid_request,
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
        largest_body: The transport's limit for a body, in bytes.
    """

    largest_body = _MIB

    def test_a_request_arrives_as_it_is(self) -> None:
        """Method, target, headers and body; the target is not encoded again."""

        async def story(stage: Stage) -> None:
            await stage.send(post(stage.server, b'{"a":"\xc3\xa9"}', ("authorization", "secret")))
            url = f"{stage.server.url}/a%2Fb?c=%20d"
            await stage.send(HttpRequest("DELETE", url, label="DELETE"))

        first, second = self.play(story, answer()).requests
        assert (first.method, first.target) == ("POST", "/session")
        assert first.body == b'{"a":"\xc3\xa9"}'
        assert first.headers["authorization"] == "secret"
        assert (second.method, second.target, second.body) == ("DELETE", "/a%2Fb?c=%20d", b"")

    def test_any_response_is_given_whole(self) -> None:
        """Whatever its status, its length or its chunks; HTML and no body too."""

        async def story(stage: Stage) -> None:
            for _ in range(2):
                assert (await stage.send(get(stage.server))).body == b'{"status": "DONE"}'
            page = await stage.send(get(stage.server))
            assert (page.status, page.header("content-type")) == (503, "text/html; charset=utf-8")
            assert page.body.startswith(b"<html>")
            nothing = await stage.send(get(stage.server))
            assert (nothing.status, nothing.body) == (503, b"")
            odd = await stage.send(get(stage.server))
            assert (odd.status, odd.body) == (520, b"x")

        whole = [raw(_WHOLE), raw(_IN_CHUNKS), html_503(), empty_503(), answer(520, body=b"x")]
        self.play(story, *whole)

    def test_a_compressed_body_is_never_given_as_it_came(self) -> None:
        """Unpacked, or refused: nobody asked for it."""

        async def story(stage: Stage) -> None:
            for _ in range(2):
                try:
                    body = (await stage.send(get(stage.server))).body
                except MalformedResponseError:
                    continue
                assert body == b'{"status": "DONE"}'

        self.play(story, *(raw(compressed(b'{"status": "DONE"}', kind)) for kind in _KINDS))

    def test_redirects_and_cookies_are_not_followed(self) -> None:
        """A redirect is a response; nothing is remembered of one for the next request."""

        async def story(stage: Stage) -> None:
            assert (await stage.send(post(stage.server))).status == 301
            for _ in range(2):
                await stage.send(get(stage.server))

        server = self.play(story, redirect("/other"), answer(headers=[("Set-Cookie", "a=b")]))
        assert [request.method for request in server.requests] == ["POST", "GET", "GET"]
        assert not [request for request in server.requests if "cookie" in request.headers]

    def test_a_response_cut_at_any_byte_is_no_response(self) -> None:
        """And it is not asked for again."""
        wholes = (_WHOLE, _IN_CHUNKS)
        cuts = [cut(whole, length) for whole in wholes for length in range(len(whole))]

        async def story(stage: Stage) -> None:
            for _ in cuts:
                error = await stage.failure(TransportError, stage.send(get(stage.server)))
                assert error.request_sent

        assert len(self.play(story, *cuts).requests) == len(cuts)

    def test_a_broken_connection_is_told_with_how_far_it_got(self) -> None:
        """After the request was sent, it may have been done: never repeated here."""
        broken: list[Behaviour] = [hang_up, reset(), reset(b"HTTP/1.1 200"), reset_amid_request]

        async def story(stage: Stage) -> None:
            for _ in broken:
                act = stage.send(post(stage.server))
                assert (await stage.failure(ConnectionBrokenError, act)).request_sent

        assert self.play(story, *broken).connections == len(broken)

    def test_a_connection_that_breaks_before_the_request_is_not_made_again(self) -> None:
        """Nobody can know what had left by then: the call fails, once."""

        async def story(stage: Stage) -> None:
            await stage.failure(TransportError, stage.send(post(stage.server)))

        played = self.play(story, answer(), at_connect=Peer.reset)
        assert (played.requests, played.connections) == ([], 1)

    def test_no_connection_means_that_nothing_was_sent(self) -> None:
        """So that a start may be tried again."""

        async def story(stage: Stage) -> None:
            with unused_port() as port:
                request = HttpRequest("POST", f"http://127.0.0.1:{port}/session", label="POST")
                act = stage.send(request)
                assert not (await stage.failure(ConnectionFailedError, act)).request_sent

        self.play(story, answer())

    def test_the_deadline_is_for_all_of_it(self) -> None:
        """However slowly and endlessly something comes."""
        slow: list[Behaviour] = [
            silence,
            drip(_WHOLE, _SLOWLY),
            drip(b"x" * 90, _SLOWLY, ahead=b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"),
            endless_headers(_SLOWLY),
            endless_body(_SLOWLY),
            endless_body(_SLOWLY, chunked=False),
        ]

        async def story(stage: Stage) -> None:
            for _ in slow:
                act = stage.send(get(stage.server), 0.3)
                assert (await stage.failure(TransportTimeoutError, act, 0.3)).request_sent

        self.play(story, *slow)

    def test_without_time_nothing_is_sent(self) -> None:
        """A deadline that has passed is a time-out at once."""

        async def story(stage: Stage) -> None:
            act = stage.send(post(stage.server), -1)
            assert not (await stage.failure(TransportTimeoutError, act, 0)).request_sent

        assert self.play(story, answer()).requests == []

    def test_a_body_over_the_limit_is_refused(self) -> None:
        """By what it says, by what comes, and by what it unpacks to."""
        limit = self.largest_body
        large: list[Behaviour] = [
            answer(body=bytes(limit + 1)),
            endless_body(),
        ]
        # These may be refused as well for what they are: cut short, and compressed.
        boasts = [
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", close=True),
            gzip_bomb(100 * limit),
        ]

        async def story(stage: Stage) -> None:
            assert len((await stage.send(get(stage.server))).body) == limit
            for _ in large:
                await stage.failure(ResponseTooLargeError, stage.send(get(stage.server)))
            for _ in boasts:
                await stage.failure(TransportError, stage.send(get(stage.server)))

        self.play(story, answer(body=bytes(limit)), *large, *boasts)

    def test_what_is_not_http_is_told_as_such(self) -> None:
        """Nonsense, an endless head, a length that is none."""
        nonsense: list[Behaviour] = [
            raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", close=True),
            endless_headers(),
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx", close=True),
        ]

        async def story(stage: Stage) -> None:
            for _ in nonsense:
                await stage.failure(TransportError, stage.send(get(stage.server)))

        self.play(story, *nonsense)

    def test_a_wrong_length_spoils_no_later_response(self) -> None:
        """What is left over of one response is not read as the next."""

        async def story(stage: Stage) -> None:
            await stage.failure(TransportError, stage.send(get(stage.server)))
            with suppress(TransportError):  # bytes beyond the length may be refused, or left alone
                assert (await stage.send(get(stage.server))).body == b"12"
            await stage.closed()
            assert (await stage.send(get(stage.server))).body == b"OK"

        self.play(story, wrong_length(b"1", 9), wrong_length(b"12345", 2), answer(body=b"OK"))

    def test_connections_are_used_again_within_a_moment_only(self) -> None:
        """At 1.5 s of idling the server may be about to close: a request would be lost."""
        self._play_pause(0.3, connections=1)
        self._play_pause(1.6, connections=2)

    def test_a_closed_connection_costs_no_request(self) -> None:
        """A server that closed in between is connected to anew."""

        async def story(stage: Stage) -> None:
            for _ in range(3):
                assert (await stage.send(post(stage.server))).body == b"OK"
                await stage.closed()

        head = raw(response(headers=[("Connection", "close")], body=b"OK"), close=True)
        self.play(story, head)
        self.play(story, raw(response(body=b"OK"), close=True))

    def test_the_clock_and_chance_are_what_they_should_be(self) -> None:
        """Wall time is aware, the other never runs back, and sleeping lasts."""

        async def story(stage: Stage) -> None:
            clock = stage.transport.clock
            assert clock.now().tzinfo is not None, "the wall time must be aware"
            begun = clock.monotonic()
            await stage.transport.sleep(timedelta(seconds=0.1))
            await stage.transport.sleep(timedelta(seconds=-1))
            assert clock.monotonic() - begun >= 0.09
            drawn = {stage.transport.jitter() for _ in range(20)}
            assert all(0 <= number < 1 for number in drawn)
            assert len(drawn) > 1

        self.play(story, answer())

    def _play_pause(self, pause: float, *, connections: int) -> None:
        took, made = 0.0, 0

        async def story(stage: Stage) -> None:
            nonlocal took
            await stage.send(get(stage.server))
            begun = stage.transport.clock.monotonic()
            await stage.transport.sleep(timedelta(seconds=pause))
            took = stage.transport.clock.monotonic() - begun
            await stage.send(get(stage.server))

        played: Scenario = story
        for _ in range(_ATTEMPTS):
            made = self.play(played, answer()).connections
            # On a busy machine a short sleep may outlast the time that connections are kept for.
            if took < pause + _OVERSLEPT:
                break
        assert made == connections


_ATTEMPTS: Final = 20
_OVERSLEPT: Final = 0.5
_KINDS = ("gzip", "deflate")


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_TENTH = timedelta(seconds=0.1)
_MANY = 110


async def _whole(stage: Stage) -> bytes:
    """Open a stream, and read it to its end: what is broken may show at either step."""
    stream = await stage.open()
    try:
        return await stage.all_of(stream)
    finally:
        await stream.aclose()


class StreamsContract(HarnessMixin):
    """The tests of `open_stream`."""

    def test_bytes_come_as_they_are_sent(self) -> None:
        """None waits for more, and the end is told, again and again."""
        asked = threading.Semaphore(0)

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            types = [value for name, value in stream.headers if name.lower() == "content-type"]
            assert (stream.status, types) == (200, ["text/event-stream"])
            for piece in (*pieces, ReadOutcome.END):
                asked.release()
                assert await stage.read(stream) == piece
            assert await stage.read(stream) is ReadOutcome.END
            await stream.aclose()
            await stream.aclose()

        pieces = (b"event: open\n\n", b"data: 1\n\n", b"data: 2\n\n")
        self.play(story, stream_when_asked(asked, *pieces))

    def test_quiet_loses_nothing(self) -> None:
        """After three seconds of reads without a byte the event still comes, whole."""

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            heard: list[bytes | ReadOutcome] = []
            while (piece := await stage.read(stream, 0.25)) is not ReadOutcome.END:
                heard.append(piece)
            assert [one for one in heard if one is not ReadOutcome.IDLE] == [b":\n", b"data: 1\n\n"]
            assert heard.count(ReadOutcome.IDLE) >= 3
            await stream.aclose()

        self.play(story, event_stream(b"data: 1\n\n", every=30 * _TENTH, greeting=b":\n"))

    def test_what_has_come_is_given_without_any_time_left(self) -> None:
        """A deadline in the past is a look at what is there."""

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            await asyncio.sleep(0.2)
            assert await stage.read(stream) == b":\n"
            assert await stage.read(stream, -1) is ReadOutcome.IDLE
            await stream.aclose()

        self.play(story, silent_stream(b":\n"))

    def test_a_stream_may_be_framed_in_any_way(self) -> None:
        """By chunks, by a length, or by the end of the connection."""
        behaviours = [
            raw(response(body=b"data: 1\n\n")),
            raw(response(chunks=[b"data: ", b"1\n\n"])),
            raw(_HEAD + b"Connection: close\r\n\r\ndata: 1\n\n", close=True),
        ]

        async def story(stage: Stage) -> None:
            for _ in behaviours:
                stream = await stage.open()
                assert await stage.all_of(stream) == b"data: 1\n\n"
                await stream.aclose()

        self.play(story, *behaviours)

    def test_a_refusal_is_a_stream_too(self) -> None:
        """Its status and headers tell."""
        statuses = (301, 403, 500, 501, 503)

        async def story(stage: Stage) -> None:
            for status in statuses:
                stream = await stage.open()
                assert stream.status == status
                await stream.aclose()

        self.play(story, *map(answer, statuses))

    def test_a_broken_stream_is_no_end(self) -> None:
        """Cut in a chunk, cut short, or no chunks at all."""
        chunked = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        broken: list[tuple[Behaviour, type[TransportError]]] = [
            (cut_stream(b"data: 1\n\n", 4), ConnectionBrokenError),
            (raw(_HEAD + b"Content-Length: 99\r\n\r\ndata", close=True), ConnectionBrokenError),
            (raw(chunked + b"zz\r\n"), MalformedResponseError),
        ]

        async def story(stage: Stage) -> None:
            for _, kind in broken:
                await stage.failure(kind, _whole(stage))

        self.play(story, *(behaviour for behaviour, _ in broken))

    def test_a_head_that_does_not_come_is_a_time_out(self) -> None:
        """By the deadline of the opening."""

        async def story(stage: Stage) -> None:
            for _ in range(2):
                await stage.failure(TransportTimeoutError, stage.open(0.3), 0.3)

        self.play(story, silence, endless_headers(_TENTH))

    def test_a_stream_that_cannot_be_had(self) -> None:
        """No server; or a body that is compressed, which nobody asked for."""

        async def story(stage: Stage) -> None:
            await stage.failure(MalformedResponseError, stage.open())
            with unused_port() as port:
                request = HttpRequest("GET", f"http://127.0.0.1:{port}/", label="GET")
                opening = stage.transport.open_stream(request, stage.at(5))
                await stage.failure(ConnectionFailedError, opening)

        self.play(story, raw(compressed(b"data: 1\n\n")))

    def test_streams_leave_calls_their_connections(self) -> None:
        """However many there are."""

        async def story(stage: Stage) -> None:
            streams = [await stage.open() for _ in range(_MANY)]
            assert (await stage.send(get(stage.server))).body == b"OK"
            for stream in streams:
                await stream.aclose()

        self.play(story, *[silent_stream()] * _MANY, answer(body=b"OK"))


_LOOKS: Final = 100
"""How often to look, ten times a second, whether the tasks of a cancelled call have ended."""


class TransportContract(CallsContract, StreamsContract):
    """What a `Transport` must do. Subclass it, and say how yours is made."""

    def make_transport(self) -> AbstractContextManager[Transport]:
        """Make the transport; it is entered before a test and left after it."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[AsyncTransport]:
        """Put it on a thread."""
        with self.make_transport() as transport:
            yield OnThread(transport)


class AsyncTransportContract(CallsContract, StreamsContract):
    """What an `AsyncTransport` must do. Subclass it, and say how yours is made."""

    def make_transport(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Make the transport; it is entered before a test, on its event loop, and left after it."""
        raise NotImplementedError

    def opened(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Take it as it is."""
        return self.make_transport()

    def test_a_cancelled_call_leaves_nothing_open(self) -> None:
        """No task of it, and no connection that a later call would get."""

        async def story(stage: Stage) -> None:
            before = asyncio.all_tasks()
            call = asyncio.create_task(stage.send(get(stage.server)))
            opening = asyncio.create_task(stage.open())
            await asyncio.sleep(0.2)
            for task in (call, opening):
                task.cancel()
            await asyncio.wait({call, opening})
            assert call.cancelled()
            assert opening.cancelled()
            for _ in range(_LOOKS):
                if asyncio.all_tasks() <= before:
                    break
                await asyncio.sleep(0.1)
            assert asyncio.all_tasks() <= before, "a task goes on after its call was cancelled"

        self.play(story, silence)

    def test_a_cancelled_read_loses_nothing(self) -> None:
        """A task may stop listening, and another go on."""
        asked = threading.Semaphore(1)

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            assert await stage.read(stream) == b":\n"
            reading = asyncio.create_task(stage.read(stream))
            await asyncio.sleep(0.1)
            reading.cancel()
            await asyncio.wait({reading})
            asked.release()
            assert await stage.read(stream) == b"data: 1\n\n"
            await stream.aclose()

        self.play(story, stream_when_asked(asked, b":\n", b"data: 1\n\n"))
