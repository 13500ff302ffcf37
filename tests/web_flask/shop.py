"""A Flask shop with a login and an over-18 page, at a server in memory, and its visitors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient

from irma_core import AttributeRequest, DisclosureRequest, SessionPointer, SessionType, WebAnswer
from irma_testing import InMemoryServer, ManualClock, SimulatedApp
from irma_web_flask import Irma

__all__ = ["EMAIL", "SITE", "Shop"]

SITE = "https://shop.example"
EMAIL = "example.mail.address.email"
OVER18 = "example.town.age.over18"


class Shop:
    """The shop, and the answers that its login received.

    Args:
        folder: The instance folder.
        config: More settings.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any] | None = None) -> None:
        self.clock = ManualClock()
        self.server = InMemoryServer(clock=self.clock)
        self.person = SimulatedApp(self.server)
        self.person.add("example.mail.address", {"email": "ada@example.com"})
        self.person.add("example.town.age", {"over18": "yes"})
        self.logins: list[WebAnswer] = []
        self.failures: list[Exception] = []
        self.irma = Irma(
            questions={
                "login": DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)}),
                "adult": DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")}),
            }
        )
        self.app = Flask("shop", instance_path=str(folder))
        own: dict[str, Any] = {
            "SECRET_KEY": "a-secret-key-of-forty-characters-or-more",
            "IRMA_SERVER": self.server.url,
            "IRMA_CONNECT": {"transport": self.server.transport()},
        }
        self.app.config.update({**own, **(config or {})})
        self._add_views()
        self.irma.init_app(self.app)

    def _add_views(self) -> None:
        @self.irma.on_answer("login")
        def log_in(done: WebAnswer) -> None:
            session["visits"] = [*session.get("visits", []), done.answer["email"].value]
            if self.failures:
                raise self.failures.pop()
            self.logins.append(done)

        @self.app.get("/account")
        def account() -> str:
            return ", ".join(session.get("visits", []))

        @self.app.get("/wines")
        @self.irma.proved("adult", max_age=timedelta(hours=1))
        def wines() -> str:
            proof = self.irma.proof("adult")
            assert proof is not None
            return f"Wines for a visitor whose age is proved by {proof['age'].attribute}"

        @self.app.get("/tasting")
        @self.irma.proved("adult")
        async def tasting() -> str:
            return "A tasting"

    def visitor(self) -> Visitor:
        """Return a browser without cookies."""
        return Visitor(self, self.app.test_client())


class Visitor:
    """A browser, which sends the calls that the page's script makes."""

    def __init__(self, shop: Shop, client: FlaskClient) -> None:
        self.shop = shop
        self.client = client

    def get(self, path: str, **options: Any) -> Any:
        """Open a page."""
        return self.client.get(path, base_url=SITE, **options)

    def post(self, path: str, value: object) -> Any:
        """Send a call from the page's script."""
        return self.client.post(path, json=value, base_url=SITE)

    def start(self, name: str) -> str:
        """Start a session, let the person's app answer it, and return the handle."""
        started = self.post(f"/irma/start/{name}", {}).json
        pointer = started["sessionPtr"]
        self.shop.person.accept(SessionPointer(pointer["u"], SessionType(pointer["irmaqr"])))
        return str(started["handle"])

    def finish(self, name: str, handle: str, **more: object) -> Any:
        """Finish a session."""
        return self.post(f"/irma/finish/{name}", {"handle": handle, **more})

    def answer(self, name: str) -> Any:
        """Start and finish a session."""
        return self.finish(name, self.start(name))
