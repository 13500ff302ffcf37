"""An observer that writes events to the log, under the logger `irma_backend`.

`connect`, `open_parts` and the web adapters use it by default. It installs no handler and sets no
level; see `docs/how-to/log-and-observe.md`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final, assert_never, final

from irma_core.errors import ResultJwtError
from irma_core.models.events import (
    CallbackDelivered,
    CallRetried,
    Event,
    HandleRefused,
    NextSessionChosen,
    PostRefused,
    RefusedBy,
    SessionAnswered,
    SessionFailed,
    SessionRefused,
    SessionStarted,
    WatchFellBack,
    WebRefused,
)
from irma_core.models.remote_errors import DESCRIPTIONS
from irma_core.tracebacks import boundary

__all__ = ["LoggingObserver"]

_LOGGER: Final = logging.getLogger("irma_backend")

_BY: Final = {
    RefusedBy.PERSON: "was cancelled by the person, the app or the application",
    RefusedBy.TIMEOUT: "was not answered in time",
    RefusedBy.PROOF: "was answered with a proof that was not accepted",
}
_FALL_BACKS: Final = {
    "unsupported": "the server sends no events, so the watch polls: enable the server's "
    "option `sse`, and let the proxy in front of it pass text/event-stream",
    "late": "the server's events did not begin in time, so the watch polls: let the proxy in front "
    "of the server pass them unbuffered",
    "broken": "the server's event stream broke twice, so the watch polls: check whether a proxy "
    "closes idle streams",
    "failed": "the status backend failed, so the watch asks the server in the meantime: see the "
    "backend's log",
}
_PERSONAL: Final = frozenset(
    {"cancelled", "card_expired", "handle_expired", "login_refused", "not_finished"}
    | {"other_person", "timed_out", "value_missing"}
)
"""Codes of refusals that honest visitors cause in everyday use. They are logged as `INFO`."""
_OTHER_CLIENT: Final = "the page's script does not send this: see which program calls the page"
_OTHER_APP: Final = "an honest app does not disclose this: see the log line about the session"
_WEB_ADVICE: Final = {
    "already_used": "the page sent a handle whose answer had already been used, which is harmless "
    "if it is rare",
    "body_invalid": _OTHER_CLIENT,
    "body_not_json": _OTHER_CLIENT,
    "body_too_large": _OTHER_CLIENT,
    "busy": "the same call is still running: check whether the application's login is slow",
    "failed": "the application's function raised an error: see the application's log",
    "handle_invalid": "the handle was sealed with other keys, or for another question: give all "
    "processes the same keys",
    "interrupted": "a process ended during the application's login: see its log",
    "media_type": _OTHER_CLIENT,
    "method": _OTHER_CLIENT,
    "misconfigured": "a setting is wrong: the raised error names it",
    "no_cookie": "the browser sent no cookie: serve the page over HTTPS, under one host name",
    "other_answer": _OTHER_APP,
    "other_browser": "the visitor continued in another browser, or used another person's page",
    "too_many": "one network started too many sessions: behind a proxy, make sure that the "
    "framework knows the address of each visitor",
    "other_site": "the request came from another origin: add that origin to `origins` if it "
    "is yours, and let the proxy pass `Host` and `X-Forwarded-Proto`",
    "proof_invalid": "a card has expired or was revoked, or the app is not honest: see the log "
    "line about the session",
    "server_refused": "the IRMA server refused the call, or its result was refused: see the line "
    "before this one",
    "server_unavailable": "the IRMA server could not be reached: see the line before this one",
    "session_gone": "the server no longer knows the session: it was restarted, or has several "
    "processes without a shared store",
    "store_unavailable": "the store failed: see its log, and the error that the site logs",
    "unknown_question": "the page names a question that the application does not have",
    "url_invalid": "the request has no usable `Host` header: check what the proxy passes on",
    "wrong_value": _OTHER_APP,
}
_CLOCKS: Final = "compare the clocks of this machine and of the server"
_RESULT_ADVICE: Final = {
    "expired": _CLOCKS,
    "issuer": "set `jwt_issuer` to the value of the server's own `jwt_issuer` setting",
    "issued_at": _CLOCKS,
    "signature": "set `server_key` to the server's current key",
}
"""Advice about results that the server signed, whether fetched or posted."""
_POST_ADVICE: Final = {
    **_RESULT_ADVICE,
    "busy": "the same post is still being handled: check whether the application's function is "
    "slow",
    "late": "the application's function took over three seconds: make it faster",
    "media_type": "the server signs its posts but the application does not expect that, or "
    "the other way round",
    "session": "another session was posted to this URL: an attacker may have read the URL in a log",
    "url": "the URL was sealed with other keys, has expired, or was made up: give all processes "
    "the same keys, and compare the clocks of their machines",
}
_HANDLE_ADVICE: Final = {
    "HandleInvalidError": "the handle was changed, or sealed with other keys: give all "
    "processes the same keys",
    "WrongBindingError": "the handle belongs to another web session, so it may have been stolen",
}


@final
@boundary
class LoggingObserver:
    """Writes one line for each event to the logger `irma_backend`.

    `DEBUG`: a session was started. `INFO`: a session was answered or refused, the server's post was
    handled, a watch changed its source because the server has no events, or a call from a page was
    refused for an everyday reason. `WARNING`: a session failed, a call was repeated, a watch
    changed its source for another reason, or a post, a handle or a page's call was refused.

    A line contains codes, labels and fingerprints, and the remedy if one is known.
    """

    def __repr__(self) -> str:
        return "LoggingObserver()"

    def observe(self, event: Event) -> None:
        """Write the line for an event."""
        if _LOGGER.isEnabledFor(_level(event)):
            _LOGGER.log(_level(event), "%s", _line(event))


def _level(event: Event) -> int:
    match event:
        case SessionStarted():
            return logging.DEBUG
        case SessionAnswered() | SessionRefused() | CallbackDelivered() | NextSessionChosen():
            return logging.INFO
        case WatchFellBack(reason="unsupported"):
            return logging.INFO  # caused by a setting of the server, so every watch would report it
        case WebRefused() if event.code in _PERSONAL:
            return logging.INFO
        case _:
            return logging.WARNING


def _line(event: Event) -> str:
    match event:
        case SessionStarted():
            return f"session {event.session} started ({event.type.value})"
        case SessionAnswered():
            return f"session {event.session} was answered{_after(event.duration)}"
        case SessionRefused():
            reason = _reason(event.error, event.code)
            return f"session {event.session} {_BY[event.by]}{_after(event.duration)}: {reason}"
        case SessionFailed():
            what = f"session {event.session} has failed" if event.session else "no session started"
            return f"{what}: {_reason(event.error, event.code)}"
        case CallRetried():
            seconds = event.wait.total_seconds()
            reason = _reason(event.error, event.code)
            return f"{event.call} will be repeated in {seconds:.1f} s: {reason}"
        case WatchFellBack():
            return f"the watch of session {event.session} fell back: {_FALL_BACKS[event.reason]}"
        case CallbackDelivered():
            end = event.error or "answered"
            return f"session {event.session} was posted as {event.status.value}: {end}"
        case NextSessionChosen():
            follows = "nothing" if event.type is None else f"a session ({event.type.value})"
            return f"{follows} follows session {event.session}"
        case PostRefused():
            refused = f"a post for the {event.page} page was refused: {event.code}"
            return _advised(refused, _POST_ADVICE.get(event.code, ""))
        case HandleRefused():
            refused = f"a handle for {event.purpose!r} was refused: {event.error}"
            return _advised(refused, _HANDLE_ADVICE.get(event.error, ""))
        case WebRefused():
            of = f" for session {event.session}" if event.session else ""
            refused = f"the page {event.name!r} was refused{of}: {event.code}"
            return _advised(refused, _WEB_ADVICE.get(event.code, ""))
        case _:
            assert_never(event)


def _after(duration: timedelta | None) -> str:
    return "" if duration is None else f" after {duration.total_seconds():.1f} s"


def _reason(error: str, code: str) -> str:
    known = _RESULT_ADVICE if error == ResultJwtError.__name__ else DESCRIPTIONS
    return _advised(f"{error} ({code})" if code else error, known.get(code, ""))


def _advised(line: str, advice: str) -> str:
    return f"{line}; {advice}" if advice else line
