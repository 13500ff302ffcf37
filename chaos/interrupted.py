"""A process that watches a session until Ctrl-C, and then reports its leftovers."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from chaos.leftovers import Leftovers
from irma_core import AsyncRequestor, DisclosureRequest, Requestor
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

ASKED = DisclosureRequest({"age": "a.b.c.d"})
AN_HOUR = timedelta(hours=1)


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _wait(url: str) -> None:
    with Urllib3Transport() as transport:
        requestor = Requestor(url, transport)
        with requestor.watch_status(requestor.start_session(ASKED), timeout=AN_HOUR) as statuses:
            for _ in statuses:
                _say("waiting")


async def _wait_async(url: str) -> None:
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(url, transport)
        session = await requestor.start_session(ASKED)
        async with requestor.watch_status(session, timeout=AN_HOUR) as statuses:
            async for _ in statuses:
                _say("waiting")


def _main(url: str, mode: str) -> None:
    before = Leftovers.now()
    try:
        if mode == "sync":
            _wait(url)
        else:
            asyncio.run(_wait_async(url))
    except KeyboardInterrupt:
        _say(Leftovers.now().beyond(before))


if __name__ == "__main__":
    _main(*sys.argv[1:])
