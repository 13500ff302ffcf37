"""One call logs a test client of each framework in, as a browser and an app would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask, jsonify
from flask import request as flask_request
from starlette.testclient import TestClient

from docs.examples.any_framework.irma_wsgi import IrmaPages
from irma_core.errors import UsageError
from irma_testing import AppError, InMemoryServer, asgi
from irma_testing.contracts.web_site import WebSite
from irma_testing.logging_in import AsyncLogin, Login
from irma_testing.people import make_person
from tests.pytest_plugin.running import outcome
from tests.web_contract.test_web_adapters import LOGIN_COOKIE, AsgiPages, People


@pytest.fixture
def site() -> WebSite:
    return WebSite("/irma")


@pytest.fixture
def flask_client(site: WebSite) -> Any:
    parts, people = site.parts(), People(site)
    app = Flask("shop")

    @app.get("/who")
    def who() -> Any:
        key = flask_request.cookies.get(LOGIN_COOKIE, "")
        return jsonify(email=people.email(key))

    app.wsgi_app = IrmaPages(  # type: ignore[method-assign]
        app.wsgi_app, parts.sessions, people.log_in, people.cookie
    )
    return app.test_client()


@pytest.fixture
def starlette_client(site: WebSite) -> Any:
    return TestClient(AsgiPages(site, "/irma"), base_url="https://testserver")


@pytest.fixture(params=["flask_client", "starlette_client"])
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def user(client: Any) -> Any:
    """Return the person who is logged in, as the application says."""
    response = client.get("/who")
    return (response.json if isinstance(response.json, dict) else response.json())["email"]


def test_a_client_is_logged_in(site: WebSite, client: Any) -> None:
    """After the call, the client has the cookies of a person who is logged in."""
    assert user(client) is None
    assert Login(site.server)(client) is None
    assert user(client) == "ada@example.com"


def test_the_person_may_have_another_address(site: WebSite, client: Any) -> None:
    """A test can log in an adult with another e-mail address."""
    Login(site.server)(client, email="bob@example.com")
    assert user(client) == "bob@example.com"


def test_the_next_url_is_returned(site: WebSite, client: Any) -> None:
    """The call returns the page's next URL, which the website has checked."""
    login = Login(site.server)
    assert login(client, next_url="/account/") == "/account/"
    assert login(client, next_url="//evil.example") is None


def test_a_minor_is_refused(site: WebSite, client: Any) -> None:
    """A person without the requested attribute causes an error with the code of the reply."""
    minor = make_person(site.server, "minor")
    with pytest.raises(AppError, match="finish: 403 cancelled") as caught:
        Login(site.server)(client, "adult", person=minor)
    assert caught.value.code == "cancelled"
    assert user(client) is None


def test_an_unknown_question_is_an_error(site: WebSite, client: Any) -> None:
    """The error for an unknown question names the step that failed, and the code."""
    with pytest.raises(AppError, match="start: 404 unknown_question"):
        Login(site.server)(client, "no-such-question")


def test_another_page_is_an_error(site: WebSite, flask_client: Any) -> None:
    """A reply from another page, such as the framework's own 404, is an error."""
    with pytest.raises(AppError, match="start: the status is 404"):
        Login(site.server)(flask_client, prefix="/elsewhere")


async def test_an_asynchronous_client_is_logged_in(site: WebSite) -> None:
    """An asynchronous client is logged in by an awaited call, with callbacks on its own loop."""
    app = AsgiPages(site, "/irma")
    site.server.deliver = asgi(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        assert await AsyncLogin(site.server)(client, "order", next_url="/orders/") == "/orders/"
        who = await client.get("https://shop.example/who")
    assert who.json() == {"email": "ada@example.com"}
    assert site.ended == ["order-17 ada@example.com"]


async def test_the_two_modes_are_told_apart(site: WebSite, flask_client: Any) -> None:
    """A client of the other mode is refused, and the error names the right call."""
    app = httpx.ASGITransport(AsgiPages(site, "/irma"))
    async with httpx.AsyncClient(transport=app, base_url="https://testserver") as client:
        with pytest.raises(UsageError, match="await irma_async_login"):
            Login(site.server)(client)
    with pytest.raises(UsageError, match="call irma_login"):
        await AsyncLogin(site.server)(flask_client)


@pytest.mark.parametrize("client", [None, "client", httpx.Client()], ids=["None", "text", "bare"])
def test_an_invalid_client_is_refused(client: Any) -> None:
    """A client is refused if it cannot post, or has no URL to post to."""
    with pytest.raises(UsageError, match="client: must be a test client"):
        Login(InMemoryServer())(client)


def test_a_person_and_an_address_exclude_each_other(site: WebSite, client: Any) -> None:
    """A person and an address cannot be passed together."""
    with pytest.raises(UsageError, match="email: must be left out"):
        Login(site.server)(client, person=make_person(site.server), email="ada@example.com")


DJANGO = """
import asyncio
import json

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import path
from irma_core import WebRequest
from irma_testing import AppError
from irma_testing.contracts.web_site import WebSite
from irma_testing.logging_in import AsyncLogin, Login

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["testserver"],
    SECRET_KEY="made up",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()
site = WebSite("/irma")
sessions = site.parts().sessions


def irma(request: HttpRequest, step: str, name: str) -> HttpResponse:
    web = WebRequest(
        request.method, request.build_absolute_uri(), request.headers.items(), request.body
    )
    if step == "finish":
        finished = sessions.finish(name, web, site.login)
        if finished.succeeded:
            request.session["email"] = finished.value
        reply = finished.reply
    else:
        reply = getattr(sessions, step)(name, web)
    response = HttpResponse(reply.body, status=reply.status)
    for header, value in reply.headers:
        if header == "set-cookie":
            response.cookies.load(value)  # the test client looks nowhere else
        else:
            response.headers[header] = value
    return response


def who(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"email": request.session.get("email")})


urlpatterns = [path("irma/<step>/<name>", irma), path("who", who)]


def test_a_client_is_logged_in() -> None:
    client = Client()
    Login(site.server)(client, email="ada@example.com")
    assert client.get("/who").json() == {"email": "ada@example.com"}


def test_an_asynchronous_client_is_logged_in() -> None:
    async def log_in() -> object:
        client = AsyncClient()
        await AsyncLogin(site.server)(client, email="bob@example.com")
        return (await client.get("/who")).json()

    assert asyncio.run(log_in()) == {"email": "bob@example.com"}


def test_an_error_has_its_code() -> None:
    with pytest.raises(AppError) as caught:
        Login(site.server)(Client(), "nothing")
    assert caught.value.code == "unknown_question"
"""


def test_clients_of_django_are_logged_in(tmp_path: Path) -> None:
    """Django's two clients are logged in, with a session of Django's own."""
    (tmp_path / "test_project.py").write_text(DJANGO, encoding="utf-8")
    assert outcome(tmp_path) == "3 passed"
