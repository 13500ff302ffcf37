"""A callback whose function fails, and a store that fails, in Flask and in Starlette.

The caller gets an error, and the log says why. The suite searches the log and the local variables
of logged errors for secrets: the post is a signed result, sent to a sealed URL.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.testclient import TestClient

import irma_web_flask
import irma_web_starlette
from irma_backend import SqliteStore
from irma_core import DisclosureRequest, Question, Risk, SessionOutcome, new_sealing_key
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, SimulatedApp

SITE = "https://shop.example"
EMAIL = "pbdf.sidn-pbdf.email.email"
QUESTIONS: Any = {"order": Question(DisclosureRequest({"email": EMAIL}), has_callback=True)}
Post = Callable[[str, dict[str, str], bytes | None], tuple[int, Any]]


def record(outcome: SessionOutcome) -> None:
    """Fail as an application's function would."""
    raise LookupError(f"no order for {outcome.status.value}")


@contextmanager
def flask_site(server: InMemoryServer, folder: Path) -> Generator[Post]:
    """A Flask application, and a function that posts to it."""
    app = Flask("shop", instance_path=str(folder))
    app.config.update(
        SECRET_KEY="a-secret-key-of-forty-characters-or-more",
        IRMA_SERVER=server.url,
        IRMA_SERVER_KEY=server.public_key_pem,
        IRMA_CONNECT={"transport": server.transport(), "allow": {Risk.SIMULATED_PROOFS}},
        IRMA_URL=SITE,
    )
    irma_web_flask.Irma(app, questions=QUESTIONS, deliver=record)
    client = app.test_client()

    def post(path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, Any]:
        reply = client.post(path, base_url=SITE, headers=headers, data=body)
        return reply.status_code, reply.get_json(silent=True)

    yield post


@contextmanager
def starlette_site(server: InMemoryServer, folder: Path) -> Generator[Post]:
    """A Starlette application, and a function that posts to it."""
    irma = irma_web_starlette.Irma(
        server.url,
        questions=QUESTIONS,
        deliver=record,
        keys=[new_sealing_key()],
        store=f"sqlite:{folder / 'irma.db'}",
        url=SITE,
        transport=server.async_transport(),
        server_key=server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )
    app = Starlette(routes=irma.routes, lifespan=irma.lifespan)
    app.add_middleware(SessionMiddleware, secret_key="a-secret", https_only=True)
    # The client logs each URL, as a browser's developer tools would.
    logging.getLogger("httpx2").disabled = True
    with TestClient(app, base_url=SITE) as client:

        def post(path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, Any]:
            reply = client.post(path, headers=headers, content=body)
            return reply.status_code, reply.json() if reply.content else None

        yield post
    logging.getLogger("httpx2").disabled = False


@pytest.mark.parametrize("site", [flask_site, starlette_site], ids=["flask", "starlette"])
def test_failing_callback_is_logged_without_its_post(
    site: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server gets a 500, and the log has the application's own frame and no part of the URL."""
    server = InMemoryServer()
    person = SimulatedApp(server)
    person.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    statuses: list[int] = []
    with site(server, tmp_path) as post:

        def deliver(request: HttpRequest) -> HttpResponse:
            path = request.url.removeprefix(SITE)
            status, _ = post(path, {"content-type": "text/plain"}, request.body)
            statuses.append(status)
            return HttpResponse(status)

        server.deliver = deliver
        status, started = post("/irma/start/order", {"content-type": "application/json"}, b"{}")
        assert status == 200
        person.accept(started["sessionPtr"])
    assert statuses == [500]
    assert "LookupError: no order for DONE" in caplog.text
    assert "in record" in caplog.text
    assert "/irma/callback/" not in caplog.text


@pytest.mark.parametrize("site", [flask_site, starlette_site], ids=["flask", "starlette"])
def test_failing_store_is_logged_with_its_error(
    site: Callable[..., Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If a store fails, the page may try again, and the log says what is wrong with the store."""

    def fail(*_: object) -> bool:
        raise OSError("the file system is read-only")

    with site(InMemoryServer(), tmp_path) as post:
        monkeypatch.setattr(SqliteStore, "put_if_absent", fail)
        status, reply = post("/irma/start/order", {"content-type": "application/json"}, b"{}")
    assert (status, reply["error"]["code"]) == (503, "store_unavailable")
    assert "the file system is read-only" in caplog.text
