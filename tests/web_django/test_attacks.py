"""Attacks on the login through the adapter; each test is named after its attack."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import override_settings

from irma_testing import InMemoryServer
from irma_transport import SystemClock
from irma_web_django import signals, views
from tests.web_django.shop import Visitor, code, settings_for


@pytest.fixture
def eve(shop: None, irma_server: InMemoryServer) -> Visitor:
    """An attacker, with a browser and an app of her own."""
    return Visitor(irma_server, "eve@example.com", "No")


def test_login_csrf(ada: Visitor, eve: Visitor) -> None:
    """Eve cannot log Ada's browser in as Eve: her handle needs her own browser's cookie."""
    started = eve.start("login")
    eve.app.accept(started["sessionPtr"])
    ada.start("login")
    assert code(ada.finish("login", started)) == "other_browser"
    assert ada.user is None
    assert eve.finish("login", started).status_code == 200


def test_a_stolen_handle(ada: Visitor, eve: Visitor) -> None:
    """Eve cannot use a handle that she stole from Ada's page, before or after Ada."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    assert code(eve.finish("login", started)) == "no_cookie"
    eve.start("login")
    assert code(eve.finish("login", started)) == "other_browser"
    assert ada.finish("login", started).status_code == 200
    assert code(eve.finish("login", started)) == "other_browser"
    assert eve.user is None
    assert ada.user is not None


def test_a_mix_up_of_two_logins(ada: Visitor, eve: Visitor) -> None:
    """Of two logins at the same time, each ends in the browser that started it."""
    of_ada, of_eve = ada.start("login"), eve.start("login")
    eve.app.accept(of_eve["sessionPtr"])
    ada.app.accept(of_ada["sessionPtr"])
    assert ada.finish("login", of_ada).status_code == 200
    assert eve.finish("login", of_eve).status_code == 200
    assert ada.user != eve.user


def test_a_forged_handle(eve: Visitor) -> None:
    """A handle with any change is refused."""
    started = eve.start("login")
    eve.app.accept(started["sessionPtr"])
    handle = started["handle"]
    for at in (0, len(handle) // 2, len(handle) - 1):
        changed = handle[:at] + ("A" if handle[at] != "A" else "B") + handle[at + 1 :]
        assert code(eve.finish("login", {"handle": changed})) == "handle_invalid"
    assert eve.user is None


def test_a_handle_of_another_question(ada: Visitor) -> None:
    """A proof of age is not a login, and a login is not a proof of age."""
    started = ada.start("adult")
    ada.app.accept(started["sessionPtr"])
    assert code(ada.finish("login", started)) == "handle_invalid"
    assert ada.user is None
    assert ada.finish("adult", started).status_code == 200


def test_a_replayed_finish_after_a_logout(ada: Visitor) -> None:
    """A finish that is repeated after the logout does not log the person in again."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    ada.finish("login", started)
    ada.browser.session.flush()  # as Django's logout does
    del ada.browser.cookies["sessionid"]
    assert ada.finish("login", started).status_code == 200
    assert "sessionid" not in ada.browser.cookies


def test_a_finish_before_the_answer(ada: Visitor) -> None:
    """A finish that comes too early is refused, and a later one works."""
    started = ada.start("login")
    assert code(ada.finish("login", started)) == "not_finished"
    ada.app.accept(started["sessionPtr"])
    assert ada.finish("login", started).status_code == 200


def test_session_fixation(ada: Visitor, eve: Visitor) -> None:
    """The login changes the key of Django's session, so a key that Eve planted is useless."""
    eve.get("/")
    planted = eve.browser.session
    planted["planted"] = True
    planted.save()
    ada.browser.cookies["sessionid"] = str(planted.session_key)
    ada.prove("login")
    assert ada.user is not None
    assert ada.browser.cookies["sessionid"].value != planted.session_key
    assert eve.user is None


def test_the_browser_cannot_change_the_request(eve: Visitor) -> None:
    """Nothing that the browser sends changes what is asked."""
    body = {"disclose": [[["pbdf.x.y.z"]]], "request": {}, "page": "/", "name": "adult"}
    response = eve.post("start", "login", body)
    started = json.loads(response.content)
    scanned = eve.app.scan(started["sessionPtr"])
    assert "pbdf.sidn-pbdf.email.email" in str(scanned.request)
    assert "pbdf.x.y.z" not in str(scanned.request)


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https://shop.example@evil.example/",
        "http://shop.example/",
    ],
)
def test_an_open_redirect(ada: Visitor, next_url: str) -> None:
    """The page is never sent to another site."""
    assert json.loads(ada.prove("adult", next=next_url).content) == {"next": None}


def test_another_site(eve: Visitor) -> None:
    """A page of another site cannot make a browser start or finish a session."""
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        eve.headers = headers
        for step in ("start", "finish", "status", "cancel"):
            assert code(eve.post(step, "login", {})) == "other_site"


def test_no_secret_reaches_the_browser(ada: Visitor, events: list[tuple[str, Any]]) -> None:
    """No reply has the requestor token, and the session's cookie is `HttpOnly`."""
    started = ada.start("login")
    cookie = ada.browser.cookies["__Host-irma"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    ada.app.accept(started["sessionPtr"])
    response = ada.finish("login", started)
    token = dict(events)["answered"]["answer"].token.reveal()
    shown = f"{started} {response.content!r} {response.headers} {ada.browser.cookies}"
    assert len(token) == 20
    assert token not in shown


def test_many_finishes_at_once(database: Path, logins: list[User]) -> None:
    """Parallel finishes log a person in once, and all of them join the same session."""
    server = InMemoryServer(clock=SystemClock())  # waiting calls wait in real time

    def finish(_: int) -> tuple[int, str]:
        same = Visitor(server)
        same.browser.cookies.load(cookies)
        try:
            response = same.finish("login", started)
        finally:
            connections.close_all()
        return response.status_code, same.browser.cookies["sessionid"].value

    with override_settings(IRMA=settings_for(server)), ThreadPoolExecutor(8) as threads:
        ada = Visitor(server)
        started = ada.start("login")
        ada.app.accept(started["sessionPtr"])
        cookies = {name: each.value for name, each in ada.browser.cookies.items()}
        outcomes = set(threads.map(finish, range(8)))
    assert [status for status, _ in outcomes] == [200]
    assert len(logins) == 1


def test_calls_wait_for_their_turn(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ASGI has a thread for each call, so only a limited number runs at once, and others wait."""
    monkeypatch.setattr(views, "_turns", threading.BoundedSemaphore(2))
    server = InMemoryServer(clock=SystemClock())
    lock, running, counts = threading.Lock(), [0], list[int]()

    def starting(**_: Any) -> None:
        with lock:
            running[0] += 1
            counts.append(running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1

    def start(_: int) -> int:
        try:
            return Visitor(server).post("start", "login", b"{}").status_code
        finally:
            connections.close_all()

    signals.started.connect(starting)
    try:
        with override_settings(IRMA=settings_for(server)), ThreadPoolExecutor(6) as threads:
            statuses = set(threads.map(start, range(6)))
    finally:
        signals.started.disconnect(starting)
    assert statuses == {200}
    assert len(counts) == 6
    assert max(counts) <= 2


def test_ten_tabs(ada: Visitor) -> None:
    """Ten tabs of one browser work at once, in any order, across a login."""
    tabs = [ada.start("adult" if number % 2 else "login") for number in range(10)]
    for started in reversed(tabs):
        ada.app.accept(started["sessionPtr"])
    for number, started in reversed(list(enumerate(tabs))):
        assert ada.finish("adult" if number % 2 else "login", started).status_code == 200
    assert ada.user is not None
    assert ada.get("/beers/").status_code == 200
