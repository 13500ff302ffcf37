"""The login of a session runs once: under parallel calls, after failures, and after a crash."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from irma_core import Finished, LoginRefusedError, NobodyAnsweredError, WebAnswer
from irma_core.errors import NullAttributeError, OtherPersonError
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from tests.modes import MODES
from tests.web.site import Site

PARALLEL = 3


class Died(BaseException):
    """Represents the end of the process."""


def test_parallel_finishes_in_threads() -> None:
    """One of the parallel calls in threads runs the login, and all of them succeed."""
    site = Site("sync", server=InMemoryServer(clock=SystemClock()))
    inside = threading.Barrier(PARALLEL)
    browser = site.browser()
    for _ in range(10):
        site.logins.clear()
        request = browser.request("finish/login", {"handle": browser.started()})

        def finish(_: int, request: Any = request) -> Finished:
            inside.wait()
            made: Finished = site.sessions.finish("login", request, site.complete)
            return made

        with ThreadPoolExecutor(PARALLEL) as pool:
            finished = list(pool.map(finish, range(PARALLEL)))
        assert [each.reply.status for each in finished] == [200] * PARALLEL
        assert [each.value for each in finished] == ["session-1"] * PARALLEL
        assert sorted(each.is_repeat for each in finished) == [False, True, True]
        assert len(site.logins) == 1


def test_parallel_finishes_in_tasks() -> None:
    """One of the parallel calls in tasks runs the login, and all of them succeed."""
    site = Site("async", server=InMemoryServer(clock=SystemClock()))
    browser = site.browser()
    for _ in range(10):
        site.logins.clear()
        request = browser.request("finish/login", {"handle": browser.started()})

        async def all_of_them(request: Any = request) -> list[Finished]:
            calls = [site.sessions.finish("login", request, site.complete) for _ in range(PARALLEL)]
            return list(await asyncio.gather(*calls))

        finished = asyncio.run(all_of_them())
        assert [each.reply.status for each in finished] == [200] * PARALLEL
        assert [each.value for each in finished] == ["session-1"] * PARALLEL
        assert sorted(each.is_repeat for each in finished) == [False, True, True]
        assert len(site.logins) == 1


@MODES
def test_a_process_that_dies_in_the_login(site: Site) -> None:
    """If the process ends during the login, the login does not run again, and may have worked."""

    def die(_web: WebAnswer) -> None:
        raise Died

    browser = site.browser()
    handle = browser.started()
    site.on_login = die
    with pytest.raises(Died):
        browser.finish(handle)
    soon = browser.finish(handle)
    assert (soon.status, soon.code, soon.again) == (409, "busy", "finish")
    site.server.pass_time(timedelta(seconds=30))
    for _ in range(2):
        late = browser.finish(handle)
        assert (late.status, late.code, late.again) == (409, "interrupted", "start")
    assert not site.logins


@MODES
def test_an_application_that_raises(site: Site) -> None:
    """If a login raises, the caller receives the error, and a repeat runs the login again."""
    error = OSError("the database is down")

    def fail(_web: WebAnswer) -> None:
        raise error

    browser = site.browser()
    handle = browser.started()
    site.on_login = fail
    finish = browser.finish(handle)
    assert (finish.status, finish.code, finish.again) == (500, "failed", "finish")
    assert finish.finished.error is error
    assert finish.finished.web_answer is None
    site.on_login = lambda _web: None
    again = browser.finish(handle)
    assert (again.status, again.finished.is_repeat) == (200, False)
    assert len(site.logins) == 1


@MODES
@pytest.mark.parametrize(
    ("error", "status", "code", "again"),
    [
        (LoginRefusedError(), 403, "login_refused", "start"),
        (OtherPersonError(), 403, "other_person", None),
        (NullAttributeError("x"), 403, "value_missing", "start"),
        (NobodyAnsweredError("x"), 403, "other_answer", "start"),
        (KeyError("email"), 500, "failed", "finish"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_of_a_login_has_its_own_code(
    site: Site, error: Exception, status: int, code: str, again: str | None
) -> None:
    """The error of a login that refuses a person or reads a missing value has its own code."""

    def refuse(_web: WebAnswer) -> None:
        raise error

    browser = site.browser()
    handle = browser.started()
    site.on_login = refuse
    finish = browser.finish(handle)
    assert (finish.status, finish.code, finish.again) == (status, code, again)
    assert finish.finished.error is error


@MODES
def test_a_refusal_in_the_application_s_words(site: Site) -> None:
    """If the application refuses a person with a sentence, the page shows that sentence."""

    def refuse(_web: WebAnswer) -> None:
        raise LoginRefusedError("Members only, \ud800 sorry.")

    browser = site.browser()
    handle = browser.started()
    site.on_login = refuse
    finish = browser.finish(handle)
    assert finish.json["error"]["message"] == "Members only, ? sorry."


@MODES
@pytest.mark.parametrize(
    "value",
    [object(), b"x", {"x": object()}, float("nan"), "x" * 4095, {1, 2}, "\ud800"],
    ids=lambda value: repr(value)[:12],
)
def test_a_login_must_return_small_json(site: Site, value: Any) -> None:
    """A login that returns anything but small JSON is a misconfiguration for the page."""
    browser = site.browser()
    handle = browser.started()
    site.on_login = lambda _web: value
    finish = browser.finish(handle)
    assert (finish.status, finish.code, finish.again) == (500, "misconfigured", None)
    assert "complete" in str(finish.finished.error)
    assert finish.finished.value is None


@MODES
@pytest.mark.parametrize("value", [0, "", [], {}, False, "x" * 4094, {"a": [1, None, "\u20ac"]}])
def test_a_repeat_returns_the_same_json(site: Site, value: Any) -> None:
    """A repeat has the same JSON value as the first call."""
    browser = site.browser()
    handle = browser.started()
    site.on_login = lambda _web: value
    assert browser.finish(handle).finished.value == value
    again = browser.finish(handle)
    assert (again.finished.value, again.finished.is_repeat) == (value, True)


def test_an_async_login_that_takes_too_long_is_cancelled() -> None:
    """If an async login takes too long, it is cancelled, and the page may repeat the call."""
    site = Site("async", requestor={"timeout": timedelta(milliseconds=20)})
    browser = site.browser()
    handle = browser.started()

    async def hang(_web: WebAnswer) -> None:
        await asyncio.sleep(3600)

    finish = browser.finish(handle, complete=hang)
    assert (finish.status, finish.again) == (503, "finish")
    assert browser.finish(handle, complete=lambda _web: None).status == 200


def test_an_async_login_in_sync_mode_is_refused() -> None:
    """An async function is refused at once, and a returned awaitable is a misconfiguration."""
    site = Site("sync")
    browser = site.browser()
    handle = browser.started()

    async def login(_web: WebAnswer) -> None: ...

    with pytest.raises(ValueError, match="complete"):
        browser.finish(handle, complete=login)

    def start_login(web: WebAnswer) -> Any:
        return login(web)

    assert browser.finish(handle, complete=start_login).code == "misconfigured"
    assert browser.finish(handle).status == 200


def test_a_cancelled_task_leaves_its_claim() -> None:
    """A login that was cancelled halfway may have had an effect, so it does not run again."""
    site = Site("async")
    browser = site.browser()
    handle = browser.started()
    request = browser.request("finish/login", {"handle": handle})

    async def cancelled() -> None:
        entered = asyncio.Event()

        async def hang(_web: WebAnswer) -> None:
            entered.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(site.sessions.finish("login", request, hang))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    site.server.pass_time(timedelta(seconds=30))
    assert browser.finish(handle).code == "interrupted"


@MODES
def test_a_finish_is_answered_by_any_process(mode: str) -> None:
    """Another process with the same keys and store gives the same replies."""
    first = Site(mode, keys=(keys := ["RjB7cM6hGZ9uQhR0xQJ2C1oG3pTqk8sWv5yA4nLxKdE="]))
    second = Site(mode, keys=keys, store=first.store, server=first.server)
    browser = first.browser()
    handle = browser.started()
    assert browser.finish(handle).status == 200
    other = second.browser()
    other.cookie = browser.cookie
    again = other.finish(handle)
    assert (again.status, again.finished.is_repeat) == (200, True)
    assert not second.logins
