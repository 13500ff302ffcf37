"""Between aiohttp and the server in memory: requests in, responses and event streams out.

Belongs here: the translation, and what the official server's HTTP layer does. Does not belong here:
any answer (the server in memory gives them), or which requests are refused (`guard`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing, suppress
from typing import TypeVar, final
from urllib.parse import urlsplit

from aiohttp import web

from irma_backend.dev_server.guard import FOR_NO_OTHER_PAGE, is_from_elsewhere, refusal
from irma_backend.dev_server.waiting import request_body
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer

__all__ = ["Bridge"]

ResultT = TypeVar("ResultT")
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_LOG = logging.getLogger("irma_backend.dev_server")
# How late an event or a time-out may come.
_TICK = 0.025
# aiohttp sets what belongs to the connection.
_OF_THE_CONNECTION = frozenset({"connection"})
_CROSS_ORIGIN = "access-control-"
_FOREIGN = (
    "A page of another origin sent this request, and this server takes it from programs only. "
    "Let the backend of your website start the session and fetch its result."
)


@final
class Bridge:
    """Serves one server in memory.

    Args:
        server: The server.
        threads: Where it runs: it may take its time, and deliver posts to a program that calls
            back meanwhile.
    """

    def __init__(self, server: InMemoryServer, threads: Executor) -> None:
        self._server = server
        self._threads = threads
        self._is_closing = False

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        asked = self._translated(request)
        is_for_pages = self._is_for_pages(asked)
        if not is_for_pages and is_from_elsewhere(request):
            _LOG.warning("%s: 403, for a page of another origin sent it", asked.label)
            return refusal(_FOREIGN)
        answer = await self._run(lambda: self._ask(asked))
        is_usual = (asked.method, answer.status) == ("GET", 200)
        _LOG.log(logging.DEBUG if is_usual else logging.INFO, "%s: %d", asked.label, answer.status)
        headers = [
            pair
            for pair in answer.headers
            if is_for_pages or not pair[0].lower().startswith(_CROSS_ORIGIN)
        ]
        if not is_for_pages:
            headers += FOR_NO_OTHER_PAGE.items()
        if isinstance(answer, EventStream):
            return await self._tell(request, answer, headers)
        return web.Response(status=answer.status, headers=headers, body=answer.body or None)

    async def let_time_pass(self) -> None:
        """Do what is due by the clock, for as long as the server runs."""
        while not self._is_closing:
            await self._run(self._catch_up)
            await asyncio.sleep(_TICK)

    def close(self) -> None:
        """End the streams: nothing more will come."""
        self._is_closing = True

    async def _run(self, act: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    def _is_for_pages(self, asked: HttpRequest) -> bool:
        prefix = urlsplit(self._server.url).path
        return urlsplit(asked.url).path.startswith(f"{prefix}/irma/")

    def _translated(self, request: web.Request) -> HttpRequest:
        target = request.raw_path if request.raw_path.startswith("/") else request.path_qs
        base = urlsplit(self._server.url)
        url = f"{base.scheme}://{base.netloc}{target}"
        return HttpRequest(
            request.method,
            url,
            label=_TOKEN.sub("{token}", ascii(f"{request.method} {urlsplit(url).path}")[1:-1]),
            headers=tuple((name.lower(), value) for name, value in request.headers.items()),
            body=request_body() or None,
        )

    def _ask(self, asked: HttpRequest) -> EventStream | HttpResponse:
        self._catch_up()
        return self._server.subscribe(asked)

    def _catch_up(self) -> None:
        try:
            self._server.catch_up()
        except Exception:  # noqa: BLE001  # whatever it is, it is logged
            # A test's own action: nobody who calls the server over HTTP is to blame for it.
            _LOG.exception("an action that was planned on the IRMA server failed")

    async def _tell(
        self, request: web.Request, stream: EventStream, headers: list[tuple[str, str]]
    ) -> web.StreamResponse:
        headers = [pair for pair in headers if pair[0] not in _OF_THE_CONNECTION]
        response = web.StreamResponse(status=stream.status, headers=headers)
        # A reset: who listened went away.
        with closing(stream), suppress(ConnectionResetError):
            while self._listens(request):
                has_headers, chunk = await self._run(lambda: self._hear(stream))
                if has_headers and not response.prepared:
                    await response.prepare(request)
                if chunk is None:
                    break
                if chunk:
                    await response.write(chunk)
                else:
                    await asyncio.sleep(_TICK)
        return response

    def _hear(self, stream: EventStream) -> tuple[bool, bytes | None]:
        self._catch_up()
        chunk = stream.read()
        is_over = not chunk and stream.is_over
        return stream.has_headers, None if is_over else chunk

    def _listens(self, request: web.Request) -> bool:
        transport = request.transport
        return not self._is_closing and transport is not None and not transport.is_closing()
