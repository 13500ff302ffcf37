"""Websites on loopback that receive the server's posts, one for each mode."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol, TypeAlias

from aiohttp import web

from irma_core import AsyncCallbackReceiver, AsyncNextSessionReceiver
from irma_core.protocol.messages import HttpResponse

Handle: TypeAlias = Callable[[str, str, list[tuple[str, str]], bytes], HttpResponse]


class Page(Protocol):
    """The interface of a sync receiver."""

    def receive(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> HttpResponse: ...


class Site:
    """Hands each request to the page whose name begins the path.

    `statuses` are the statuses of its replies, and `failures` the errors that its pages raised.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, Page] = {}
        self.statuses: list[int] = []
        self.failures: list[Exception] = []

    def handle(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> HttpResponse:
        page = self.pages[path.split("/")[1]]
        try:
            reply = page.receive(method, path, headers, body)
        except Exception as error:  # noqa: BLE001 - as a framework does
            self.failures.append(error)
            reply = HttpResponse(500)
        self.statuses.append(reply.status)
        return reply


@contextmanager
def running_site() -> Generator[Site]:
    """Serve with the standard library, in a thread for each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            reply = site.handle(self.command, self.path, list(self.headers.items()), body)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Log nothing, because the URL is a secret."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def running_async_site(
    pages: dict[str, AsyncCallbackReceiver | AsyncNextSessionReceiver],
) -> AsyncGenerator[str]:
    """Serve with aiohttp, and yield the URL; pages may be added while the site runs."""

    async def handle(request: web.Request) -> web.Response:
        page = pages[request.path.split("/")[1]]
        reply = await page.receive(
            request.method, request.path, request.headers.items(), await request.read()
        )
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(application, access_log=None)  # the URLs are secrets
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
