"""Calls and waits with servers that never finish, to measure how late they end."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from time import monotonic

from chaos.findings import Finding
from irma_core import AsyncRequestor, DisclosureRequest, Requestor
from irma_core.errors import IrmaError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, unanswered_port
from irma_testing.misbehaving_streams import buffered_stream, event_stream, silent_stream
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

__all__ = ["findings"]

ASKED = DisclosureRequest({"age": "a.b.c.d"})
WITHIN = timedelta(seconds=0.5)
A_MINUTE, A_SECOND, TENTH = timedelta(minutes=1), timedelta(seconds=1), timedelta(seconds=0.1)
JSON = [("Content-Type", "application/json")]
PACKAGE = (
    b'{"sessionPtr":{"u":"http://127.0.0.1/irma/session/uiMWLYJ9WZDLhbuEBu0W",'
    b'"irmaqr":"disclosing"},"token":"abcdefghijKLMNOPQRST"}'
)
STATUS = answer(headers=JSON, body=b'"INITIALIZED"')
EVENT = b'data: "INITIALIZED"\n\n'
# The behaviours after the start of a session; the last one repeats.
HOSTILE: dict[str, tuple[Behaviour, ...]] = {
    "black hole": (silence,),
    "a byte per second": (drip(response(headers=JSON, body=b'"DONE"'), A_SECOND),),
    "endless headers": (endless_headers(TENTH),),
    "endless body": (endless_body(TENTH),),
    "Retry-After of an hour": (answer(503, headers=[("Retry-After", "3600")]),),
    "silent stream": (silent_stream(b":\n"), STATUS),
    "silent stream, black hole": (silent_stream(), silence),
    "endless stream": (event_stream(*[EVENT] * 9999, every=TENTH / 10), STATUS),
    "held stream": (buffered_stream([EVENT], timedelta(hours=1)), STATUS),
    "streams that end": (event_stream(), STATUS, event_stream(), silence),
}


def findings(rounds: int) -> Iterator[Finding]:
    """Call and wait for half a second, many times with each server."""
    sync: dict[str, float] = {}
    awaited: dict[str, float] = {}
    ended = 0
    for name, behaviours in HOSTILE.items():
        for _ in range(rounds):
            for each in asyncio.run(_overruns(behaviours)):
                awaited[name] = max(each, awaited.get(name, 0.0))
                ended += 1
            for each in _sync_overruns(behaviours):
                sync[name] = max(each, sync.get(name, 0.0))
                ended += 1
    for mode, worst, goal in (("sync", sync, 0.1), ("async", awaited, 0.05)):
        where = max(worst, key=worst.__getitem__)
        yield Finding(f"overrun of a deadline, {mode}: s, worst ({where})", worst[where], goal)
    yield Finding("overrun, connection not accepted: s, sync", _overrun_of_connecting(), 0.1)
    yield Finding(
        "overrun, connection not accepted: s, async",
        asyncio.run(_overrun_of_connecting_async()),
        0.05,
    )
    every = 4 * rounds * len(HOSTILE)
    yield Finding("calls and waits that ended with an error", ended, every, at_least=True)


@contextmanager
def _hostile(behaviours: tuple[Behaviour, ...]) -> Generator[str]:
    start = answer(headers=JSON, body=PACKAGE)
    with MisbehavingServer(start, *behaviours) as server:
        yield server.url


def _sync_overruns(behaviours: tuple[Behaviour, ...]) -> Iterator[float]:
    """Yield how late a call for the status ends, and a wait for the answer."""
    for is_wait in (False, True):
        with _hostile(behaviours) as url, Urllib3Transport() as transport:
            session = Requestor(url, transport, timeout=A_MINUTE).start_session(ASKED)
            requestor = Requestor(url, transport, timeout=WITHIN)
            begun = monotonic()
            try:
                if is_wait:
                    requestor.wait_for_answer(session, timeout=WITHIN)
                else:
                    requestor.get_status(session)
            except IrmaError:
                yield _late(begun)


async def _overruns(behaviours: tuple[Behaviour, ...]) -> list[float]:
    found: list[float] = []
    for is_wait in (False, True):
        with _hostile(behaviours) as url:
            async with AiohttpTransport() as transport:
                patient = AsyncRequestor(url, transport, timeout=A_MINUTE)
                session = await patient.start_session(ASKED)
                requestor = AsyncRequestor(url, transport, timeout=WITHIN)
                begun = monotonic()
                try:
                    if is_wait:
                        await requestor.wait_for_answer(session, timeout=WITHIN)
                    else:
                        await requestor.get_status(session)
                except IrmaError:
                    found.append(_late(begun))
    return found


def _overrun_of_connecting() -> float:
    with unanswered_port() as port, Urllib3Transport() as transport:
        requestor = Requestor(f"http://127.0.0.1:{port}", transport, timeout=WITHIN)
        begun = monotonic()
        with suppress(IrmaError):
            requestor.check_health()
        return _late(begun)


async def _overrun_of_connecting_async() -> float:
    with unanswered_port() as port:
        async with AiohttpTransport() as transport:
            requestor = AsyncRequestor(f"http://127.0.0.1:{port}", transport, timeout=WITHIN)
            begun = monotonic()
            with suppress(IrmaError):
                await requestor.check_health()
            return _late(begun)


def _late(begun: float) -> float:
    return monotonic() - begun - WITHIN.total_seconds()
