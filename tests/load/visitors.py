"""Many visitors who log in at the same time at a site with several workers.

Each visitor starts a session, answers it with an app, and sends the finish three times at once.
Like the page's script, the visitor repeats a finish for as long as the reply demands it. If a
worker died and the outcome of a login is unknown, the page says so and the visitor logs in again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, final

import aiohttp
import attrs

from irma_testing import InMemoryServer, SimulatedApp
from tests.load.sites import RunningSite

__all__ = ["Disturbance", "Outcome", "kill_a_worker", "log_many_in", "store_away"]

_FINISHES: Final = 3
_REPEATS_FOR: Final = 240.0
"""The seconds after which a visitor gives up, so that no test hangs."""
_PAUSE: Final = 1.0
_SESSION_COOKIES: Final = ("session", "sessionid")
_INTERRUPTED: Final = "interrupted"
Disturbance: TypeAlias = Callable[[RunningSite], Awaitable[None]]
"""A disturbance of a site when some logins are done and others are not."""


@final
@attrs.frozen
class Outcome:
    """The outcome of a run for its visitors.

    Args:
        logged_in: How many visitors got the same web session from each of their finishes.
        interrupted: How many other visitors learnt from each finish that the outcome is unknown.
        recognised: How many visitors the site greets at the end.
        logins: How many logins the site has run.
        people: How many people the site has logged in.
        statuses: The number of replies to finishes by HTTP status, including repeats.
        codes: The number of failed finishes by error code; `network` means that there was no reply.
        seconds: The time that all finishes took together.
    """

    logged_in: int
    interrupted: int
    recognised: int
    logins: int
    people: int
    statuses: Counter[int]
    codes: Counter[str]
    seconds: float


def store_away(seconds: float) -> Disturbance:
    """Return a disturbance that makes the site's store refuse connections for some seconds."""

    async def disturb(site: RunningSite) -> None:
        await asyncio.to_thread(site.store.go_away)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(site.store.come_back)

    return disturb


async def kill_a_worker(site: RunningSite) -> None:
    """Kill the worker that ran the last login."""
    os.kill(site.logins()[-1].worker, signal.SIGKILL)


def log_many_in(
    server: InMemoryServer, site: RunningSite, visitors: int, disturb: Disturbance | None = None
) -> Outcome:
    """Log many visitors in at the same time, and return the outcome.

    Args:
        server: The IRMA server of the site.
        site: The site.
        visitors: The number of visitors.
        disturb: The disturbance during the run.
    """
    return asyncio.run(_run(server, site, visitors, disturb))


async def _run(
    server: InMemoryServer, site: RunningSite, count: int, disturb: Disturbance | None
) -> Outcome:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=_REPEATS_FOR)
    jar = aiohttp.DummyCookieJar()
    earlier = len(site.logins())
    async with aiohttp.ClientSession(
        site.url, connector=connector, timeout=timeout, cookie_jar=jar
    ) as browsers:
        numbers = range(earlier, earlier + count)
        visitors = [_Visitor(browsers, f"visitor{number}@example.com") for number in numbers]
        await asyncio.gather(*(visitor.start(server) for visitor in visitors))
        counted = _Counted()
        begun = time.monotonic()
        finishes = [
            asyncio.create_task(visitor.finish(counted))
            for visitor in visitors
            for _ in range(_FINISHES)
        ]
        if disturb is not None:
            await counted.first.wait()
            await disturb(site)
        ends = await asyncio.gather(*finishes)
        seconds = time.monotonic() - begun
        of_visitors = [{*ends[each : each + _FINISHES]} for each in range(0, len(ends), _FINISHES)]
        interrupted = [
            visitor
            for visitor, found in zip(visitors, of_visitors, strict=True)
            if found == {_INTERRUPTED}
        ]
        await asyncio.gather(*(visitor.start(server) for visitor in interrupted))
        await asyncio.gather(*(visitor.finish(counted) for visitor in interrupted))
        greeting = site.framework.greeting
        known = await asyncio.gather(*(visitor.is_greeted(greeting) for visitor in visitors))
    logins = site.logins()[earlier:]
    return Outcome(
        logged_in=sum(len(found) == 1 and found != {_INTERRUPTED} for found in of_visitors),
        interrupted=len(interrupted),
        recognised=sum(known),
        logins=len(logins),
        people=len({login.person for login in logins}),
        statuses=counted.statuses,
        codes=counted.codes,
        seconds=seconds,
    )


@final
@attrs.define
class _Counted:
    """The replies to all finishes."""

    statuses: Counter[int] = attrs.Factory(Counter)
    codes: Counter[str] = attrs.Factory(Counter)
    first: asyncio.Event = attrs.Factory(asyncio.Event)


@final
class _Visitor:
    def __init__(self, browsers: aiohttp.ClientSession, email: str) -> None:
        self._browsers = browsers
        self._email = email
        self._headers: dict[str, str] = {}
        self._cookies: dict[str, str] = {}
        self._handle = ""

    async def start(self, server: InMemoryServer) -> None:
        """Open the page, start a session, and answer it with the app."""
        async with self._browsers.get("/") as page:
            text = await page.text()
            self._keep(page)
        found = re.search(r'"headers":({.*?})', text)
        assert found is not None
        self._headers = json.loads(found[1])
        async with self._post("start", {}) as reply:
            started = await reply.json()
            assert reply.status == 200, started
            self._keep(reply)
        self._handle = started["handle"]
        app = SimulatedApp(server)
        app.add("pbdf.sidn-pbdf.email", {"email": self._email})
        await asyncio.to_thread(app.accept, started["sessionPtr"])

    async def finish(self, counted: _Counted) -> str:
        """Finish, as often as the replies demand; return the new session, or an error code."""
        ends = time.monotonic() + _REPEATS_FOR
        code = ""
        while time.monotonic() < ends:
            try:
                async with self._post("finish", {"handle": self._handle}) as reply:
                    received = await reply.json()
            except aiohttp.ClientError:
                code, again = "network", "finish"
            else:
                counted.statuses[reply.status] += 1
                if reply.status == 200:
                    counted.first.set()
                    return self._keep(reply)
                code, again = received["error"]["code"], received["error"]["again"]
            counted.codes[code] += 1
            if again != "finish":
                break
            await asyncio.sleep(_PAUSE)
        return code

    async def is_greeted(self, greeting: str) -> bool:
        """Return whether the site knows the visitor."""
        async with self._browsers.get("/account/", headers=self._sent()) as page:
            return greeting.format(email=self._email) in await page.text()

    def _post(self, step: str, body: dict[str, str]) -> Any:
        return self._browsers.post(f"/irma/{step}/login", json=body, headers=self._sent())

    def _sent(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {**self._headers, "Cookie": cookies} if cookies else self._headers

    def _keep(self, reply: aiohttp.ClientResponse) -> str:
        """Keep the cookies of a reply, and return the session without its time and signature."""
        received = {name: morsel.value for name, morsel in reply.cookies.items()}
        self._cookies.update(received)
        session = [received[name] for name in _SESSION_COOKIES if name in received]
        return session[0].rsplit(".", 2)[0] if session else ""
