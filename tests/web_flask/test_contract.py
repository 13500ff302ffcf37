"""The Flask extension passes the contract of web adapters."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, jsonify, session
from flask.typing import ResponseReturnValue

from irma_core import Risk, WebAnswer
from irma_testing import wsgi
from irma_testing.contracts import WebAdapterContract
from irma_testing.contracts.web_browser import Application
from irma_testing.contracts.web_site import ORIGIN, WebSite
from irma_web_flask import Irma


class TestFlask(WebAdapterContract):
    """An application with the extension."""

    prefix = "/irma"
    app: Flask

    def replay(self) -> Sequence[str]:
        """Run `flask irma replay-callbacks`."""
        done = self.app.test_cli_runner().invoke(args=["irma", "replay-callbacks"])
        results = [line.partition(": ")[2] for line in done.output.splitlines()]
        problems = ["" if each == "delivered" else each for each in results[:-1]]
        assert done.exit_code == int(any(problems)), done.output
        return problems

    def make_application(self, site: WebSite) -> Application:
        """Make the application."""
        irma = Irma(
            questions=site.questions,
            deliver=site.session_ended,
            choose=site.choose_next,
            url_prefix=self.prefix,
        )

        def log_in(done: WebAnswer) -> None:
            session["email"] = site.login(done)

        for name in site.questions:
            irma.on_answer(name)(log_in)
        self.app = app = Flask("shop")
        app.config.update(
            SECRET_KEY="a-secret-of-the-session",
            SESSION_COOKIE_SECURE=True,
            IRMA_SERVER=site.server.url,
            IRMA_CONNECT={
                "transport": site.transport(),
                "server_key": site.server.public_key_pem,
                "allow": {Risk.SIMULATED_PROOFS},
            },
            IRMA_STORE=site.store,
            IRMA_SEALING_KEYS=site.keys,
            IRMA_ORIGINS=site.origins,
            IRMA_URL=ORIGIN,
        )
        irma.init_app(app)

        @app.get("/")
        def home() -> ResponseReturnValue:
            return "a page"

        @app.get("/who")
        def who() -> ResponseReturnValue:
            return jsonify(email=session.get("email"))

        return wsgi(app)
