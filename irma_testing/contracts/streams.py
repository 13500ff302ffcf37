"""What `open_stream` must do, whatever the server does."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import Silence
from irma_testing.contracts.stage import Stage, Staged, get
from irma_testing.misbehaving_server import Behaviour, unused_port
from irma_testing.misbehaving_streams import (
    cut_stream,
    event_stream,
    silent_stream,
    stream_when_asked,
)
from irma_testing.misbehaviours import answer, compressed, endless_headers, raw, response, silence

__all__ = ["StreamsContract"]

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


class StreamsContract(Staged):
    """The tests of `open_stream`."""

    def test_bytes_come_as_they_are_sent(self) -> None:
        """None waits for more, and the end is told, again and again."""
        asked = threading.Semaphore(0)

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            types = [value for name, value in stream.headers if name.lower() == "content-type"]
            assert (stream.status, types) == (200, ["text/event-stream"])
            for piece in (*pieces, Silence.END):
                asked.release()
                assert await stage.read(stream) == piece
            assert await stage.read(stream) is Silence.END
            await stream.aclose()
            await stream.aclose()

        pieces = (b"event: open\n\n", b"data: 1\n\n", b"data: 2\n\n")
        self.play(story, stream_when_asked(asked, *pieces))

    def test_quiet_loses_nothing(self) -> None:
        """After three seconds of reads without a byte the event still comes, whole."""

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            heard: list[bytes | Silence] = []
            while (piece := await stage.read(stream, 0.25)) is not Silence.END:
                heard.append(piece)
            assert [one for one in heard if one is not Silence.QUIET] == [b":\n", b"data: 1\n\n"]
            assert heard.count(Silence.QUIET) >= 3
            await stream.aclose()

        self.play(story, event_stream(b"data: 1\n\n", every=30 * _TENTH, greeting=b":\n"))

    def test_what_has_come_is_given_without_any_time_left(self) -> None:
        """A deadline in the past is a look at what is there."""

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            await asyncio.sleep(0.2)
            assert await stage.read(stream) == b":\n"
            assert await stage.read(stream, -1) is Silence.QUIET
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
                request = HttpRequest("GET", f"http://127.0.0.1:{port}/", path="GET")
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
