"""A shop on Django, its IRMA server in memory, and visitors with their browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from irma_core import AttributeRequest, DisclosureRequest
from irma_testing import InMemoryServer, SimulatedApp

__all__ = ["EMAIL", "OVER_18", "Visitor", "settings_for"]

EMAIL = "pbdf.sidn-pbdf.email.email"
OVER_18 = "pbdf.gemeente.personalData.over18"
QUESTIONS: dict[str, Any] = {
    "login": DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)}),
    "adult": DisclosureRequest({"age": AttributeRequest(OVER_18, value="Yes")}),
}


def settings_for(server: InMemoryServer, **more: Any) -> dict[str, Any]:
    """Return a value for the setting `IRMA`, with a server in memory."""
    return {
        "SERVER": server.url,
        "CONNECT": {"transport": server.transport()},
        "QUESTIONS": QUESTIONS,
        "ACCOUNT": "email",
        **more,
    }


class Visitor:
    """A person: a browser, and an app with credentials.

    Args:
        server: The IRMA server.
        email: The e-mail address in the app, or None.
        over_18: The value of that attribute in the app, or None.
    """

    def __init__(
        self,
        server: InMemoryServer,
        email: str | None = "ada@example.com",
        over_18: str | None = "Yes",
        *,
        enforce_csrf_checks: bool = False,
    ) -> None:
        self.browser = Client(
            enforce_csrf_checks=enforce_csrf_checks,
            raise_request_exception=False,
            headers={"host": "shop.example"},
        )
        self.headers: dict[str, str] = {}
        self.app = SimulatedApp(server)
        if email is not None:
            self.app.add("pbdf.sidn-pbdf.email", {"email": email})
        if over_18 is not None:
            self.app.add("pbdf.gemeente.personalData", {"over18": over_18})

    def get(self, path: str) -> HttpResponse:
        """Open a page."""
        response: Any = self.browser.get(path, secure=True)
        return response  # type: ignore[no-any-return]

    def post(self, step: str, name: str, body: Mapping[str, object] | bytes) -> HttpResponse:
        """Make a call from the page."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response: Any = self.browser.post(
            f"/irma/{step}/{name}",
            content,
            content_type="application/json",
            headers=self.headers,
            secure=True,
        )
        return response  # type: ignore[no-any-return]

    def start(self, name: str) -> dict[str, Any]:
        """Start a session, and return the page's reply."""
        response = self.post("start", name, {})
        assert response.status_code == 200, response.content
        started: dict[str, Any] = json.loads(response.content)
        return started

    def finish(self, name: str, started: Mapping[str, Any], **more: object) -> HttpResponse:
        """Finish a session."""
        return self.post("finish", name, {"handle": started["handle"], **more})

    def prove(self, name: str, **more: object) -> HttpResponse:
        """Start a session, answer it with the app, and finish it."""
        started = self.start(name)
        self.app.accept(started["sessionPtr"])
        return self.finish(name, started, **more)

    @property
    def user(self) -> User | None:
        """The user who is logged in with this browser."""
        key = self.browser.session.get("_auth_user_id")
        return None if key is None else User.objects.get(pk=key)


def code(response: HttpResponse) -> str:
    """Return the code of an error."""
    error: str = json.loads(response.content)["error"]["code"]
    return error
