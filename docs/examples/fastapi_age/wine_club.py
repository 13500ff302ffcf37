"""A wine club on FastAPI: visitors prove their age and get a member's card in one scan."""

import secrets
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware

from irma_core import (
    AttributeRequest,
    ChainStep,
    CredentialRequest,
    DisclosureRequest,
    IssuanceRequest,
    Proof,
    Question,
    SessionOutcome,
    WebRequest,
)
from irma_web_starlette import Irma

OVER_18 = AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes")
HOME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The wine club</title>
</head>
<body>
<main>
<h1>The wine club</h1>
{element}
</main>
</body>
</html>
"""


def make_app(server: str, *, cookie_key: str, **settings: Any) -> FastAPI:
    """Make the application.

    Args:
        server: The IRMA server's base URL.
        cookie_key: The key that signs the session cookie.
        settings: Further arguments of `Irma`: url, keys, store, token, server_key and so on.
    """
    orders: dict[str, str] = {}  # by order number; use your database

    def order_of(request: Any) -> str:
        number: str = request.session.setdefault("order", secrets.token_hex(4))
        orders.setdefault(number, "open")
        return number

    def membership(request: WebRequest) -> Question:
        asked = DisclosureRequest({"age": OVER_18})
        number = order_of(request.native)  # FastAPI's own request
        return Question(asked, reference=number, has_callback=True, has_next_session=True)

    async def choose(step: ChainStep) -> IssuanceRequest:
        return IssuanceRequest([CredentialRequest("pbdf.wine.member", {"order": step.reference})])

    async def record(outcome: SessionOutcome) -> None:
        orders[outcome.reference] = outcome.error_name or "proved"

    irma = Irma(
        server, questions={"membership": membership}, choose=choose, deliver=record, **settings
    )
    app = FastAPI(lifespan=irma.lifespan)
    is_plain = bool(settings.get("plain_cookie"))
    app.add_middleware(SessionMiddleware, secret_key=cookie_key, https_only=not is_plain)
    app.include_router(irma.api_router())

    @app.get("/", response_class=HTMLResponse)
    async def home(request: Request) -> str:
        order_of(request)
        element = irma.element(request, "membership", next="/tasting")
        return HOME.format(element=element)

    @app.get("/tasting")
    async def tasting(
        request: Request, proof: Annotated[Proof, Depends(irma.proved("membership"))]
    ) -> dict[str, str]:
        number = order_of(request)
        return {"order": number, "status": orders[number], "age": proof["age"].value}

    return app
