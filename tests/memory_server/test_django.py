"""Posts of the server reach a Django project through Django's test client.

Django has one configuration in a process, so the project runs in a separate process.
"""

from __future__ import annotations

from pathlib import Path

from tests.pytest_plugin.running import outcome

PROJECT = """
import asyncio

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

import irma_testing
from irma_core.errors import UsageError
from irma_core.interfaces import HttpRequest as Post

POST = Post(
    "POST",
    "https://shop.example/a%20b/?x=1%202",
    label="POST",
    headers=(("content-type", "text/plain; charset=UTF-8"), ("x-one", "1")),
    body=b"body",
)


def show(request: HttpRequest) -> HttpResponse:
    url = request.build_absolute_uri()
    seen = f"{request.method} {url} {request.content_type} {request.headers['x-one']} "
    return HttpResponse(seen.encode() + request.body, status=202, headers={"x-two": "2"})


async def show_async(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return show(request)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"one ", b"two"]))


def fail(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [
    path("a b/", show),
    path("async/a b/", show_async),
    path("stream/", stream),
    path("fail/", fail),
]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="made up")
django.setup()
SEEN = b"POST https://testserver/a%20b/?x=1%202 text/plain 1 body"


def at(path: str) -> Post:
    return Post("POST", f"https://shop.example{path}", label="POST", body=b"")


def test_a_view_sees_the_whole_request() -> None:
    reply = irma_testing.django(Client())(POST)
    assert (reply.status, reply.header("x-two"), reply.body) == (202, "2", SEEN)


def test_an_async_view_is_awaited() -> None:
    deliver = irma_testing.django(AsyncClient())
    assert asyncio.iscoroutinefunction(deliver)
    reply = asyncio.run(deliver(POST))
    assert (reply.status, reply.header("x-two"), reply.body) == (202, "2", SEEN)


def test_a_stream_is_collected() -> None:
    assert irma_testing.django(Client())(at("/stream/")).body == b"one two"


def test_an_error_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        irma_testing.django(Client())(at("/fail/"))


@pytest.mark.parametrize("client", [None, Client, "client"])
def test_what_is_no_client_is_refused(client: object) -> None:
    with pytest.raises(UsageError, match="client: must be Django's test client"):
        irma_testing.django(client)
"""


def test_django_gets_the_posts(tmp_path: Path) -> None:
    """Views of all kinds receive the complete post, and the server receives the complete reply."""
    (tmp_path / "test_project.py").write_text(PROJECT, encoding="utf-8")
    assert outcome(tmp_path) == "7 passed"
