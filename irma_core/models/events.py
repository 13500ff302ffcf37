"""The events that an observer receives: a closed union of frozen values.

An event contains codes, labels, durations and fingerprints. It never contains a token, a key, a
handle, a reference, or the value of an attribute. So an observer may log it, count it or send it
anywhere.

`session` is the fingerprint of the requestor token, `RequestorToken.fingerprint`, which errors and
log lines show too. `error` is the name of an error class in `irma_core.errors`. `code` is the
reason that came with the error, such as `UNAUTHORIZED` or `HTTP 502`, or an empty string.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TypeAlias, final

import attrs

from irma_core.models.statuses import SessionStatus, SessionType
from irma_core.value_object import ValueObject

__all__ = [
    "CallRetried",
    "CallbackDelivered",
    "Event",
    "HandleRefused",
    "NextSessionChosen",
    "PostRefused",
    "RefusedBy",
    "SessionAnswered",
    "SessionFailed",
    "SessionRefused",
    "SessionStarted",
    "WatchFellBack",
    "WatchSource",
    "WebRefused",
]


class RefusedBy(Enum):
    """Why a session that was started successfully has no answer."""

    PERSON = "person"
    """The person, the app or the application cancelled the session. A person who refuses looks the
    same as one who lacks the attributes."""
    TIMEOUT = "timeout"
    """No app finished the session in time, or the caller stopped waiting."""
    PROOF = "proof"
    """The proof is invalid, or does not match the request."""


class WatchSource(Enum):
    """The source of statuses that a watch stopped using."""

    EVENTS = "events"
    """The server's events. The watch now polls instead."""
    STATUS_BACKEND = "status backend"
    """The status backend. The watch now asks the server instead, and tries the backend again
    later."""


@final
@attrs.frozen(eq=False, repr=False)
class SessionStarted(ValueObject):
    """The server started a session.

    Args:
        session: The fingerprint of the session's requestor token.
        type: The type of the session.
    """

    session: str
    type: SessionType


@final
@attrs.frozen(eq=False, repr=False)
class SessionAnswered(ValueObject):
    """The application got a session's answer; each call that returns the answer emits this event.

    Args:
        session: The fingerprint of the session's requestor token.
        duration: The time since the session started; None if the start is not known.
    """

    session: str
    duration: timedelta | None


@final
@attrs.frozen(eq=False, repr=False)
class SessionRefused(ValueObject):
    """A session ended without an answer, although nothing failed.

    Args:
        session: The fingerprint of the session's requestor token.
        by: Why there is no answer.
        error: The class name of the error that the application got.
        code: The code that came with the error; empty if there was none.
        duration: The time since the session started; None if the start is not known.
    """

    session: str
    by: RefusedBy
    error: str
    code: str
    duration: timedelta | None


@final
@attrs.frozen(eq=False, repr=False)
class SessionFailed(ValueObject):
    """A session could not be started, or the library could not learn how it ended.

    Args:
        session: The fingerprint of the session's requestor token; empty if no session was started.
        error: The class name of the error that the application got.
        code: The code that came with the error; empty if there was none.
    """

    session: str
    error: str
    code: str


@final
@attrs.frozen(eq=False, repr=False)
class CallRetried(ValueObject):
    """A call to the server failed and will be retried. A series of failed polls is only one event.

    Args:
        call: The method and path of the call, with `{token}` in place of a token.
        error: The class name of the error with which the call failed.
        code: The code that came with the error; empty if there was none.
        wait: How long the library waits before the next try.
    """

    call: str
    error: str
    code: str
    wait: timedelta


@final
@attrs.frozen(eq=False, repr=False)
class WatchFellBack(ValueObject):
    """A watch could not use its best source of statuses, and changed to the next one.

    Args:
        session: The fingerprint of the session's requestor token.
        source: The source that the watch stopped using.
        reason: `unsupported`: the server sends no events, or a proxy removes them. `late`: the
            stream did not begin in time, perhaps because a proxy holds it back. `broken`: the
            stream broke twice. `failed`: the status backend failed.
    """

    session: str
    source: WatchSource
    reason: str


@final
@attrs.frozen(eq=False, repr=False)
class CallbackDelivered(ValueObject):
    """The application was notified, after a post from the server, that a session had ended.

    Args:
        session: The fingerprint of the session's requestor token.
        status: How the session ended.
        error: The class name of the error, if the session has no answer; else empty.
    """

    session: str
    status: SessionStatus
    error: str


@final
@attrs.frozen(eq=False, repr=False)
class NextSessionChosen(ValueObject):
    """The application chose which session, if any, follows another one in a chain.

    Args:
        session: The fingerprint of the session that is about to end.
        type: The type of the next session; None if no session follows.
    """

    session: str
    type: SessionType | None


@final
@attrs.frozen(eq=False, repr=False)
class PostRefused(ValueObject):
    """The library refused a post to the callback URL or to the next-session URL.

    Args:
        page: Which of the two URLs received the post: `callback` or `next session`.
        code: The reason; see `irma_core/callbacks/inbound.py` and `irma_core/trust/result_jwt.py`.
    """

    page: str
    code: str


@final
@attrs.frozen(eq=False, repr=False)
class HandleRefused(ValueObject):
    """The library refused a handle that a browser sent.

    Args:
        purpose: The purpose of the `Handles` that refused it.
        error: The class name of the error, which shows the reason.
    """

    purpose: str
    error: str


@final
@attrs.frozen(eq=False, repr=False)
class WebRefused(ValueObject):
    """The library refused a web page's call.

    Args:
        name: The name of the call; empty if the page sent an unknown name.
        code: The code in the reply, which the page received.
        session: The fingerprint of the session's requestor token; empty if it is not known which
            session the call concerns.
    """

    name: str
    code: str
    session: str


Event: TypeAlias = (
    SessionStarted
    | SessionAnswered
    | SessionRefused
    | SessionFailed
    | CallRetried
    | WatchFellBack
    | CallbackDelivered
    | NextSessionChosen
    | PostRefused
    | HandleRefused
    | WebRefused
)
