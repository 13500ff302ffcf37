"""The shop's own tests, which need no phone, no network and no IRMA server."""

import json
from typing import Any

from django.conf import settings
from django.test import Client, TestCase, override_settings

from irma_testing import InMemoryServer, SimulatedApp


class CellarTest(TestCase):
    """Tests with a visitor who has a browser and an app."""

    def setUp(self) -> None:
        """Replace the real IRMA server with an in-memory one."""
        self.irma_server = InMemoryServer()
        irma = {
            **settings.IRMA,
            "SERVER": self.irma_server.url,
            "CONNECT": {"transport": self.irma_server.transport()},
        }
        changed = override_settings(IRMA=irma)
        changed.enable()
        self.addCleanup(changed.disable)
        self.app = SimulatedApp(self.irma_server)
        self.app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
        self.visitor = Client()

    def prove(self, question: str) -> int:
        """Answer a question with the app, and return the status of the reply."""
        started = self.post(f"/irma/start/{question}", {}).json()
        self.app.accept(started["sessionPtr"])
        body = {"handle": started["handle"]}
        return int(self.post(f"/irma/finish/{question}", body).status_code)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make a call from the page."""
        content = json.dumps(body)
        return self.visitor.post(path, content, content_type="application/json", secure=True)

    def test_a_visitor_logs_in(self) -> None:
        """The account page redirects a visitor to the login, and greets them afterwards."""
        asking = self.visitor.get("/account/", secure=True)
        assert asking["Location"] == "/irma/ask/login/?next=/account/"
        assert self.prove("login") == 200
        self.assertContains(self.visitor.get("/account/", secure=True), "Welcome, irma-")

    def test_wine_is_for_adults(self) -> None:
        """A visitor sees the wines only after proving that they are an adult."""
        self.app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
        assert self.visitor.get("/wines/", secure=True).status_code == 302
        assert self.prove("adult") == 200
        self.assertContains(self.visitor.get("/wines/", secure=True), "Our wines")

    def test_the_home_page_has_the_button(self) -> None:
        """The home page has the button to log in, and no inline script."""
        page = self.visitor.get("/").content.decode()
        assert 'data-irma="login"' in page
        assert "<script>" not in page
