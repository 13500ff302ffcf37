"""A transport's aiohttp sessions, which use its own connectors or the application's connector."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, final

from aiohttp import (
    BaseConnector,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)

from irma_core.errors import ConfigurationError
from irma_transport_aiohttp.exchange import BrokenError, TrackedRequest

__all__ = ["Limits", "Sessions"]

# `asyncio.timeout` keeps the deadline of a request; aiohttp's own timeouts would cut streams.
_NO_TIMEOUTS = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_CLOSED = "the transport is closed: make a new one"


class Limits(NamedTuple):
    """How many seconds a reused connection may have been idle, and how many calls run at once."""

    idle: float
    calls: int


@final
class Sessions:
    """Holds a transport's aiohttp sessions: one for calls, and one for streams.

    The first request creates them, because that needs a running event loop. Streams have a
    separate session, because they stay open for minutes and calls must not wait for them.

    Args:
        limits: The limits of the transport's own connectors.
        session: The application's session, or None. Only the session's connector is used.

    Attributes:
        open_responses: The responses that have not been read to their end.

    Raises:
        ConfigurationError: The session is not an aiohttp session, or its connector would lose
            requests or make them wait.
    """

    def __init__(self, limits: Limits, session: ClientSession | None) -> None:
        if session is not None and not isinstance(session, ClientSession):
            raise ConfigurationError("session: must be an aiohttp.ClientSession, or None")
        self.open_responses: set[ClientResponse] = set()
        self._limits = limits
        self._connector = None if session is None else _check_connector(session.connector, limits)
        self._made: tuple[ClientSession, ClientSession] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def get(self, *, is_stream: bool) -> ClientSession:
        """Return the aiohttp session for streams if `is_stream`, else the session for calls.

        Raises:
            ConfigurationError: The sessions are closed or belong to another event loop, or asyncio
                is not running.
        """
        if self._is_closed:
            raise ConfigurationError(_CLOSED)
        loop = _running_loop()
        if self._made is None:
            self._loop = loop
            self._made = self._own() if self._connector is None else _on(self._connector, loop)
        elif loop is not self._loop:
            raise ConfigurationError(
                "the transport belongs to another event loop: make a transport for each event loop"
            )
        session = self._made[is_stream]
        if session.closed:
            raise ConfigurationError(
                "session: was closed before the transport; close the transport first"
            )
        return session

    async def close(self) -> None:
        """Close the sessions, and end the open responses."""
        self._is_closed = True
        for response in tuple(self.open_responses):
            # aiohttp does not wake the reader of a response that is closed here.
            response.content.set_exception(BrokenError())
            response.close()
        made, self._made = self._made or (), None
        for session in made:
            await session.close()

    def _own(self) -> tuple[ClientSession, ClientSession]:
        calls = TCPConnector(limit=self._limits.calls, keepalive_timeout=self._limits.idle)
        return _session(calls), _session(TCPConnector(limit=0, force_close=True))


def _check_connector(connector: BaseConnector | None, limits: Limits) -> BaseConnector:
    if connector is None or connector.closed:
        raise ConfigurationError("session: is closed; pass an open one")
    kept = _private(connector, "_keepalive_timeout")
    is_short = isinstance(kept, int | float) and kept <= limits.idle
    if not connector.force_close and not is_short:
        raise ConfigurationError(
            "session: its connector keeps idle connections so long that the server may close them "
            "first, and a request on a closed connection is lost; use "
            f"TCPConnector(limit=0, keepalive_timeout={limits.idle})"
        )
    if connector.limit or connector.limit_per_host:
        raise ConfigurationError(
            "session: its connector has a limit, and each watch holds one of its connections for "
            f"minutes; use TCPConnector(limit=0, keepalive_timeout={limits.idle})"
        )
    return connector


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError("the transport needs a running asyncio event loop: use asyncio.run()")


def _on(
    connector: BaseConnector, loop: asyncio.AbstractEventLoop
) -> tuple[ClientSession, ClientSession]:
    # aiohttp would accept this, and fail later.
    if _private(connector, "_loop") not in {loop, None}:
        raise ConfigurationError("session: belongs to another event loop")
    session = _session(connector, is_own=False)
    return session, session


def _private(connector: BaseConnector, name: str) -> object:
    """Return a private attribute of aiohttp; None if this version of aiohttp does not have it."""
    value: object = getattr(connector, name, None)
    return value


def _session(connector: BaseConnector, *, is_own: bool = True) -> ClientSession:
    session = ClientSession(
        connector=connector,
        connector_owner=is_own,
        cookie_jar=DummyCookieJar(),
        timeout=_NO_TIMEOUTS,
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Accept", "Content-Type"),
        request_class=TrackedRequest,
    )
    # Tracing tools patch `ClientSession` to add a trace, which would receive every header and body.
    session.trace_configs.clear()
    return session
