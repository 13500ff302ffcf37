"""The lines that `LoggingObserver` writes: level and text, for each kind of event."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import get_args

import pytest

from irma_backend import LoggingObserver, connect, connect_async, open_parts, open_parts_async
from irma_core import SessionStatus, SessionType
from irma_core.interfaces import (
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
    WatchSource,
    WebRefused,
)
from irma_core.web.web_refusals import REFUSALS
from irma_testing import AsyncScriptedTransport, ScriptedTransport

URL = "https://irma.example"
OF = "0123456789ab"
LATE = timedelta(seconds=41.25)
LINES: list[tuple[Event, int, str]] = [
    (
        SessionStarted(OF, SessionType.DISCLOSING),
        logging.DEBUG,
        f"session {OF} started (disclosing)",
    ),
    (SessionAnswered(OF, LATE), logging.INFO, f"session {OF} was answered after 41.2 s"),
    (SessionAnswered(OF, None), logging.INFO, f"session {OF} was answered"),
    (
        SessionRefused(OF, RefusedBy.PERSON, "SessionCancelledError", "", LATE),
        logging.INFO,
        f"session {OF} was cancelled by the person, the app or the application after 41.2 s: "
        "SessionCancelledError",
    ),
    (
        SessionRefused(OF, RefusedBy.PROOF, "ProofNotValidError", "EXPIRED", None),
        logging.INFO,
        f"session {OF} was answered with a proof that was not accepted: ProofNotValidError "
        "(EXPIRED)",
    ),
    (
        SessionFailed("", "ServerRefusedError", "UNAUTHORIZED"),
        logging.WARNING,
        "no session started: ServerRefusedError (UNAUTHORIZED); the server does not permit this "
        "requestor, or does not know the token: compare `authentication` with the server's setting "
        "`requestors`",
    ),
    (
        SessionFailed(OF, "SessionGoneError", ""),
        logging.WARNING,
        f"session {OF} has failed: SessionGoneError",
    ),
    (
        CallRetried("GET session/{token}/status", "ServerRefusedError", "HTTP 502", LATE),
        logging.WARNING,
        "GET session/{token}/status will be repeated in 41.2 s: ServerRefusedError (HTTP 502)",
    ),
    (
        WatchFellBack(OF, WatchSource.EVENTS, "unsupported"),
        logging.INFO,
        f"the watch of session {OF} fell back: the server sends no events, so the watch polls: "
        "enable the server's option `sse`, and let the proxy in front of it pass text/event-stream",
    ),
    (
        WatchFellBack(OF, WatchSource.STATUS_BACKEND, "failed"),
        logging.WARNING,
        f"the watch of session {OF} fell back: the status backend failed, so the watch asks the "
        "server in the meantime: see the backend's log",
    ),
    (
        CallbackDelivered(OF, SessionStatus.DONE, ""),
        logging.INFO,
        f"session {OF} was posted as DONE: answered",
    ),
    (
        CallbackDelivered(OF, SessionStatus.DONE, "WrongValueError"),
        logging.INFO,
        f"session {OF} was posted as DONE: WrongValueError",
    ),
    (
        NextSessionChosen(OF, SessionType.ISSUING),
        logging.INFO,
        f"a session (issuing) follows session {OF}",
    ),
    (NextSessionChosen(OF, None), logging.INFO, f"nothing follows session {OF}"),
    (
        PostRefused("callback", "signature"),
        logging.WARNING,
        "a post for the callback page was refused: signature; set `server_key` to the server's "
        "current key",
    ),
    (
        PostRefused("next session", "form"),
        logging.WARNING,
        "a post for the next session page was refused: form",
    ),
    (
        SessionFailed(OF, "ResultJwtError", "issued_at"),
        logging.WARNING,
        f"session {OF} has failed: ResultJwtError (issued_at); compare the clocks of this machine "
        "and of the server",
    ),
    (
        HandleRefused("login", "WrongBindingError"),
        logging.WARNING,
        "a handle for 'login' was refused: WrongBindingError; "
        "the handle belongs to another web session, so it may have been stolen",
    ),
    (
        WebRefused("login", "other_browser", OF),
        logging.WARNING,
        f"the page 'login' was refused for session {OF}: other_browser; "
        "the visitor continued in another browser, or used another person's page",
    ),
    (
        WebRefused("login", "cancelled", ""),
        logging.INFO,
        "the page 'login' was refused: cancelled",
    ),
]


@pytest.mark.parametrize(("event", "level", "line"), LINES, ids=lambda value: str(value)[:40])
def test_each_event_is_one_log_record(
    event: Event, level: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each event is one log record of `irma_backend`, with a suitable level."""
    caplog.set_level(logging.DEBUG, "irma_backend")
    LoggingObserver().observe(event)
    assert caplog.record_tuples == [("irma_backend", level, line)]


def test_every_class_of_event_is_in_the_table() -> None:
    """The table of lines has every class of event, so that no new class is untested."""
    assert {type(event) for event, *_ in LINES} == set(get_args(Event))


@pytest.mark.parametrize("code", REFUSALS)
def test_the_line_of_a_refused_page_says_what_to_do(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The line of a refused page says what to do, unless honest visitors cause such refusals."""
    caplog.set_level(logging.INFO, "irma_backend")
    LoggingObserver().observe(WebRefused("login", code, OF))
    ((_, level, line),) = caplog.record_tuples
    refused, _, advice = line.partition("; ")
    assert refused == f"the page 'login' was refused for session {OF}: {code}"
    assert (level == logging.INFO) != bool(advice)


def test_an_event_below_the_level_leaves_no_record(caplog: pytest.LogCaptureFixture) -> None:
    """An event below the logger's level leaves no record."""
    caplog.set_level(logging.WARNING, "irma_backend")
    LoggingObserver().observe(SessionAnswered(OF, None))
    assert caplog.records == []


def test_no_handler_is_installed() -> None:
    """The library installs no handler, because the application chooses where its log goes."""
    logger = logging.getLogger("irma_backend")
    assert (logger.handlers, logger.propagate) == ([], True)


def test_configured_requestor_logs() -> None:
    """A requestor that is opened by configuration logs, unless its observer is None."""
    transport = ScriptedTransport()
    with connect(URL, transport=transport) as requestor, open_parts(transport=transport) as parts:
        for each in (requestor, parts.requestor(URL)):
            assert isinstance(each.context.observer, LoggingObserver)
        assert parts.requestor(URL, observer=None).context.observer is None


async def test_configured_async_requestor_logs() -> None:
    """An asyncio requestor that is opened by configuration logs, unless its observer is None."""
    transport = AsyncScriptedTransport()
    async with (
        connect_async(URL, transport=transport) as requestor,
        open_parts_async(transport=transport) as parts,
    ):
        for each in (requestor, parts.requestor(URL)):
            assert isinstance(each.context.observer, LoggingObserver)
        assert parts.requestor(URL, observer=None).context.observer is None
