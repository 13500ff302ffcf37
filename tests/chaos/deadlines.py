"""Calls against servers that take for ever: by how much a deadline is overrun."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic

from irma_core import AsyncRequestor, Requestor, RequestorToken
from irma_core.errors import IrmaError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer
from irma_testing.misbehaviours import (
    answer,
    drip,
    endless_body,
    endless_headers,
    response,
    silence,
)
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.chaos.findings import Finding

__all__ = ["findings"]

TOKEN = RequestorToken("abcdefghijKLMNOPQRST")
TENTH = timedelta(seconds=0.1)
WITHIN = 0.5
ENDLESS: tuple[Behaviour, ...] = (
    silence,
    drip(response(body=b'"DONE"'), TENTH),
    endless_headers(TENTH),
    endless_body(TENTH),
    answer(503, headers=[("Retry-After", "3600")]),
)


def findings(rounds: int) -> Iterator[Finding]:
    """Ask for a status within half a second, so many times of each server."""
    timeout = timedelta(seconds=WITHIN)
    sync, awaited = [], []
    for behaviour in ENDLESS * rounds:
        with MisbehavingServer(behaviour) as server:
            with Urllib3Transport() as transport:
                requestor = Requestor(server.url, transport, timeout=timeout)
                begun = monotonic()
                try:
                    requestor.get_status(TOKEN)
                except IrmaError:
                    sync.append(monotonic() - begun - WITHIN)
            awaited.append(asyncio.run(_overrun(server.url, timeout)))
    yield Finding("overrun of a deadline, sync: s, the worst", max(sync), 0.1)
    yield Finding("overrun of a deadline, async: s, the worst", max(awaited), 0.05)
    yield Finding("calls that ended by an error", len(sync), len(ENDLESS) * rounds, at_least=True)


async def _overrun(url: str, timeout: timedelta) -> float:
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(url, transport, timeout=timeout)
        begun = monotonic()
        try:
            await requestor.get_status(TOKEN)
        except IrmaError:
            return monotonic() - begun - WITHIN
    return float("inf")
