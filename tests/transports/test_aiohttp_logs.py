"""The logs of aiohttp and asyncio at DEBUG contain no token."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

import pytest

from irma_core.errors import TransportError, TransportTimeoutError
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream
from irma_testing.misbehaviours import answer, hang_up, raw, silence
from irma_transport_aiohttp import AiohttpTransport
from tests.transports.asking import PATIENCE, TOKEN, get

BAD_HEAD = b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n"


def test_logs_contain_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """No log shows the token, even in asyncio's debug mode, which logs connections."""
    caplog.set_level(logging.DEBUG)

    async def exchanges(url: str) -> None:
        async with AiohttpTransport() as transport:
            await transport.send(get(url), monotonic() + PATIENCE)
            for _ in (hang_up, raw):
                with pytest.raises(TransportError):
                    await transport.send(get(url), monotonic() + PATIENCE)
            stream = await transport.open_stream(get(url), monotonic() + PATIENCE)
            await stream.aclose()
            # This must be the last request. On a busy machine it may never reach the server, which
            # would then meet the next request with this silence.
            with pytest.raises(TransportTimeoutError):
                await transport.send(get(url), monotonic() + 0.3)

    with MisbehavingServer(
        answer(), hang_up, raw(BAD_HEAD), silent_stream(b": hello\n\n"), silence
    ) as server:
        asyncio.run(exchanges(server.url), debug=True)
        assert all(TOKEN in request.target for request in server.requests)
    assert "connected to" in caplog.text
    assert TOKEN not in caplog.text
