"""The page on personal data states the storage times that the library uses."""

from __future__ import annotations

import re
from datetime import timedelta

from irma_core import Question
from irma_testing import ManualClock
from tests.docs.pages import ROOT
from tests.flows.shop import AGE, Shop
from tests.memory_stores import memory_store
from tests.web.site import Site

PAGE = (ROOT / "docs" / "explanation" / "personal-data.md").read_text(encoding="utf-8")
WHAT = {
    "irma-web:H:0": "a slot",
    "irma-web:H:0:handle": "the handle of a slot",
    "irma-web:H:0:evicted:H": "the record that a slot was taken over",
    "irma-web:login:H:claim": "the lock that keeps a login from running twice",
    "irma-web:login:H": "the outcome of a login, sealed",
    "irma-kept-callback:N": "a kept callback, sealed; not with Django",
    "irma-callback:H": "a delivered callback",
    "irma-callback-url:H:first": "which session's result was first posted to a callback URL",
    "irma-next:H": "what follows a session in a chain",
    "irma-next-url:H": "which session's result was first posted to a chain's URL",
}
"""The rows of the page's table by the store's keys, with H for a hash and N for a number."""
UNITS = {"minute": 60, "minutes": 60, "hour": 3600, "days": 86400}


class NotedStore:
    """A store in memory that notes the lifetime of each entry."""

    def __init__(self, clock: ManualClock) -> None:
        self._store = memory_store(clock)
        self.noted: dict[str, set[timedelta]] = {}

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Note the lifetime, and put the value."""
        name = re.sub(r"[0-9a-f]{64}|[A-Za-z0-9_-]{43}", "H", key)
        name = re.sub(r"(?<=kept-callback:)\d+", "N", name)
        self.noted.setdefault(name, set()).add(lifetime)
        return self._store.put_if_absent(key, value, lifetime)

    def get(self, key: str) -> bytes | None:
        """Return a value."""
        return self._store.get(key)

    def delete(self, key: str) -> None:
        """Delete a key."""
        self._store.delete(key)

    def close(self) -> None:
        """Do nothing."""


def time_of(what: str) -> timedelta:
    """Return the first duration in the last column of a row."""
    (row,) = re.findall(rf"^\| {re.escape(what)} \|.*$", PAGE, re.MULTILINE)
    time = r"(\d+) (minutes?|hour|days)"
    first = re.search(rf"{time}(?: and {time})?", row.split("|")[-2])
    assert first is not None
    parts = re.findall(time, first[0])
    return timedelta(seconds=sum(int(number) * UNITS[unit] for number, unit in parts))


def test_the_page_lists_every_stored_entry() -> None:
    """The page lists, with its lifetime, each entry of a login with callbacks and a chain."""
    clock = ManualClock()
    store = NotedStore(clock)
    shop = Shop("sync", store=store, clock=clock, keeps=True)
    question = Question(AGE, has_callback=True, has_next_session=True)
    site = Site(
        "sync",
        server=shop.server,
        questions={"adult": question},
        store=store,
        callbacks=shop.receiver,
        next_sessions=shop.nexts,
        sessions_per_browser=1,
    )
    browser = site.browser()
    browser.start("adult")
    assert browser.finish(browser.started("adult"), "adult").status == 200
    # The claims on callbacks live for a minute, as the page's row about them says.
    noted = store.noted
    claims = [noted.pop(key) for key in list(noted) if re.fullmatch(r"irma-(?!web).*:claim", key)]
    assert {each for claim in claims for each in claim} == {timedelta(minutes=1)}
    assert {key: {time_of(WHAT[key])} for key in noted} == noted
    assert noted.keys() == WHAT.keys()
    assert "Max-Age=31536000" in browser.set_cookies[0]
