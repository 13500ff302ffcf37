"""`AiohttpTransport` on an application's session, of which it uses only the connector."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar, TCPConnector

from irma_core.errors import ConfigurationError, ConnectionBrokenError, ConnectionFailedError
from irma_core.protocol.transport import ReadOutcome
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream
from irma_testing.misbehaviours import answer, html_503
from irma_transport_aiohttp import AiohttpTransport
from tests.transports.asking import PATIENCE, get

AN_HOUR = timedelta(hours=1)


def connector() -> TCPConnector:
    return TCPConnector(limit=0, keepalive_timeout=1.5)


async def test_only_the_connector_is_used(long_idle: timedelta) -> None:
    """The transport uses only the session's connector, not its cookies, headers or time-outs."""
    answers = [answer(body=b"OK"), html_503()]
    async with ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=long_idle.total_seconds()),
        cookies={"a": "b"},
        cookie_jar=CookieJar(unsafe=True),
        headers={"x-application": "secret", "authorization": "secret"},
        raise_for_status=True,
        timeout=ClientTimeout(total=1e-9),
    ) as session:
        with MisbehavingServer(*answers) as server:
            async with AiohttpTransport(session, idle_limit=long_idle) as transport:
                for status, body in ((200, b"OK"), (503, b"<html>")):
                    response = await transport.send(
                        get(server.url), transport.clock.monotonic() + PATIENCE
                    )
                    assert response.status == status
                    assert response.body.startswith(body)
        assert not session.closed
    assert server.connections == 1
    for request in server.requests:
        assert not {"cookie", "x-application", "authorization"} & set(request.headers)


async def test_certificates_are_verified_whatever_the_session_does(
    ca_file: Path, server_tls: ssl.SSLContext
) -> None:
    """The transport verifies certificates even if the application's session does not."""
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls) as server:
        careless = TCPConnector(limit=0, keepalive_timeout=1.5, ssl=False)
        async with ClientSession(connector=careless) as session:
            async with AiohttpTransport(session) as transport:
                with pytest.raises(ConnectionFailedError, match="not trusted"):
                    await transport.send(get(server.url), transport.clock.monotonic() + PATIENCE)
            async with AiohttpTransport(session, ca=ca_file) as trusting:
                response = await trusting.send(
                    get(server.url), trusting.clock.monotonic() + PATIENCE
                )
    assert response.body == b"OK"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (TCPConnector, "a closed connection is lost"),
        (lambda: TCPConnector(limit=0, keepalive_timeout=None), "a closed connection is lost"),
        (lambda: TCPConnector(limit=0, keepalive_timeout=1.6), "a closed connection is lost"),
        (lambda: TCPConnector(keepalive_timeout=1.5), "limit"),
        (lambda: TCPConnector(limit=0, limit_per_host=9, force_close=True), "limit"),
    ],
)
async def test_harmful_connector_is_refused(make: Callable[[], TCPConnector], reason: str) -> None:
    """A connector that keeps connections too long, or would block watches, is refused."""
    async with ClientSession(connector=make()) as session:
        with pytest.raises(ConfigurationError, match=reason):
            AiohttpTransport(session)


async def test_the_connector_must_respect_the_idle_limit() -> None:
    """The connector must not keep connections longer than `idle_limit`."""
    async with ClientSession(connector=connector()) as session:
        with pytest.raises(ConfigurationError, match=r"keepalive_timeout=0\.5"):
            AiohttpTransport(session, idle_limit=timedelta(seconds=0.5))


async def test_a_closed_session_is_refused() -> None:
    """A closed session is refused by the constructor, and by later calls."""
    async with ClientSession(connector=connector()) as session:
        transport = AiohttpTransport(session)
        with MisbehavingServer(answer()) as server:
            await transport.send(get(server.url), transport.clock.monotonic() + PATIENCE)
            await session.close()
            with pytest.raises(ConfigurationError, match="closed before the transport"):
                await transport.send(get(server.url), transport.clock.monotonic() + PATIENCE)
    with pytest.raises(ConfigurationError, match="session: is closed"):
        AiohttpTransport(session)


def test_a_session_belongs_to_one_event_loop() -> None:
    """A transport on a session raises an error on another event loop than the session's."""

    async def make() -> ClientSession:
        return ClientSession(connector=connector())

    with asyncio.Runner() as first, asyncio.Runner() as second:
        session = first.run(make())
        transport = AiohttpTransport(session)
        sending = transport.send(get("http://127.0.0.1:1"), transport.clock.monotonic() + PATIENCE)
        with pytest.raises(ConfigurationError, match="another event loop"):
            second.run(sending)
        first.run(session.close())


@pytest.mark.parametrize("is_given", [False, True])
async def test_closing_wakes_the_readers_of_streams(is_given: bool) -> None:
    """Closing the transport breaks its streams at once, so that no reader waits."""
    async with ClientSession(connector=connector()) as session:
        transport = AiohttpTransport(session if is_given else None)
        with MisbehavingServer(silent_stream(b":\n")) as server:
            opened = transport.clock.monotonic()
            stream = await transport.open_stream(get(server.url), opened + PATIENCE)
            assert await stream.read(opened + PATIENCE) == b":\n"
            assert await stream.read(opened) is ReadOutcome.IDLE
            reading = asyncio.create_task(stream.read(opened + AN_HOUR.total_seconds()))
            await asyncio.sleep(0)
            await transport.aclose()
            with pytest.raises(ConnectionBrokenError):
                await asyncio.wait_for(reading, PATIENCE)
            await stream.aclose()


@pytest.mark.parametrize("is_stream", [False, True])
def test_other_event_loops_are_refused(is_stream: bool) -> None:
    """Without an asyncio event loop, the transport raises an error that names asyncio."""
    transport = AiohttpTransport()
    deadline = transport.clock.monotonic() + PATIENCE
    call = transport.open_stream if is_stream else transport.send
    with pytest.raises(ConfigurationError, match="needs a running asyncio event loop"):
        call(get("http://127.0.0.1:1"), deadline).send(None)
