"""Record the refusals by a gateway and its authorization server since a token was last accepted.

A gateway that restarts may refuse each token for a while, and an authorization server that restarts
may refuse each request. Two facts show whether such a refusal is temporary: whether a token was
ever accepted, and how long the refusals have lasted. All calls of a requestor share one `Refusals`.
"""

from __future__ import annotations

import math
from typing import Final, final

__all__ = ["NOT_AGAIN_WITHIN", "Refusals"]

NOT_AGAIN_WITHIN: Final = 10.0
"""The seconds between token requests while a gateway refuses every token. Without this pause, each
call would request a token. Refusals that have lasted this long are considered permanent."""
_LONGEST_PAUSE: Final = 60.0
"""The longest pause between token requests, in seconds. Without this limit, one mistaken
`Retry-After` would make all calls fail for hours.
"""

_FORGOTTEN_AFTER: Final = 60.0
"""If no call has failed for this many seconds, earlier failures are forgotten, because they say
nothing about the present one.
"""


@final
class Refusals:
    """The refusals of one requestor's calls by its gateway and authorization server.

    All times are on the monotonic clock.
    """

    def __init__(self) -> None:
        self._was_accepted = False
        self._is_token_refused = False
        self._since: float | None = None
        self._last = -math.inf
        self._replaceable_from = -math.inf
        self._paused_until = -math.inf

    @property
    def is_token_refused(self) -> bool:
        """Whether the gateway refused the last token. If so, the next token is a replacement."""
        return self._is_token_refused

    def note_token_accepted(self) -> None:
        """Record that the gateway accepted a token."""
        self._was_accepted = True
        self._is_token_refused = False
        self._since = None
        self._replaceable_from = -math.inf

    def note_token_refused(self, now: float, *, is_replacement: bool) -> None:
        """Record that the gateway refused a token."""
        # A replacement that was accepted in the meantime may be replaced again.
        if is_replacement and self._is_token_refused:
            self._replaceable_from = now + NOT_AGAIN_WITHIN
        self._is_token_refused = True
        self._failed(now)

    def may_replace(self, now: float) -> bool:
        """Return whether to fetch a new token; false if a replacement was refused recently."""
        return now >= self._replaceable_from

    def has_lasted(self, now: float) -> bool:
        """Return whether the refusals have lasted so long that they are considered permanent."""
        return self._since is not None and now - self._since >= NOT_AGAIN_WITHIN

    def note_request_failed(self, now: float, retry_after: float) -> None:
        """Record that the authorization server issued no token."""
        self._failed(now)
        self._paused_until = now + min(retry_after, _LONGEST_PAUSE)

    def _failed(self, now: float) -> None:
        if self._since is None or now - self._last > _FORGOTTEN_AFTER:
            self._since = now
        self._last = now

    def may_pass(self, now: float) -> bool:
        """Return whether the present refusals may be temporary.

        They may be temporary if the gateway has accepted a token before and the refusals have not
        lasted long.
        """
        return self._was_accepted and not self.has_lasted(now)

    def pause(self, now: float) -> float:
        """Return how many seconds remain of the pause that the authorization server asked for."""
        return max(self._paused_until - now, 0.0)
