"""The Starlette routes pass the contract of web adapters, also in FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from irma_core import Risk, WebAnswer
from irma_testing import asgi
from irma_testing.contracts import WebAdapterContract
from irma_testing.contracts.web_browser import Application
from irma_testing.contracts.web_site import ORIGIN, WebSite
from irma_web_starlette import Irma


def _irma(site: WebSite) -> Irma:
    irma = Irma(
        site.server.url,
        questions=site.questions,
        keys=site.keys,
        store=site.async_store,
        url=ORIGIN,
        deliver=site.session_ended,
        choose=site.choose_next,
        origins=site.origins,
        transport=site.async_transport(),
        server_key=site.server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )

    async def log_in(request: Request, done: WebAnswer) -> None:
        request.session["email"] = site.login(done)

    for name in site.questions:
        irma.on_answer(name)(log_in)
    return irma


async def _home(request: Request) -> Response:
    return PlainTextResponse("a page")


async def _who(request: Request) -> Response:
    return JSONResponse({"email": request.session.get("email")})


_PAGES = [Route("/", _home), Route("/who", _who)]


def _served(app: Any, irma: Irma) -> Application:
    """Return an application that opens the lifespan in each call, as each has its own loop."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        async with irma.lifespan():
            await app(scope, receive, send)

    return asgi(call)


class Replaying(WebAdapterContract):
    """The contract with a script that replays callbacks in a process of its own."""

    prefix = "/irma"

    def replay(self) -> Sequence[str]:
        """Run the script."""

        async def main() -> Sequence[str]:
            irma = _irma(self.site)
            async with irma.lifespan():
                return [each.problem for each in await irma.replay_callbacks()]

        return asyncio.run(main())


class TestStarlette(Replaying):
    """A Starlette application with the routes."""

    def make_application(self, site: WebSite) -> Application:
        """Make the application."""
        irma = _irma(site)
        app = Starlette(routes=[*_PAGES, *irma.routes])
        app.add_middleware(SessionMiddleware, secret_key="a-secret", https_only=True)
        return _served(app, irma)


class TestFastApi(Replaying):
    """A FastAPI application with the router."""

    def make_application(self, site: WebSite) -> Application:
        """Make the application."""
        irma = _irma(site)
        app = FastAPI()
        app.add_middleware(SessionMiddleware, secret_key="a-secret", https_only=True)
        app.router.routes.extend(_PAGES)
        app.include_router(irma.api_router())
        return _served(app, irma)
