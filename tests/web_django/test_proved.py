"""`@proved`: views for visitors who have a recent enough proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import AsyncClient

from irma_core.errors import ConfigurationError, UsageError
from irma_testing import InMemoryServer, ManualClock
from irma_web_django import proved
from irma_web_django.proof_sessions import proof_of
from tests.web_django.shop import OVER_18, Visitor, code


def pass_time(server: InMemoryServer, duration: timedelta) -> None:
    """Move the clock of the server and the site."""
    assert isinstance(server.clock, ManualClock)
    server.clock.advance(duration)


def test_a_visitor_is_asked_first(ada: Visitor) -> None:
    """Without a proof, the visitor is redirected to a page that asks for it and leads back."""
    response = ada.get("/wines/1990/?red")
    assert response.status_code == 302
    assert response["Location"] == "/irma/ask/adult/?next=%2Fwines%2F1990%2F%3Fred"
    page = ada.get(response["Location"]).content.decode()
    assert '"next":"/wines/1990/?red"' in page.replace(" ", "")
    ada.prove("adult")
    assert ada.get("/wines/1990/?red").content.startswith(b"1990 Yes 20")


def test_a_proof_becomes_too_old(ada: Visitor, irma_server: InMemoryServer) -> None:
    """After the maximum age, the visitor is asked again, and then a new proof counts."""
    ada.prove("adult")
    pass_time(irma_server, timedelta(minutes=59))
    assert ada.get("/wines/1990/").status_code == 200
    pass_time(irma_server, timedelta(minutes=1))
    assert ada.get("/wines/1990/").status_code == 302
    assert ada.get("/beers/").status_code == 200
    ada.prove("adult")
    assert ada.get("/wines/1990/").status_code == 200


@pytest.mark.parametrize("path", ["/beers/", "/ciders/"])
def test_class_views_are_guarded(ada: Visitor, path: str) -> None:
    """A class-based view, with or without async methods, is guarded like a function."""
    assert ada.get(path).status_code == 302
    ada.prove("adult")
    assert ada.get(path).content == b"Yes"


async def test_async_views_are_guarded(shop: None, irma_server: InMemoryServer) -> None:
    """An async view requires all proofs that its decorators demand, also under ASGI."""
    from asgiref.sync import sync_to_async  # noqa: PLC0415

    ada = await sync_to_async(Visitor)(irma_server)
    client = AsyncClient(headers={"host": "shop.example"})
    client.cookies = ada.browser.cookies

    async def page() -> Any:
        return await client.get("/spirits/", secure=True)

    assert (await page())["Location"].startswith("/irma/ask/login/")
    await sync_to_async(ada.prove)("login")
    assert (await page())["Location"].startswith("/irma/ask/adult/")
    await sync_to_async(ada.prove)("adult")
    assert (await page()).content == b"adult login"


def test_a_minor_is_refused(shop: None, irma_server: InMemoryServer) -> None:
    """A visitor whose attribute has another value gets no proof, whatever the app sends."""
    tim = Visitor(irma_server, over_18="No")
    started = tim.start("adult")
    tim.app.scan(started["sessionPtr"]).cheat(values={OVER_18: "No"})
    response = tim.finish("adult", started)
    assert response.status_code == 403
    assert tim.get("/beers/").status_code == 302


def test_a_proof_does_not_count_for_another_question(ada: Visitor) -> None:
    """A login does not count as a proof for another question."""
    ada.prove("login")
    assert ada.get("/beers/").status_code == 302


def test_proofs_end_with_the_session(ada: Visitor) -> None:
    """A logout deletes all proofs."""
    ada.prove("login")
    ada.prove("adult")
    assert ada.get("/beers/").status_code == 200
    ada.browser.logout()
    assert ada.get("/beers/").status_code == 302


def test_a_proof_survives_the_login(ada: Visitor) -> None:
    """A visitor's proof survives a later login."""
    ada.prove("adult")
    ada.prove("login")
    assert ada.get("/beers/").status_code == 200


def test_the_database_cannot_read_a_proof(ada: Visitor) -> None:
    """The session's row in the database shows no attribute value."""
    ada.prove("login")
    kept = Session.objects.get().get_decoded()
    assert "irma_proofs" in kept
    assert "ada@" not in str(kept)


def test_a_proof_of_another_session_does_not_count(
    ada: Visitor, irma_server: InMemoryServer
) -> None:
    """A visitor's proof does not count in the session of another visitor."""
    bob = Visitor(irma_server, "bob@example.com")
    ada.prove("adult")
    assert bob.get("/beers/").status_code == 302


def test_proofs_are_kept_side_by_side(ada: Visitor) -> None:
    """If another tab changes the session at the same time, the session keeps both proofs."""
    first, second = ada.start("adult"), ada.start("login")
    for started in (first, second):
        ada.app.accept(started["sessionPtr"])
    ada.finish("login", second)
    ada.finish("adult", first)
    request: Any = type("Request", (), {"session": ada.browser.session})()
    assert {name for name in ("adult", "login") if proof_of(request, name)} == {"adult", "login"}


def test_a_misspelt_question_is_explained(ada: Visitor) -> None:
    """A view that demands an unknown question fails, and the error suggests the nearest name."""
    ada.browser.raise_request_exception = True
    with pytest.raises(ConfigurationError, match="did you mean 'adult'"):
        ada.get("/misspelt/")


@pytest.mark.parametrize("name", [None, "", ["adult"], b"adult"])
def test_the_name_of_a_question_must_be_a_string(name: Any) -> None:
    """A name that is not a string is refused when the view is decorated."""
    with pytest.raises(UsageError, match="name"):
        proved(name)


@pytest.mark.parametrize("max_age", [3600, "1h", timedelta(0), -timedelta(1)])
def test_a_maximum_age_must_be_a_duration(max_age: Any) -> None:
    """A number of seconds, a string or None is refused when the view is decorated."""
    with pytest.raises(ConfigurationError, match="max_age"):
        proved("adult", max_age=max_age)


def test_only_views_can_be_decorated() -> None:
    """A class that is not a view is refused at once."""
    with pytest.raises(ConfigurationError, match="View"):
        proved("adult")(dict)


def test_the_page_asks_for_known_questions_only(ada: Visitor) -> None:
    """The page that asks leads only to pages of this site, and exists only for known questions."""
    assert ada.get("/irma/ask/nothing/").status_code == 404
    assert ada.post("ask", "adult/", {}).status_code == 405
    page = ada.get("/irma/ask/adult/?next=https://evil.example/").content.decode()
    assert "evil.example" not in page


def test_a_wrong_name_is_refused(ada: Visitor) -> None:
    """A page cannot start a session for a question that the site has not named."""
    assert code(ada.post("start", "everything", {})) == "unknown_question"
    assert code(ada.post("start", "a/b/../%00", {})) == "unknown_question"
