"""Starts of sessions with failing servers: the number of requests, and the error of each start."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from chaos.findings import Finding
from irma_core import AsyncRequestor, DisclosureRequest, Requestor, StartedSession
from irma_core.errors import (
    DeadlineError,
    IrmaError,
    RedirectError,
    ServerRefusedError,
    SessionMayExistError,
    TransportError,
)
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer, unused_port
from irma_testing.misbehaviours import (
    answer,
    cut,
    drip,
    empty_503,
    endless_body,
    endless_headers,
    gzip_bomb,
    hang_up,
    html_503,
    raw,
    redirect,
    reset,
    reset_during_request,
    response,
    silence,
    wrong_length,
)
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["findings"]

ASKED = DisclosureRequest({"age": "a.b.c.d"})
JSON = [("Content-Type", "application/json")]
PACKAGE = (
    b'{"sessionPtr":{"u":"http://127.0.0.1/irma/session/uiMWLYJ9WZDLhbuEBu0W",'
    b'"irmaqr":"disclosing"},"token":"abcdefghijKLMNOPQRST"}'
)
REFUSAL = b'{"status":400,"error":"INVALID_REQUEST","description":"no"}'
STARTED = response(headers=JSON, body=PACKAGE)
TIMEOUT = timedelta(seconds=0.4)
MADE, MAY_EXIST, NONE_MADE = "made", "may exist", "none made"


def _not_read(peer: Peer) -> None:
    """Read a part of the request, and reset the connection, so that the outcome is unknown."""
    reset_during_request(peer)


def matrix(chance: random.Random) -> list[tuple[Behaviour, str]]:
    """Return each behaviour of the server with what a start must report about the session."""
    length = chance.randrange(len(STARTED))
    return [
        (answer(headers=JSON, body=PACKAGE), MADE),
        (answer(400, headers=JSON, body=REFUSAL), NONE_MADE),
        (redirect("https://irma.example/session"), NONE_MADE),
        (cut(STARTED, length), MAY_EXIST),
        (drip(STARTED, timedelta(seconds=0.05)), MAY_EXIST),
        (empty_503(), MAY_EXIST),
        (html_503(), MAY_EXIST),
        (endless_body(), MAY_EXIST),
        (endless_headers(), MAY_EXIST),
        (gzip_bomb(4 * 1024 * 1024), MAY_EXIST),
        (hang_up, MAY_EXIST),
        (reset(), MAY_EXIST),
        (reset(STARTED[:length]), MAY_EXIST),
        (_not_read, MAY_EXIST),
        (silence, MAY_EXIST),
        (wrong_length(PACKAGE, len(PACKAGE) + 9), MAY_EXIST),
        (raw(response(headers=JSON, body=PACKAGE[:-1])), MAY_EXIST),
        (answer(400, headers=JSON, body=REFUSAL + b"\n" + PACKAGE), MAY_EXIST),
    ]


def _counted(row: tuple[Behaviour, str], met: Counter[str]) -> Behaviour:
    behaviour, said = row

    def behave(peer: Peer) -> None:
        met[said] += 1
        behaviour(peer)

    return behave


def findings(count: int, seed: int) -> Iterator[Finding]:
    """Start many sessions in both modes, with each behaviour of the server."""
    chance = random.Random(seed)
    wrong = repeated = 0
    for play in (_play_sync, _play_async):
        share = count // 2
        rows: list[tuple[Behaviour, str]] = []
        while len(rows) < share:
            rows += matrix(chance)
        met = Counter[str]()
        with MisbehavingServer(*(_counted(row, met) for row in rows[:share])) as server:
            outcomes = play(server.url, share)
        repeated += max(met.total() - share, 0)
        suspects = [row for said, row in zip(outcomes, rows, strict=False) if said != row[1]]
        wrong += sum(not _holds(play, *row) for row in suspects)
    with unused_port() as port:
        url = f"http://127.0.0.1:{port}"
        wrong += sum(said != NONE_MADE for said in _play_sync(url, 3) + _play_async(url, 3))
    yield Finding(f"of {2 * (count // 2)} starts, requests beyond one per call", repeated, 0)
    yield Finding("starts whose outcome was misreported", wrong, 0)


def _holds(
    play: Callable[[str, int, timedelta], list[str]], behaviour: Behaviour, expected: str
) -> bool:
    """Return whether a start at a separate server ends as expected.

    On a busy machine, a start may time out before its request arrives, and the next start then
    meets the behaviour that was meant for it.
    """
    for times in (1, 10, 100):
        with MisbehavingServer(behaviour) as server:
            if play(server.url, 1, times * TIMEOUT) == [expected]:
                return True
    return False


def _said(start: Callable[[], StartedSession]) -> str:
    try:
        start()
    except SessionMayExistError:
        return MAY_EXIST
    except (ServerRefusedError, RedirectError, DeadlineError):
        return NONE_MADE
    except TransportError as error:
        return MAY_EXIST + " in another error" if error.request_sent else NONE_MADE
    return MADE


def _play_sync(url: str, count: int, timeout: timedelta = TIMEOUT) -> list[str]:
    with Urllib3Transport() as transport:
        requestor = Requestor(url, transport, timeout=timeout)
        return [_said(lambda: requestor.start_session(ASKED)) for _ in range(count)]


def _play_async(url: str, count: int, timeout: timedelta = TIMEOUT) -> list[str]:
    async def play() -> list[str]:
        outcomes = []
        async with AiohttpTransport() as transport:
            requestor = AsyncRequestor(url, transport, timeout=timeout)
            for _ in range(count):
                result: StartedSession | IrmaError
                try:
                    result = await requestor.start_session(ASKED)
                except IrmaError as error:
                    result = error
                outcomes.append(_said(lambda result=result: _give(result)))  # type: ignore[misc]  # a default
        return outcomes

    return asyncio.run(play())


def _give(result: StartedSession | IrmaError) -> StartedSession:
    if isinstance(result, IrmaError):
        raise result
    return result
