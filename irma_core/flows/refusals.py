"""What a gateway and its authorization server refused since a token was last taken.

A gateway that restarts may refuse each token for a while, and an authorization server that restarts
may refuse each request. Whether such a refusal passes can be told by two things: whether a token
was ever taken, and for how long there have been refusals. Belongs here: this memory, which all
calls of a requestor share. Does not belong here: what a call does about it (`gateway`).
"""

from __future__ import annotations

import math
from typing import Final, final

__all__ = ["NOT_AGAIN_WITHIN", "Refusals"]

NOT_AGAIN_WITHIN: Final = 10.0
"""Seconds. A gateway that refuses every token shall not make us fetch one at each call; and a
refusal that has lasted for so long is taken for good."""
_LONGEST_PAUSE: Final = 60.0
"""Seconds: no `Retry-After` makes all calls fail for longer than this."""

_FORGOTTEN_AFTER: Final = 60.0
"""Seconds without a call: what failed before them says nothing of what fails now."""


@final
class Refusals:
    """All points in time are on the monotonic clock."""

    def __init__(self) -> None:
        self._was_taken = False
        self._is_token_refused = False
        self._since: float | None = None
        self._last = -math.inf
        self._replaceable_from = -math.inf
        self._ask_from = -math.inf

    @property
    def is_token_refused(self) -> bool:
        """Whether the last token was refused, so that the next one replaces it."""
        return self._is_token_refused

    def taken(self) -> None:
        """The gateway took a token."""
        self._was_taken = True
        self._is_token_refused = False
        self._since = None
        self._replaceable_from = -math.inf

    def token_refused(self, now: float, *, is_replacement: bool) -> None:
        """The gateway refused a token."""
        if is_replacement and self._is_token_refused:  # else it was taken once
            self._replaceable_from = now + NOT_AGAIN_WITHIN
        self._is_token_refused = True
        self._failed(now)

    def may_replace(self, now: float) -> bool:
        """Return whether another token may be fetched, since no replacement was just refused."""
        return now >= self._replaceable_from

    def has_lasted(self, now: float) -> bool:
        """Return whether there have been refusals for so long that waiting is of no use."""
        return self._since is not None and now - self._since >= NOT_AGAIN_WITHIN

    def request_failed(self, now: float, asked_to_wait: float) -> None:
        """The authorization server gave no token."""
        self._failed(now)
        self._ask_from = now + min(asked_to_wait, _LONGEST_PAUSE)

    def _failed(self, now: float) -> None:
        if self._since is None or now - self._last > _FORGOTTEN_AFTER:
            self._since = now
        self._last = now

    def may_pass(self, now: float) -> bool:
        """Return whether a refusal by the authorization server may pass: tokens were taken once."""
        return self._was_taken and not self.has_lasted(now)

    def pause(self, now: float) -> float:
        """Return for how many seconds the authorization server asked to be left alone."""
        return max(self._ask_from - now, 0.0)
