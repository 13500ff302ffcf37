"""`POST session`: each outcome, and whether a session may exist after it, in both modes."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest

from irma_core import (
    AsyncRequestor,
    DisclosureRequest,
    HmacAuthentication,
    HmacSigner,
    Requestor,
    SessionMayExistError,
)
from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    DeadlineError,
    IrmaError,
    RedirectError,
    ServerRefusedError,
    SigningError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpResponse
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from irma_testing.scripted import Step
from irma_testing.time import ManualClock
from tests.modes import MODES

JSON = (("content-type", "application/json; charset=UTF-8"),)
HTML = (("content-type", "text/html; charset=utf-8"),)
AGE = DisclosureRequest({"age": "example.town.age.over18"})
PACKAGE = (
    b'{"sessionPtr":{"u":"https://irma.example/irma/session/c","irmaqr":"disclosing"},'
    b'"token":"0123456789abcdefghij"}'
)
REFUSAL = b'{"status":400,"error":"INVALID_REQUEST","description":"Invalid HTTP request"}'
INTERNAL = b'{"status":500,"error":"INTERNAL_ERROR","description":"Internal server error"}'
GATEWAY = b'{"status":502,"error":"Bad Gateway"}'
NOT_SENT = ConnectionFailedError("POST session", "refused", request_sent=False)
SENT = ConnectionBrokenError("POST session", "reset", request_sent=True)
TIME_OUT = TransportTimeoutError("POST session", "no answer", request_sent=True)


def outcome(steps: Iterable[Step], *, mode: str) -> tuple[str, int]:
    """Start a session; return the error's class or the token's fingerprint, and the tries made."""
    signer = HmacAuthentication("me", HmacSigner(bytes(range(32))))
    if mode == "sync":
        transport = ScriptedTransport(steps)
        try:
            requestor = Requestor("https://irma.example", transport, authentication=signer)
            requestor.start_session(AGE)
        except IrmaError as error:
            return type(error).__name__, len(transport.requests)
        return "started", len(transport.requests)
    awaited = AsyncScriptedTransport(steps)
    other = AsyncRequestor("https://irma.example", awaited, authentication=signer)
    try:
        asyncio.run(other.start_session(AGE))
    except IrmaError as error:
        return type(error).__name__, len(awaited.requests)
    return "started", len(awaited.requests)


@MODES
@pytest.mark.parametrize(
    ("steps", "expected", "tries"),
    [
        ([HttpResponse(200, JSON, body=PACKAGE)], "started", 1),
        ([NOT_SENT, NOT_SENT, HttpResponse(200, JSON, body=PACKAGE)], "started", 3),
        ([NOT_SENT, NOT_SENT, NOT_SENT], ConnectionFailedError.__name__, 3),
        ([HttpResponse(301, (("location", "https://other/"),))], RedirectError.__name__, 1),
        ([HttpResponse(400, JSON, body=REFUSAL)], ServerRefusedError.__name__, 1),
        ([HttpResponse(413, HTML, body=b"<html>")], ServerRefusedError.__name__, 1),
        ([HttpResponse(400, JSON, body=REFUSAL + PACKAGE)], SessionMayExistError.__name__, 1),
        (
            [HttpResponse(200, JSON, body=PACKAGE.replace(b"disclosing", b"signing"))],
            SessionMayExistError.__name__,
            1,
        ),
        ([HttpResponse(200, JSON, body=PACKAGE[:40])], SessionMayExistError.__name__, 1),
        ([HttpResponse(200, JSON, body=b"")], SessionMayExistError.__name__, 1),
        ([HttpResponse(200, HTML, body=PACKAGE)], SessionMayExistError.__name__, 1),
        ([HttpResponse(200, JSON, body=PACKAGE + PACKAGE)], SessionMayExistError.__name__, 1),
        ([HttpResponse(503, HTML, body=b"<html>")], SessionMayExistError.__name__, 1),
        ([HttpResponse(503)], SessionMayExistError.__name__, 1),
        ([HttpResponse(500, JSON, body=INTERNAL)], SessionMayExistError.__name__, 1),
        ([HttpResponse(502, JSON, body=GATEWAY)], SessionMayExistError.__name__, 1),
        ([SENT], SessionMayExistError.__name__, 1),
        ([TIME_OUT], SessionMayExistError.__name__, 1),
    ],
)
def test_the_outcome_of_a_start(steps: list[Step], expected: str, tries: int, mode: str) -> None:
    """A start ends as its row of the table says, after that number of tries."""
    assert outcome(steps, mode=mode) == (expected, tries)


class SlowSigner:
    """A signer that takes longer than the call may."""

    algorithm = "HS256"

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def sign(self, signing_input: bytes) -> bytes:
        self._clock.advance(timedelta(minutes=1))
        return b"s" * 32


def test_a_slow_signer_leaves_no_time_to_send() -> None:
    """A start whose signer used up the time sends nothing, so that no session is lost."""
    transport = ScriptedTransport()
    how = HmacAuthentication("me", SlowSigner(transport.clock))
    requestor = Requestor("https://irma.example", transport, authentication=how)
    with pytest.raises(DeadlineError, match="while the signer was signing"):
        requestor.start_session(AGE)
    assert transport.requests == []


def test_a_hanging_signer_is_cancelled_at_the_time_out() -> None:
    """A signer that never returns is cancelled at the time-out of the call."""

    class Hanging:
        algorithm = "HS256"

        async def sign(self, signing_input: bytes) -> bytes:
            await asyncio.Event().wait()
            return b""

    transport = AsyncScriptedTransport()
    how = HmacAuthentication("me", Hanging())
    requestor = AsyncRequestor(
        "https://irma.example", transport, authentication=how, timeout=timedelta(milliseconds=20)
    )
    with pytest.raises(SigningError, match="the signer did not answer in time"):
        asyncio.run(requestor.start_session(AGE))
    assert transport.requests == []
