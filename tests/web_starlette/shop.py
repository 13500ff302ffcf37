"""A FastAPI shop with a login and an over-18 page, at a server in memory, and its visitors."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.testclient import TestClient

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    SessionPointer,
    SessionType,
    WebAnswer,
    new_sealing_key,
)
from irma_core.web.proofs import Proof
from irma_testing import InMemoryServer, ManualClock, SimulatedApp
from irma_web_starlette import Irma

__all__ = ["EMAIL", "SITE", "Shop", "Visitor"]

SITE = "https://shop.example"
EMAIL = "example.mail.address.email"
OVER18 = "example.town.age.over18"


class Shop:
    """The shop, and the answers that its login received.

    Args:
        folder: The folder of the store.
        settings: More arguments of `Irma`.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = ManualClock()
        self.server = InMemoryServer(clock=self.clock)
        self.person = SimulatedApp(self.server)
        self.person.add("example.mail.address", {"email": "ada@example.com"})
        self.person.add("example.town.age", {"over18": "yes"})
        self.logins: list[WebAnswer] = []
        self.failures: list[Exception] = []
        (folder / "yivi.js").write_text("/* the browser package */")
        own: dict[str, Any] = {
            "keys": [new_sealing_key()],
            "store": f"sqlite:{folder / 'shop.db'}",
            "browser_package": folder / "yivi.js",
            "transport": self.server.async_transport(),
        }
        self.irma = Irma(
            None if "settings" in settings else self.server.url,
            questions={
                "login": DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)}),
                "adult": DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")}),
            },
            **{**own, **settings},
        )
        self.app = FastAPI(lifespan=self.irma.lifespan)
        self.app.add_middleware(SessionMiddleware, secret_key="a-secret", https_only=True)
        self._add_views()
        self.app.include_router(self.irma.api_router())

    def _add_views(self) -> None:
        @self.irma.on_answer("login")
        async def log_in(request: Request, done: WebAnswer) -> None:
            session = request.session
            session["visits"] = [*session.get("visits", []), done.answer["email"].value]
            if self.failures:
                raise self.failures.pop()
            self.logins.append(done)

        @self.app.get("/account")
        async def account(request: Request) -> Any:
            return request.session.get("visits", [])

        is_adult: Any = Depends(self.irma.proved("adult", max_age=timedelta(hours=1)))

        @self.app.get("/wines")
        async def wines(proof: Proof = is_adult) -> Any:
            return {"proved_by": str(proof["age"].attribute)}

        @self.app.post("/orders")
        async def order(proof: Proof = is_adult) -> Any:
            return {"proved_by": str(proof["age"].attribute)}


class Visitor:
    """A browser, which sends the calls that the page's script makes."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.client = TestClient(shop.app, base_url=SITE, follow_redirects=False)

    def get(self, path: str) -> Any:
        """Open a page."""
        return self.client.get(path, headers={"Accept": "text/html"})

    def start(self, name: str) -> str:
        """Start a session, let the person's app answer it, and return the handle."""
        started = self.client.post(f"/irma/start/{name}", json={}).json()
        pointer = started["sessionPtr"]
        self.shop.person.accept(SessionPointer(pointer["u"], SessionType(pointer["irmaqr"])))
        return str(started["handle"])

    def finish(self, name: str, handle: str, **more: object) -> Any:
        """Finish a session."""
        return self.client.post(f"/irma/finish/{name}", json={"handle": handle, **more})

    def answer(self, name: str) -> Any:
        """Start and finish a session."""
        return self.finish(name, self.start(name))
