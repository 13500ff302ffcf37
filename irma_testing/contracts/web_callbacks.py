"""Tests in the contract of web adapters: callbacks that the application failed to handle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import pytest

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.contracts.web_harness import WebHarness

__all__ = ["WebCallbacksMixin"]

_DELIVERED: Final = ["order-17 ada@example.com"]
_WEEK: Final = timedelta(days=7)
_CLAIM: Final = timedelta(minutes=2)
"""How long a callback stays locked if the process that was handling the callback has died."""
_MOST_OF_A_URL: Final = 4
"""How many posts to one URL the receiver keeps if it cannot check them."""


class _Crash(BaseException):
    """Simulates a process that is killed by a signal."""


class WebCallbacksMixin(WebHarness):
    """Tests that each outcome is delivered once, even if the function, store or process fails."""

    def test_a_failing_callback_is_answered_with_an_error(self) -> None:
        """If the callback function fails, the error reply has no body, so it shows no secrets."""
        self._fail()
        reply = self._post_again()
        assert (reply.status, reply.body) == (500, b"")
        assert not self.site.ended

    def test_a_replay_delivers_a_failed_callback_once(self) -> None:
        """If the callback function works again days later, a single replay delivers the outcome."""
        self._fail()
        self.site.pass_time(timedelta(days=3))
        self.site.callback_failure = None
        assert self.replay() == [""]
        assert self.site.ended == _DELIVERED
        assert self.replay() == []
        assert self.site.ended == _DELIVERED

    def test_a_replay_that_fails_keeps_the_callback(self) -> None:
        """A failed replay reports the exception without its message. A later replay can succeed."""
        self._fail()
        [problem] = self.replay()
        assert "ZeroDivisionError" in problem
        assert "made up" not in problem
        self.site.callback_failure = None
        assert self.replay() == [""]
        assert self.site.ended == _DELIVERED

    def test_replays_at_the_same_time_deliver_once(self) -> None:
        """Two simultaneous replays deliver the outcome only once."""
        self._fail()
        self.site.callback_failure = None
        with ThreadPoolExecutor(2) as threads:
            replays = [threads.submit(self.replay) for _ in range(2)]
            for each in replays:
                each.result()
        assert self.site.ended == _DELIVERED

    def test_a_crash_amid_a_replay_loses_nothing(self) -> None:
        """If the process dies during a replay, a later replay delivers the outcome."""
        self._fail()
        self.site.callback_failure = _Crash()
        with pytest.raises(_Crash):
            self.replay()
        self.site.callback_failure = None
        self.site.pass_time(_CLAIM)
        assert self.replay() == [""]
        assert self.site.ended == _DELIVERED

    def test_a_crash_amid_a_callback_loses_nothing(self) -> None:
        """If the process dies while it handles a post, a replay delivers the outcome."""
        self.site.callback_failure = _Crash()
        with pytest.raises(_Crash):
            self._answer()
        self.site.callback_failure = None
        self.site.pass_time(_CLAIM)
        assert self.replay() == [""]
        assert self.site.ended == _DELIVERED

    def test_a_store_that_is_away_for_a_moment_loses_nothing(self) -> None:
        """A post that arrives while the store is down is kept as soon as the store is back."""
        pointer = self.browser().call("start", "order").pointer
        self._take_store_away()
        self.site.person.accept(pointer)
        assert not self.site.ended
        assert self.replay() == [""]
        assert self.site.ended == _DELIVERED

    def test_a_store_that_is_away_after_the_delivery_repeats_nothing(self) -> None:
        """If the store fails right after a delivery, the post is removed once the store is back."""
        self.site.during_callback = self._take_store_away
        self._answer()
        assert self.site.ended == _DELIVERED
        assert self.replay() == []

    def test_a_stranger_with_a_url_has_few_callbacks_kept(self) -> None:
        """For one sealed URL, at most four unchecked posts are kept, whatever their paths."""
        for _ in range(7):
            self._answer()
        first, *others = self.site.server.posted
        path, sealed = first.url.split("/callback/")
        for number, other in enumerate(others):
            self._take_store_away()
            url = f"{path}/callback/{number}/{sealed}"
            self._line.send(
                HttpRequest("POST", url, label="POST", headers=other.headers, body=other.body)
            )
        problems = self.replay()
        assert len(problems) == _MOST_OF_A_URL
        assert all("(session)" in problem for problem in problems)
        assert len(self.site.ended) == len(others) + 1

    def test_a_callback_that_was_lost_is_not_called_delivered(self) -> None:
        """If a kept callback disappears during a replay, the replay reports it as gone."""
        self._fail()
        self.site.pass_time(timedelta(seconds=1))
        self._answer()
        self.site.callback_failure = None
        self.site.during_callback = self.lose_callbacks
        delivered, lost = self.replay()
        assert delivered == ""
        assert "(gone)" in lost
        assert self.site.ended == _DELIVERED

    def test_a_repeat_of_the_server_leaves_nothing_to_replay(self) -> None:
        """If the server repeats its post and the repeat succeeds, a replay delivers nothing."""
        self._fail()
        self.site.callback_failure = None
        assert self._post_again().status == 204
        assert self.site.ended == _DELIVERED
        assert self.replay() == []

    def test_a_delivered_callback_is_not_kept(self) -> None:
        """Once the callback function has returned, no part of the post is kept."""
        self._answer()
        assert self.site.ended == _DELIVERED
        assert self.replay() == []

    def test_a_refused_callback_is_not_kept(self) -> None:
        """A post that anyone could have forged is refused and not kept."""
        self.post_as_server(f"{self.prefix}/callback/made-up/")
        assert self.replay() == []

    def test_a_callback_is_kept_for_a_week(self) -> None:
        """A week-old callback is not delivered. Replays report it for a day, and then delete it."""
        self._fail()
        self.site.callback_failure = None
        self.site.pass_time(_WEEK + timedelta(seconds=1))
        [problem] = self.replay()
        assert "too old" in problem
        self.site.pass_time(timedelta(days=1))
        assert self.replay() == []
        assert not self.site.ended

    def test_what_is_kept_shows_no_secret(self) -> None:
        """The data that is stored for a failed callback shows no attribute, token or URL."""
        self._fail()
        post = self.site.server.posted[-1]
        stored = self.stored()
        jwt, sealed = (post.body or b"").decode(), post.url.rstrip("/").rpartition("/")[2]
        assert stored
        for secret in (*self.site.secrets, jwt, jwt.split(".")[1], sealed, "order-17"):
            assert secret not in stored

    def _answer(self) -> None:
        """Let a person answer the question that has a callback."""
        self.started(self.browser(), "order")

    def _fail(self) -> None:
        """Let a person answer the question while the application's callback function fails."""
        self.site.callback_failure = ZeroDivisionError("made up")
        self._answer()

    def _take_store_away(self) -> None:
        """Make the store fail until the library waits before its first retry."""
        self.site.call_while_waiting(lambda: self.set_store_away(is_away=False))
        self.set_store_away(is_away=True)

    def _post_again(self) -> HttpResponse:
        """Repeat the server's last post."""
        return self._line.send(self.site.server.posted[-1])
