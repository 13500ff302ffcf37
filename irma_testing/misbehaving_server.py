"""A loopback server that misbehaves on request, for testing any transport.

    with MisbehavingServer(answer(body=b"OK"), cut(response(body=b"OK"), 20)) as server:
        ...  # the first answer is complete, and each later answer is cut off

A *behaviour* is a function that handles one request of a `Peer`. Each request gets the next
behaviour, and the last one repeats. Many behaviours are in `misbehaviours`. This module needs only
the standard library.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

__all__ = [
    "Behaviour",
    "MisbehavingServer",
    "Peer",
    "ReceivedRequest",
    "unanswered_port",
    "unused_port",
]

_END_OF_HEAD = b"\r\n\r\n"
_LONG = timedelta(minutes=1)


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it was received, with the index of its connection."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    reads: int
    """How many reads from the socket the request took: 1 if its head and body arrived together."""


@dataclass
class Peer:
    """The server's end of one connection."""

    sock: socket.socket
    number: int
    stopped: threading.Event
    requests: list[ReceivedRequest]
    opened: list[socket.socket]
    _buffer: bytes = b""
    _reads: int = 0

    def send(self, data: bytes) -> None:
        """Send all of the data."""
        self.sock.sendall(data)

    def wait(self, duration: timedelta) -> bool:
        """Wait for the duration or until the server stops; return whether it is still running."""
        return not self.stopped.wait(duration.total_seconds())

    def read_request(self) -> ReceivedRequest:
        """Read and record a whole request; raise `EOFError` if the connection ends first."""
        self._reads = 1 if self._buffer else 0
        while _END_OF_HEAD not in self._buffer:
            self.read_some()
        head, _, _ = self._buffer.partition(_END_OF_HEAD)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        end = len(head) + len(_END_OF_HEAD) + int(headers.get("content-length", "0"))
        while len(self._buffer) < end:
            self.read_some()
        body = self._buffer[len(head) + len(_END_OF_HEAD) : end]
        self._buffer = self._buffer[end:]
        method, target, _ = first.split(" ")
        received = ReceivedRequest(method, target, headers, body, self.number, self._reads)
        self.requests.append(received)
        return received

    def target(self) -> str:
        """Return the target (path and query) of the request that has begun to arrive."""
        return self._buffer.decode("latin-1").split(" ", 2)[1]

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's part of the TLS handshake."""
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.opened.append(self.sock)

    def raw_socket(self) -> socket.socket:
        """Return the TCP socket below TLS, which the caller must close."""
        return socket.socket(fileno=os.dup(self.sock.fileno()))

    def read_some(self) -> None:
        """Read once from the socket; raise `EOFError` if the client has closed the connection."""
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data
        self._reads += 1

    def reset(self) -> None:
        """Reset the connection, so that the client loses the data that it has not read yet."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def finish(self) -> None:
        """Close the connection cleanly, so that all sent data arrives."""
        with suppress(OSError):
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.settimeout(1)
                self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)
        self.sock.close()


Behaviour = Callable[[Peer], None]


class MisbehavingServer:
    """A loopback server that misbehaves. It is a context manager: entering it starts the server.

    Args:
        behaviours: One for each request; the last one repeats. Without behaviours, the server
            closes each connection.
        tls: A server's TLS context, or None for plain HTTP.
        at_connect: Called for each connection, before TLS and before the first request.
        idle_limit: How long a connection may be idle between two requests before the server closes
            it. A real IRMA server closes it after two seconds; on a busy machine a test may need a
            longer limit.

    Attributes:
        port: The port on 127.0.0.1 where the server listens.
        requests: The requests that the server has received.
        connections: How many connections the server has accepted.
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        tls: ssl.SSLContext | None = None,
        at_connect: Behaviour | None = None,
        idle_limit: timedelta = _LONG,
    ) -> None:
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self._behaviours = list(behaviours)
        self._tls = tls
        self._at_connect = at_connect
        self._idle_limit = idle_limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end. With TLS the host is `localhost`."""
        if self._tls is not None:
            return f"https://localhost:{self.port}"
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def wait_until_closed(self, timeout: timedelta = _LONG) -> None:
        """Wait until every connection is closed; raise `TimeoutError` if one stays open."""
        for thread in self._threads[1:]:
            thread.join(timeout.total_seconds())
            if thread.is_alive():
                raise TimeoutError("a connection is still open at the server")

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                number = self.connections
                self.connections += 1
                self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        peer = Peer(sock, number, self._stopped, self.requests, self._open)
        with suppress(OSError, EOFError):
            try:
                self._handle_requests(peer)
            finally:
                peer.sock.close()

    def _handle_requests(self, peer: Peer) -> None:
        if self._at_connect is not None:
            self._at_connect(peer)
        if self._tls is not None:
            peer.start_tls(self._tls)
        limit = _LONG
        while peer.sock.fileno() >= 0:
            peer.sock.settimeout(limit.total_seconds())
            peer.read_some()
            peer.sock.settimeout(None)
            self._next()(peer)
            limit = self._idle_limit

    def _next(self) -> Behaviour:
        with self._lock:
            if len(self._behaviours) > 1:
                return self._behaviours.pop(0)
            return self._behaviours[0] if self._behaviours else Peer.finish


@contextmanager
def unused_port() -> Generator[int]:
    """Yield a port of 127.0.0.1 that refuses connections."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        yield port


@contextmanager
def unanswered_port() -> Generator[int]:
    """Yield a port that accepts no connection, because its queue of connections is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(("127.0.0.1", port))
        yield port
