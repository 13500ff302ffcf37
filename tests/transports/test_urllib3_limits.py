"""The size limit of a response in each framing and encoding."""

from __future__ import annotations

import tracemalloc

import pytest

from irma_core.errors import MalformedResponseError, ResponseTooLargeError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer
from irma_testing.misbehaviours import (
    answer,
    endless_body,
    endless_headers,
    gzip_bomb,
    raw,
    response,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import failure, get, send

MIB = 1024 * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_is_a_mebibyte(transport: Urllib3Transport, chunked: bool) -> None:
    """By default a body of 1 MiB is returned, and a body of one byte more is refused."""
    for size in (MIB, MIB + 1):
        data = response(chunks=[bytes(size)]) if chunked else response(body=bytes(size))
        with MisbehavingServer(raw(data)) as server:
            if size == MIB:
                assert len(send(transport, get(server.url)).body) == MIB
            else:
                error = failure(transport, get(server.url))
                assert isinstance(error, ResponseTooLargeError)
                assert error.request_sent


def test_the_limit_is_a_setting() -> None:
    """A body of `max_response_bytes` is returned, and a body of one byte more is refused."""
    with Urllib3Transport(max_response_bytes=100) as transport:
        with MisbehavingServer(raw(response(body=bytes(100)))) as server:
            assert len(send(transport, get(server.url)).body) == 100
        with MisbehavingServer(raw(response(body=bytes(101)))) as server:
            assert isinstance(failure(transport, get(server.url)), ResponseTooLargeError)


def test_refuses_a_length_over_the_limit(transport: Urllib3Transport) -> None:
    """A body whose Content-Length is 1 GiB is refused before any of it is read."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    with MisbehavingServer(raw(head)) as server:
        assert isinstance(failure(transport, get(server.url)), ResponseTooLargeError)


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "12abc", "4, 4", "4, 5"])
def test_refuses_an_invalid_length(transport: Urllib3Transport, length: str) -> None:
    """A Content-Length that is not a plain number is refused."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nbody".encode()
    with MisbehavingServer(raw(head)) as server:
        assert isinstance(failure(transport, get(server.url)), MalformedResponseError)


@pytest.mark.parametrize(
    "behaviour",
    [
        endless_body(),
        endless_body(chunked=False),
        endless_headers(),
        raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
        raw(response(chunks=[b"x"])[:-2] + b"X-Trailer: more\r\n" * 600_000),
        raw(response(chunks=[b"x"])[:-5] + b"1;" + b"x" * 70_000),
    ],
    ids=["chunks", "body", "headers", "header", "interim", "trailer", "chunk extension"],
)
def test_endless_responses_end(transport: Urllib3Transport, behaviour: Behaviour) -> None:
    """A response that would never end is refused long before its deadline."""
    with MisbehavingServer(behaviour) as server:
        error = failure(transport, get(server.url))
    assert isinstance(error, ResponseTooLargeError | MalformedResponseError)


@pytest.mark.memory
def test_a_gzip_bomb_is_not_decompressed(transport: Urllib3Transport) -> None:
    """A gzip body of 100 KiB for 100 MiB of zeros is refused before it is decompressed."""
    bomb = gzip_bomb(100 * MIB)
    with MisbehavingServer(bomb, bomb) as server:
        failure(transport, get(server.url))  # coverage of the server's thread takes memory once
        tracemalloc.start()
        error = failure(transport, get(server.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(error, MalformedResponseError)
    assert "compress" in str(error)
    assert peak < MIB


def test_the_connection_works_after_a_refusal(transport: Urllib3Transport) -> None:
    """After a refused response, the next one is read normally."""
    with MisbehavingServer(gzip_bomb(2 * MIB), answer(body=b"small")) as server:
        failure(transport, get(server.url))
        assert send(transport, get(server.url)).body == b"small"
