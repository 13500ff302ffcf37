"""Both transports accept and refuse the same framings of responses."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from irma_core.errors import MalformedResponseError
from irma_core.protocol.transport import ReadOutcome
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaviours import raw
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import assert_discreet, get

VECTORS = Path(__file__).parent.parent / "vectors" / "framing" / "responses.json"
CASES: dict[str, list[dict[str, str]]] = json.loads(VECTORS.read_text(encoding="utf-8"))
WITHIN = 30.0


def name(value: Any) -> str | None:
    return value["name"] if isinstance(value, dict) else None


def body_by_urllib3(url: str, *, is_stream: bool) -> bytes:
    with Urllib3Transport() as transport:
        if not is_stream:
            return transport.send(get(url), monotonic() + WITHIN).body
        stream, body = transport.open_stream(get(url), monotonic() + WITHIN), b""
        try:
            while isinstance(piece := stream.read(monotonic() + WITHIN), bytes):
                body += piece
        finally:
            stream.close()
        assert piece is ReadOutcome.END
        return body


async def body_by_aiohttp(url: str, *, is_stream: bool) -> bytes:
    async with AiohttpTransport() as transport:
        if not is_stream:
            return (await transport.send(get(url), monotonic() + WITHIN)).body
        stream, body = await transport.open_stream(get(url), monotonic() + WITHIN), b""
        try:
            while isinstance(piece := await stream.read(monotonic() + WITHIN), bytes):
                body += piece
        finally:
            await stream.aclose()
        assert piece is ReadOutcome.END
        return body


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CASES["accepted"], ids=name)
async def test_a_response_is_read(case: dict[str, str], is_stream: bool) -> None:
    """Both transports return the body of a response with any accepted framing."""
    response = case["response"].encode("latin-1")
    with MisbehavingServer(raw(response, close=True), raw(response, close=True)) as server:
        assert body_by_urllib3(server.url, is_stream=is_stream) == b"hello"
        assert await body_by_aiohttp(server.url, is_stream=is_stream) == b"hello"


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CASES["refused"], ids=name)
async def test_ambiguous_response_is_refused(case: dict[str, str], is_stream: bool) -> None:
    """Both transports refuse a response that a proxy could read in another way."""
    response = case["response"].encode("latin-1")
    with MisbehavingServer(raw(response, close=True), raw(response, close=True)) as server:
        with pytest.raises(MalformedResponseError) as caught:
            body_by_urllib3(server.url, is_stream=is_stream)
        assert_discreet(caught.value)
        with pytest.raises(MalformedResponseError) as caught:
            await body_by_aiohttp(server.url, is_stream=is_stream)
        assert_discreet(caught.value)


@pytest.mark.parametrize("size", [1, 7])
async def test_head_in_pieces_is_checked(size: int) -> None:
    """A head that arrives in pieces is checked like a head in one piece."""
    good, bad = CASES["accepted"][0]["response"], CASES["refused"][0]["response"]

    def in_pieces(text: str) -> Any:
        def behave(peer: Any) -> None:
            peer.read_request()
            data = text.encode("latin-1")
            for start in range(0, len(data), size):
                peer.send(data[start : start + size])
            peer.finish()

        return behave

    with MisbehavingServer(in_pieces(good), in_pieces(bad)) as server:
        assert await body_by_aiohttp(server.url, is_stream=False) == b"hello"
        with pytest.raises(MalformedResponseError):
            await body_by_aiohttp(server.url, is_stream=False)
