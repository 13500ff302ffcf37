"""A site on FastAPI for uvicorn, which records each login in a file."""

from __future__ import annotations

import os

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware

from irma_core import AttributeRequest, DisclosureRequest, WebAnswer
from irma_transport_aiohttp import AiohttpTransport
from irma_web_starlette import Irma
from tests.load.logins import note_login

EMAIL = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
irma = Irma(
    os.environ["IRMA_SERVER"],
    questions={"login": DisclosureRequest({"email": EMAIL})},
    keys=[os.environ["IRMA_SEALING_KEY"]],
    store=os.environ["IRMA_STORE"],
    plain_cookie=True,
    # The tests' IRMA server closes connections if more than 256 are waiting.
    transport=AiohttpTransport(pool_size=50),
)
application = FastAPI(lifespan=irma.lifespan)
application.add_middleware(SessionMiddleware, secret_key="a long random string")
application.include_router(irma.api_router())


@irma.on_answer("login")
async def log_in(request: Request, done: WebAnswer) -> None:
    request.session["email"] = done.answer["email"].value
    note_login(request.session["email"])


@application.get("/", response_class=HTMLResponse)
async def home(request: Request) -> str:
    return irma.element(request, "login")


@application.get("/account/", response_class=HTMLResponse)
async def account(request: Request) -> str:
    return f"Welcome, {request.session['email']}"
