"""Translate between aiohttp and the in-memory server: requests, responses and event streams."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing, suppress
from typing import TypeVar, final
from urllib.parse import unquote, urlsplit

from aiohttp import web

from irma_backend.dev_server.guard import OWN_PAGES_ONLY, is_from_elsewhere, refusal
from irma_backend.dev_server.waiting import request_body
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer

__all__ = ["Bridge"]

ResultT = TypeVar("ResultT")
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_UNKNOWN_NAMES = re.compile(rb"Unknown identifiers: [\w.,; -]{1,500}\??")
_LOG = logging.getLogger("irma_backend.dev_server")
# The longest delay of an event or a timeout, in seconds.
_TICK = 0.025
# aiohttp sets these headers itself.
_CONNECTION_HEADERS = frozenset({"connection"})
_CROSS_ORIGIN = "access-control-"
_FOREIGN = (
    "A page from another origin sent this request, but this server accepts it from programs "
    "only. Let your website's backend start the session and fetch its result."
)


@final
class Bridge:
    """Serves one in-memory server.

    Args:
        server: The server.
        threads: The threads that run the server. The server may block a thread, for example while
            it delivers a callback to a program that in turn calls the server.
        secret: The part of the pages' address that logs must not show; may be empty.
    """

    def __init__(self, server: InMemoryServer, threads: Executor, secret: str = "") -> None:
        self._server = server
        self._threads = threads
        self._secret = secret
        self._is_closing = False

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request."""
        incoming = self._translate(request)
        is_for_pages = self._is_for_pages(incoming)
        if not is_for_pages and is_from_elsewhere(request):
            _LOG.warning("%s: 403, because a page from another origin sent it", incoming.label)
            return refusal(_FOREIGN)
        answer = await self._run(lambda: self._call(incoming))
        is_usual = (incoming.method, answer.status) == ("GET", 200)
        _LOG.log(
            logging.DEBUG if is_usual else logging.INFO,
            "%s: %d%s",
            incoming.label,
            answer.status,
            self._unknown_names(answer),
        )
        headers = [
            pair
            for pair in answer.headers
            if is_for_pages or not pair[0].lower().startswith(_CROSS_ORIGIN)
        ]
        if not is_for_pages:
            headers += OWN_PAGES_ONLY.items()
        if isinstance(answer, EventStream):
            return await self._stream(request, answer, headers)
        return web.Response(status=answer.status, headers=headers, body=answer.body or None)

    async def let_time_pass(self) -> None:
        """Run due actions, such as timeouts, until `close` is called."""
        while not self._is_closing:
            await self._run(self._catch_up)
            await asyncio.sleep(_TICK)

    def close(self) -> None:
        """End the event streams, and make `let_time_pass` return."""
        self._is_closing = True

    async def _run(self, act: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    def _is_for_pages(self, request: HttpRequest) -> bool:
        prefix = urlsplit(self._server.url).path
        return urlsplit(request.url).path.startswith(f"{prefix}/irma/")

    def _translate(self, request: web.Request) -> HttpRequest:
        target = request.raw_path if request.raw_path.startswith("/") else request.path_qs
        base = urlsplit(self._server.url)
        url = f"{base.scheme}://{base.netloc}{target}"
        return HttpRequest(
            request.method,
            url,
            label=self._label(request.method, urlsplit(url).path),
            headers=tuple((name.lower(), value) for name, value in request.headers.items()),
            body=request_body() or None,
        )

    def _label(self, method: str, path: str) -> str:
        """Return the name of a request for the log. Even a mistyped path may contain a secret."""
        return self._shown(
            f"{method} {unquote(path)}"
        )  # so that percent-encoding cannot hide a secret from the filter

    def _shown(self, text: str) -> str:
        """Return a string in ASCII, with control characters escaped and secrets replaced."""
        if self._secret:
            text = text.replace(self._secret, "{secret}")
        return _TOKEN.sub("{token}", ascii(text)[1:-1])

    def _unknown_names(self, answer: EventStream | HttpResponse) -> str:
        """Return a log message about unknown names in the request; empty if there are none."""
        found = None if isinstance(answer, EventStream) else _UNKNOWN_NAMES.search(answer.body)
        return f" {self._shown(found[0].decode())}" if found is not None else ""

    def _call(self, request: HttpRequest) -> EventStream | HttpResponse:
        self._catch_up()
        return self._server.subscribe(request)

    def _catch_up(self) -> None:
        try:
            self._server.catch_up()
        except Exception:  # noqa: BLE001  # it is logged
            # A test planned the action, so its failure must not affect the response to this client.
            _LOG.exception("an action that a test planned on the IRMA server failed")

    async def _stream(
        self, request: web.Request, stream: EventStream, headers: list[tuple[str, str]]
    ) -> web.StreamResponse:
        headers = [pair for pair in headers if pair[0] not in _CONNECTION_HEADERS]
        response = web.StreamResponse(status=stream.status, headers=headers)
        # A reset means that the client has disconnected.
        with closing(stream), suppress(ConnectionResetError):
            while self._is_connected(request):
                has_headers, chunk = await self._run(lambda: self._read(stream))
                if has_headers and not response.prepared:
                    await response.prepare(request)
                if chunk is None:
                    break
                if chunk:
                    await response.write(chunk)
                else:
                    await asyncio.sleep(_TICK)
        return response

    def _read(self, stream: EventStream) -> tuple[bool, bytes | None]:
        self._catch_up()
        chunk = stream.read()
        is_over = not chunk and stream.is_over
        return stream.has_headers, None if is_over else chunk

    def _is_connected(self, request: web.Request) -> bool:
        transport = request.transport
        return not self._is_closing and transport is not None and not transport.is_closing()
