"""A server whose sessions follow a timetable, and whose event streams fail by a plan.

The server runs in a separate process. A session's token encodes its plan: two digits for the fault,
eight for the milliseconds to the end, and ten to make it unique. The server counts the requests for
each session.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["FAULTS", "fault_and_end", "running_status_server"]

FAULTS: Final = (
    "healthy",
    "no events",
    "no head",
    "no byte",
    "cut",
    "ended",
    "silent after its first bytes",
)
_PACKAGE = (
    b'{"sessionPtr":{"u":"http://127.0.0.1/irma/session/uiMWLYJ9WZDLhbuEBu0W",'
    b'"irmaqr":"disclosing"},"token":"%s"}'
)
_RESULT = (
    b'{"token":"%s","status":"%s","type":"disclosing","proofStatus":"VALID","disclosed":[[{"id":'
    b'"a.b.c.d","rawvalue":"yes","value":{"":"yes"},"status":"PRESENT","issuancetime":1795046400}]]}'
)
_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_OPEN = b"event: open\n\n"


def fault_and_end(token: str) -> tuple[str, float]:
    """Return the fault that a token encodes, and the seconds from start to end."""
    return FAULTS[int(token[:2])], int(token[2:10]) / 1000


class _Server:
    def __init__(self, faults: int, longest: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._faults, self._longest = faults, longest
        self._started: dict[str, float] = {}
        self._broken: set[str] = set()
        self._asked: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
                await reader.readexactly(length)
                target = head.split(" ")[1]
                if not await self._answer(target, writer):
                    break
        writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> bool:
        """Respond to a request, and return whether the connection may continue."""
        if target == "/session":
            number = len(self._started)
            ends = self._random.uniform(0.5, 1.0) * self._longest
            token = f"{number % self._faults:02d}{int(ends * 1000):08d}{number:010d}"
            self._started[token] = time.monotonic()
            self._asked[token] += 1
            await _say(writer, _PACKAGE % token.encode())
            return True
        if target == "/asked":
            await _say(writer, json.dumps(self._asked).encode())
            return True
        token = target.split("/")[2]
        self._asked[token] += 1
        if target.endswith("/result"):
            await _say(writer, _RESULT % (token.encode(), self._status(token).encode()))
            return True
        if target.endswith("/status"):
            await _say(writer, f'"{self._status(token)}"'.encode())
            return True
        if target.endswith("/statusevents"):
            fault = fault_and_end(token)[0]
            if token in self._broken:
                fault = "healthy"
            self._broken.add(token)
            await _STREAMS.get(fault, _healthy)(self, token, writer)
            return False
        await _say(writer, b"OK")
        return True

    def _status(self, token: str) -> str:
        left = self.left(token)
        if left <= 0:
            return "DONE"
        return "CONNECTED" if left <= fault_and_end(token)[1] / 2 else "INITIALIZED"

    def left(self, token: str) -> float:
        return self._started[token] + fault_and_end(token)[1] - time.monotonic()

    async def until(self, token: str, left: float) -> None:
        await asyncio.sleep(max(self.left(token) - left, 0))


async def _say(writer: asyncio.StreamWriter, body: bytes, status: bytes = b"200 OK") -> None:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % (status, len(body)) + body)
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _healthy(server: _Server, token: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM)
    half = fault_and_end(token)[1] / 2
    was_before = server.left(token) > half
    await asyncio.sleep(0.2)
    writer.write(_chunk(_OPEN))
    if was_before:
        await server.until(token, half)
        writer.write(_chunk(b'data: "CONNECTED"\n\n'))
    await server.until(token, 0)
    writer.write(_chunk(b'data: "DONE"\n\n') + _chunk(b""))
    await writer.drain()


async def _no_events(_: _Server, __: str, writer: asyncio.StreamWriter) -> None:
    body = b'{"status":500,"error":"SSE_DISABLED","description":"disabled"}'
    await _say(writer, body, b"500 Internal Server Error")


async def _no_head(_: _Server, __: str, ___: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def _no_byte(_: _Server, __: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM)
    await asyncio.sleep(3600)


async def _cut(server: _Server, token: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM + _chunk(_OPEN) + b"13\r\ndata: ")
    await asyncio.sleep(fault_and_end(token)[1] / 3)
    await writer.drain()


async def _ended(server: _Server, token: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM + _chunk(_OPEN))
    await asyncio.sleep(fault_and_end(token)[1] / 3)
    writer.write(_chunk(b""))
    await writer.drain()


async def _dead(_: _Server, __: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_STREAM + _chunk(_OPEN))
    await asyncio.sleep(3600)


_STREAMS: dict[str, Callable[[_Server, str, asyncio.StreamWriter], Awaitable[None]]] = {
    "no events": _no_events,
    "no head": _no_head,
    "no byte": _no_byte,
    "cut": _cut,
    "ended": _ended,
    "silent after its first bytes": _dead,
}


@contextmanager
def running_status_server(faults: int, longest: float, seed: int) -> Generator[str]:
    """Run the server in a separate process, and yield its base URL.

    Args:
        faults: The number of `FAULTS` to plan, from the first.
        longest: The longest time of a session in seconds.
        seed: The seed of the timetable.
    """
    command = [
        sys.executable,
        "-m",
        "chaos.status_server",
        *map(str, (faults, longest, seed)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


async def _main(faults: int, longest: float, seed: int) -> None:
    serve = _Server(faults, longest, seed).serve
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
