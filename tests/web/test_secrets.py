"""No cookie, handle, token, reference or value is in a reply, a `repr`, an error or a store's key.

The search of the whole suite (`tests/secret_watch.py`) looks at logs, errors and tracebacks. These
tests search the values that this part returns and stores.
"""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from irma_core import Question, WebAnswer
from irma_testing import InMemoryServer
from tests.modes import MODES
from tests.web.site import QUESTIONS, Site
from tests.web.stores import FailingStore, failing_store

REFERENCE = "order-number-of-Ada-17"


class RecordingSite:
    """A website whose store shows its entries."""

    def __init__(self, mode: str) -> None:
        self.stored: list[tuple[str, bytes]] = []
        server = InMemoryServer()
        store, given = failing_store(mode, server.clock)
        self.store: FailingStore = store
        put = store.put_if_absent

        def recording_put(key: str, value: bytes, lifetime: Any) -> bool:
            self.stored.append((key, value))
            return put(key, value, lifetime)

        store.put_if_absent = recording_put  # type: ignore[method-assign]
        questions = {"login": Question(QUESTIONS["login"], REFERENCE)}
        self.site = Site(mode, server=server, store=given, questions=questions)
        self.site.on_login = lambda _web: "key-of-the-framework's-session"


@MODES
def test_the_store_contains_no_secret(mode: str) -> None:
    """Keys and values in the store hold no cookie, token, reference, answer or outcome."""
    world = RecordingSite(mode)
    browser = world.site.browser()
    reply = browser.start()
    world.site.app.accept(reply.pointer)
    assert browser.finish(reply.handle).status == 200
    token = world.site.logins[0].answer.token.reveal()
    cookie = str(browser.cookie).partition("=")[2]
    client = str(reply.json["sessionPtr"]["u"]).rpartition("/")[2]
    for key, value in world.stored:
        for secret in (cookie, token, client, REFERENCE, "ada@", "framework's", "key-of"):
            assert secret not in key
            assert secret.encode() not in value
        assert reply.handle not in key
    assert len(world.stored) == 4


@MODES
def test_replies_hold_no_secret_of_the_backend(mode: str) -> None:
    """No reply has the requestor token, the reference, the answer or the outcome."""
    world = RecordingSite(mode)
    browser = world.site.browser()
    reply = browser.start()
    world.site.app.accept(reply.pointer)
    finishes = [browser.finish(reply.handle).reply for _ in range(2)]
    token = world.site.logins[0].answer.token.reveal()
    for each in (reply, *finishes, browser.send("status", "login", {"handle": reply.handle})):
        for secret in (token, REFERENCE, "ada@", "framework"):
            assert secret.encode() not in each.response.body
            assert secret not in str(each.response.headers)


@MODES
def test_no_repr_shows_a_secret(mode: str) -> None:
    """The `repr` of each value that an adapter handles has no cookie, handle or reference."""
    world = RecordingSite(mode)
    browser = world.site.browser()
    handle = browser.started()
    request = browser.request("finish/login", {"handle": handle}, native={"secret": REFERENCE})
    finish = browser.finish_with("login", request)
    (login,) = world.site.logins
    printed = " ".join(map(repr, (request, finish.finished, login, world.site.sessions)))
    for secret in (handle, str(browser.cookie), REFERENCE, "ada@", "key-of"):
        assert secret not in printed


class FailingApplication:
    """Represents the application's own failure."""

    def fail(self, web: WebAnswer) -> None:
        """Fail with a local variable of the application's own."""
        of_the_application = web.name
        raise OSError(f"no {of_the_application}")


@MODES
def test_a_crash_report_has_only_the_applications_frames(mode: str) -> None:
    """The traceback of `Finished.error` has the application's frames, and none of the library's."""
    site = Site(mode)
    browser = site.browser()
    handle = browser.started()
    site.on_login = FailingApplication().fail
    error = browser.finish(handle).finished.error
    assert error is not None
    modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert modules[-1] == __name__
    assert not any(module.startswith("irma_core") for module in modules)


@MODES
def test_an_error_of_the_server_has_no_frames(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that the library raised itself shows no frame at all."""
    site = Site(mode)
    browser = site.browser()
    reply = browser.start()
    site.app.refuse(reply.pointer)
    error = browser.finish(reply.handle).finished.error
    assert error is not None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert not any(frame.f_globals["__name__"].startswith("irma_core") for frame in frames)
