"""Between aiohttp and the server in memory: requests in, responses and event streams out.

Belongs here: the translation, and what the official server's HTTP layer does. Does not belong here:
any answer (the server in memory gives them), or who may ask at all (`guard`).
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

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer

__all__ = ["Bridge"]

ResultT = TypeVar("ResultT")
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_LOG = logging.getLogger("irma_backend.dev_server")
# How late an event or a time-out may come.
_TICK = 0.025
# The server refuses more, and needs to see no more than that it is more.
_ENOUGH = (10 << 20) + 1
# aiohttp sets what belongs to the connection.
_OF_THE_CONNECTION = frozenset({"connection"})


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
        asked = await self._read(request)
        answer = await self._run(lambda: self._ask(asked))
        is_usual = (asked.method, answer.status) == ("GET", 200)
        _LOG.log(logging.DEBUG if is_usual else logging.INFO, "%s: %d", asked.path, answer.status)
        if isinstance(answer, EventStream):
            return await self._tell(request, answer)
        return web.Response(
            status=answer.status, headers=list(answer.headers), body=answer.body or None
        )

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

    async def _read(self, request: web.Request) -> HttpRequest:
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) >= _ENOUGH:
                break
        target = request.raw_path if request.raw_path.startswith("/") else request.path_qs
        base = urlsplit(self._server.url)
        return HttpRequest(
            request.method,
            f"{base.scheme}://{base.netloc}{target}",
            path=_TOKEN.sub("{token}", ascii(f"{request.method} {urlsplit(target).path}")[1:-1]),
            headers=tuple((name.lower(), value) for name, value in request.headers.items()),
            body=bytes(body) or None,
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

    async def _tell(self, request: web.Request, stream: EventStream) -> web.StreamResponse:
        headers = [pair for pair in stream.headers if pair[0] not in _OF_THE_CONNECTION]
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
