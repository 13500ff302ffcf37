"""Callbacks and next sessions: posts of the IRMA server, which needs no CSRF token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import set_script_prefix
from django.utils.translation import override

from irma_core import AttributeRequest, DisclosureRequest, Question, Risk, SessionOutcome
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer
from irma_web_django import irma_site
from tests.web_django.shop import OVER_18, QUESTIONS, Visitor, settings_for

OUTCOMES: list[SessionOutcome] = []
ADULT = DisclosureRequest({"age": AttributeRequest(OVER_18, value="Yes")})


def order(request: Any) -> Question:
    """Ask for the age, with the number of the order as the reference."""
    return Question(ADULT, f"order-{request.native.META['REQUEST_METHOD']}", has_callback=True)


def choose(step: Any) -> DisclosureRequest | None:
    """Ask for the e-mail address of an adult."""
    return None if "email" in step.answer else QUESTIONS["login"]


@pytest.fixture
def posted(shop: None, irma_server: InMemoryServer) -> Iterator[list[int]]:
    """The statuses of the site's replies to the server's posts."""
    statuses: list[int] = []
    client = Client(enforce_csrf_checks=True, headers={"host": "shop.example"})

    def deliver(request: HttpRequest) -> HttpResponse:
        path = request.url.removeprefix("https://shop.example")
        kind = dict(request.headers)["content-type"]
        response: Any = client.post(path, request.body, content_type=kind, secure=True)
        statuses.append(response.status_code)
        return HttpResponse(response.status_code, body=response.content)

    irma_server.deliver = deliver
    settings = settings_for(
        irma_server,
        CONNECT={"transport": irma_server.transport(), "allow": [Risk.SIMULATED_PROOFS]},
        SERVER_KEY=irma_server.public_key_pem,
        URL="https://shop.example",
        CALLBACK=OUTCOMES.append,
        NEXT_SESSION=choose,
        QUESTIONS={
            **QUESTIONS,
            "order": order,
            "chain": Question(ADULT, has_next_session=True),
        },
    )
    OUTCOMES.clear()
    with override_settings(IRMA=settings):
        yield statuses


@pytest.mark.usefixtures("posted")
def test_a_callback_delivers_the_outcome(irma_server: InMemoryServer, posted: list[int]) -> None:
    """The outcome is delivered once, with the reference, whether or not the browser returns."""
    visitor = Visitor(irma_server)
    started = visitor.start("order")
    visitor.app.accept(started["sessionPtr"])
    assert posted == [204]
    assert [outcome.reference for outcome in OUTCOMES] == ["order-POST"]
    assert visitor.finish("order", started).status_code == 200
    assert len(OUTCOMES) == 1


def test_a_next_session_is_chosen(irma_server: InMemoryServer, posted: list[int]) -> None:
    """The site chooses the next session, based on the answer of the first."""
    visitor = Visitor(irma_server)
    started = visitor.start("chain")
    visitor.app.accept(started["sessionPtr"])
    assert posted == [200]


@pytest.mark.parametrize("page", ["callback", "next"])
def test_a_post_to_an_unsealed_url_is_refused(
    irma_server: InMemoryServer, posted: list[int], page: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A URL that the site has not sealed is refused, and so is any method other than POST."""
    client = Client(headers={"host": "shop.example"})
    path = f"/irma/{page}/xyz"
    made_up = client.post(path, b"x", content_type="text/plain", secure=True)
    assert made_up.status_code == 404
    assert client.get(path, secure=True).status_code == 405
    assert OUTCOMES == []
    assert "xyz" not in caplog.text  # the log has no URL, because it may be sealed


@pytest.mark.usefixtures("posted")
@pytest.mark.parametrize("prefix", ["/", "/mounted/here/"])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_each_process_has_the_same_urls(prefix: str, language: str) -> None:
    """Any worker or command accepts a post, regardless of its language and mount point."""
    set_script_prefix(prefix)
    try:
        with override_settings(ROOT_URLCONF="tests.web_django.localized_urls"), override(language):
            urls = irma_site.current_site().posted_urls
    finally:
        set_script_prefix("/")
    assert urls == (
        "https://shop.example/en-us/irma/callback",
        "https://shop.example/en-us/irma/next",
    )


def test_a_site_without_receivers_has_no_pages_for_them(ada: Visitor) -> None:
    """Without the settings for receivers, neither of their pages exists."""
    assert ada.post("callback", "x", {}).status_code == 404
    assert ada.post("next", "x", {}).status_code == 404
    assert irma_site.current_site().callbacks is None
