"""The sessions of aiohttp that a transport sends on, its own or on an application's connector.

Belongs here: what they are made with, the event loop they belong to, and ending what is under way
with them. Does not belong here: requests.
"""

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

# The deadline of a request is kept by `asyncio.timeout`; aiohttp's own would cut streams.
_NO_TIMES = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_CLOSED = "the transport is closed: make a new one"


class Limits(NamedTuple):
    """How long a connection is kept in seconds, and how many calls there may be at once."""

    idle: float
    calls: int


@final
class Sessions:
    """Makes its sessions at the first request, since aiohttp wants the event loop to run.

    Streams have one of their own: they stay for minutes, and calls must not wait for them.

    Args:
        limits: For its own connectors.
        given: The application's session; only its connector is used.

    Attributes:
        under_way: The responses that are not read to their end.

    Raises:
        ConfigurationError: The connector of that session would lose requests, or block others.
    """

    def __init__(self, limits: Limits, given: ClientSession | None) -> None:
        self.under_way: set[ClientResponse] = set()
        self._limits = limits
        self._given = None if given is None else _usable(given.connector, limits)
        self._made: tuple[ClientSession, ClientSession] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def get(self, *, is_stream: bool) -> ClientSession:
        """Give the session for calls, or for streams.

        Raises:
            ConfigurationError: They are closed, or of another event loop, or no loop of asyncio's
                runs.
        """
        if self._is_closed:
            raise ConfigurationError(_CLOSED)
        loop = _running_loop()
        if self._made is None:
            self._loop = loop
            self._made = self._own() if self._given is None else _on(self._given, loop)
        elif loop is not self._loop:
            raise ConfigurationError("the transport was used on another event loop: make one each")
        session = self._made[is_stream]
        if session.closed:
            raise ConfigurationError("session: it was closed before the transport")
        return session

    async def close(self) -> None:
        """Close what was made, and end what is under way."""
        self._is_closed = True
        for response in tuple(self.under_way):
            # Or who reads it would wait on: aiohttp does not wake readers where it closes itself.
            response.content.set_exception(BrokenError())
            response.close()
        made, self._made = self._made or (), None
        for session in made:
            await session.close()

    def _own(self) -> tuple[ClientSession, ClientSession]:
        calls = TCPConnector(limit=self._limits.calls, keepalive_timeout=self._limits.idle)
        return _session(calls), _session(TCPConnector(limit=0, force_close=True))


def _usable(connector: BaseConnector | None, limits: Limits) -> BaseConnector:
    if connector is None or connector.closed:
        raise ConfigurationError("session: it is closed")
    kept = _private(connector, "_keepalive_timeout")
    is_short = isinstance(kept, int | float) and kept <= limits.idle
    if not connector.force_close and not is_short:
        raise ConfigurationError(
            "session: its connector keeps connections until the server has closed them, which "
            f"loses requests: TCPConnector(limit=0, keepalive_timeout={limits.idle})"
        )
    if connector.limit or connector.limit_per_host:
        raise ConfigurationError(
            "session: its connector has a limit, and each watch would hold one of its connections "
            f"for minutes: TCPConnector(limit=0, keepalive_timeout={limits.idle})"
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
    # aiohttp would take it, and fail somewhere within.
    if _private(connector, "_loop") not in {loop, None}:
        raise ConfigurationError("session: it belongs to another event loop")
    session = _session(connector, is_own=False)
    return session, session


def _private(connector: BaseConnector, name: str) -> object:
    """Read what aiohttp has no public name for; None where a later one calls it otherwise."""
    value: object = getattr(connector, name, None)
    return value


def _session(connector: BaseConnector, *, is_own: bool = True) -> ClientSession:
    session = ClientSession(
        connector=connector,
        connector_owner=is_own,
        cookie_jar=DummyCookieJar(),
        timeout=_NO_TIMES,
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Accept", "Content-Type"),
        request_class=TrackedRequest,
    )
    # Tools for tracing patch `ClientSession` to add theirs, and get every header and body so.
    session.trace_configs.clear()
    return session
