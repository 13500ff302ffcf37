"""A loopback server that starts sessions and reports a status, in a separate process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["running_loopback"]

PACKAGE = (
    b'{"sessionPtr":{"u":"http://127.0.0.1:8088/irma/session/uiMWLYJ9WZDLhbuEBu0W",'
    b'"irmaqr":"disclosing"},"token":"IyvScDPzBxFd2GBWTUYV","frontendRequest":{"authorization":'
    b'"HoIByaBLyo3TlQnVuVGT","pairingHint":true,"minProtocolVersion":"1.0",'
    b'"maxProtocolVersion":"1.1"}}'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
ANSWER = HEAD + b"Content-Length: %d\r\n\r\n" % len(PACKAGE) + PACKAGE
STATUS = HEAD + b'Content-Length: 13\r\n\r\n"INITIALIZED"'


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
            if len(self._received) < end + 4 + length:
                return
            del self._received[: end + 4 + length]
            assert self._transport is not None
            self._transport.write(STATUS if head.startswith(b"get ") else ANSWER)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def running_loopback() -> Generator[str]:
    """Run a loopback server during the block, and yield its base URL."""
    command = [sys.executable, "-m", "benchmarks.loopback"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
