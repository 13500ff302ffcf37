"""Each call of the sync and the async requestor, and each way in which the call can end."""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    DisclosureRequest,
    HmacAuthentication,
    HmacSigner,
    PairingMethod,
    Requestor,
    RevocationRequest,
    SessionStatus,
    StartedSession,
    TokenAuthentication,
)
from irma_core import errors as e
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from irma_testing.scripted import Step
from tests.modes import MODES

JSON = (("content-type", "application/json; charset=UTF-8"),)
TEXT = (("content-type", "text/plain"),)
TOKEN = "0123456789abcdefghij"
AGE = DisclosureRequest({"age": "example.town.age.over18"})
ASKED = "GET session/{token}/status"
LOST = e.ConnectionBrokenError(ASKED, "reset", request_sent=True)


def reply(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, JSON, body=json.dumps(value).encode())


def refusal(code: str, status: int = 400) -> HttpResponse:
    return reply({"status": status, "error": code, "description": "d", "message": TOKEN}, status)


POINTER = {"u": "https://irma.example/irma/session/c", "irmaqr": "disclosing"}
FRONTEND = {"authorization": "f" * 20, "minProtocolVersion": "1.0", "maxProtocolVersion": "1.1"}
STARTED = reply({"sessionPtr": POINTER, "token": TOKEN, "frontendRequest": FRONTEND})
OVER18 = {
    "id": "example.town.age.over18",
    "rawvalue": "yes",
    "value": {"": "yes"},
    "status": "PRESENT",
    "issuancetime": 1795046400,
}
RESULT = {"token": TOKEN, "status": "DONE", "type": "disclosing", "proofStatus": "VALID"}
GOOD = reply({**RESULT, "disclosed": [[OVER18]]})
UNKNOWN = refusal("SESSION_UNKNOWN")
Call = Callable[[Any, StartedSession], Any]


TRANSPORTS: dict[Any, Any] = {
    Requestor: ScriptedTransport,
    AsyncRequestor: AsyncScriptedTransport,
}


class Played:
    """The outcome of a call in one mode, with its requests and waits."""

    def __init__(
        self,
        mode: str,
        steps: Iterable[Step],
        call: Call,
        *,
        start: Step = STARTED,
        at_the_end: Exception | None = None,
        **settings: Any,
    ) -> None:
        self._at_the_end = at_the_end
        self.transport: ScriptedTransport | AsyncScriptedTransport
        self.requests: list[HttpRequest] = []
        self.outcome: Any = None
        if mode == "sync":
            self.transport = transport = ScriptedTransport([start, *self._steps(steps)])
            requestor = Requestor("https://irma.example/api/", transport, **settings)
            self._run(lambda: self._called(call(requestor, requestor.start_session(AGE))))
            self.requests, self.slept = transport.requests[1:], transport.slept
        else:
            self.transport = awaited = AsyncScriptedTransport([start, *self._steps(steps)])
            other = AsyncRequestor("https://irma.example/api/", awaited, **settings)

            async def main() -> Any:
                return await self._awaited(call(other, await other.start_session(AGE)))

            self._run(lambda: asyncio.run(main()))
            self.requests, self.slept = awaited.requests[1:], awaited.slept

    def _steps(self, steps: Iterable[Step]) -> Iterable[Step]:
        yield from steps
        if self._at_the_end is not None:
            yield self._cut_short

    def _cut_short(self, _request: HttpRequest) -> HttpResponse:
        assert self._at_the_end is not None
        self.transport.clock.advance(WAIT)
        raise self._at_the_end

    def _run(self, made: Callable[[], Any]) -> None:
        try:
            self.outcome = made()
        except e.IrmaError as error:
            self.outcome = error

    def _called(self, value: Any) -> Any:
        if hasattr(value, "__enter__"):
            with value as statuses:
                return list(statuses)
        return value

    async def _awaited(self, value: Any) -> Any:
        if hasattr(value, "__aenter__"):
            async with value as statuses:
                return [status async for status in statuses]
        if inspect.isawaitable(value):
            waiting: Awaitable[Any] = value
            return await waiting
        return value


WAIT = timedelta(seconds=10)
GONE: list[Call] = [
    lambda r, s: r.get_status(s),
    lambda r, s: r.get_answer(s),
    lambda r, s: r.get_unchecked_result(s),
    lambda r, s: r.get_result_jwt(s),
    lambda r, s: r.cancel_session(s),
    lambda r, s: r.watch_status(s),
    lambda r, s: r.wait_for_answer(s, timeout=WAIT),
]


@MODES
@pytest.mark.parametrize("call", GONE)
def test_a_session_that_the_server_does_not_know_is_gone(mode: str, call: Call) -> None:
    """Each call for an unknown session raises `SessionGoneError`, which shows no token."""
    error = Played(mode, [UNKNOWN], call).outcome
    assert isinstance(error, e.SessionGoneError)
    assert TOKEN not in f"{error} {error!r} {error.__cause__}"


WORKING: list[tuple[Call, HttpResponse, str, str]] = [
    (lambda r, s: r.get_status(s), reply("PAIRING"), "GET", f"session/{TOKEN}/status"),
    (lambda r, s: r.get_answer(s), GOOD, "GET", f"session/{TOKEN}/result"),
    (lambda r, s: r.get_unchecked_result(s), GOOD, "GET", f"session/{TOKEN}/result"),
    (
        lambda r, s: r.get_result_jwt(s),
        HttpResponse(200, TEXT, body=b"a.b.c\n"),
        "GET",
        f"session/{TOKEN}/result-jwt",
    ),
    (lambda r, s: r.cancel_session(s), HttpResponse(200), "DELETE", f"session/{TOKEN}"),
    (
        lambda r, _s: r.get_public_key(),
        HttpResponse(200, TEXT, body=b"-----BEGIN PUBLIC KEY-----"),
        "GET",
        "publickey",
    ),
    (
        lambda r, _s: r.revoke(RevocationRequest("s.i.card", "k")),
        HttpResponse(200, TEXT, body=b"OK"),
        "POST",
        "revocation",
    ),
    (lambda r, _s: r.check_health(), HttpResponse(200, TEXT, body=b"OK"), "GET", "health"),
    (
        lambda r, s: r.set_pairing(s, PairingMethod.PIN),
        reply({"pairingMethod": "pin", "pairingCode": "1234"}),
        "POST",
        "",
    ),
    (lambda r, s: r.complete_pairing(s), HttpResponse(204), "POST", ""),
]


@MODES
@pytest.mark.parametrize(("call", "response", "method", "path"), WORKING)
@pytest.mark.parametrize(
    "authentication",
    [TokenAuthentication("secret"), HmacAuthentication("me", HmacSigner(bytes(range(32))))],
)
def test_each_call_reaches_its_endpoint(
    mode: str, call: Call, response: HttpResponse, method: str, path: str, authentication: Any
) -> None:
    """Each call sends the right method to the right endpoint, and reads the response."""
    played = Played(mode, [response], call, authentication=authentication)
    assert not isinstance(played.outcome, e.IrmaError)
    (sent,) = played.requests
    assert sent.method == method
    expected = f"https://irma.example/api/{path}" if path else f"{POINTER['u']}/frontend/"
    assert sent.url.startswith(expected)


@MODES
@pytest.mark.parametrize(
    "fault",
    [
        LOST,
        HttpResponse(503),
        HttpResponse(429, (("retry-after", "1"),)),
        HttpResponse(502, (("content-type", "text/html"),), body=b"<html>"),
        refusal("INTERNAL_ERROR", 500),
    ],
)
def test_a_temporarily_failing_call_is_tried_three_times(mode: str, fault: Step) -> None:
    """A call with a temporary failure is tried three times, and the last failure is raised."""
    good = Played(mode, [fault, fault, reply("DONE")], GONE[0])
    assert good.outcome is SessionStatus.DONE
    assert len(good.slept) == 2
    bad = Played(mode, [fault, fault, fault], GONE[0])
    assert isinstance(bad.outcome, e.IrmaError)
    assert len(bad.requests) == 3


@MODES
def test_waits_are_drawn_by_full_jitter(mode: str) -> None:
    """The waits between tries are drawn by full jitter, from up to 0.2 s and up to 0.4 s."""
    slept = Played(mode, [LOST, LOST, reply("DONE")], GONE[0]).slept
    assert slept == [timedelta(seconds=0.1), timedelta(seconds=0.2)]


@MODES
@pytest.mark.parametrize("asked", ["7", "Mon, 23 Nov 2026 12:00:07 GMT"])
def test_a_short_retry_after_is_respected(mode: str, asked: str) -> None:
    """The requestor respects `Retry-After`, as seconds and as a date."""
    busy = HttpResponse(503, (("retry-after", asked),))
    assert Played(mode, [busy, reply("DONE")], GONE[0]).slept == [timedelta(seconds=7)]


@MODES
@pytest.mark.parametrize("asked", ["3600", "Mon Nov 23 13:00:00 2026"])
def test_a_long_retry_after_fails_at_once(mode: str, asked: str) -> None:
    """If `Retry-After` is beyond the deadline, the call fails without waiting."""
    played = Played(mode, [HttpResponse(503, (("retry-after", asked),))], GONE[0])
    assert isinstance(played.outcome, e.UnexpectedResponseError)
    assert played.slept == []


@MODES
def test_a_repeated_cancel_of_an_unknown_session_succeeds(mode: str) -> None:
    """A repeated cancel for which the session is unknown succeeds."""
    assert Played(mode, [LOST, UNKNOWN], GONE[4]).outcome is None
    other = Played(mode, [LOST, refusal("UNAUTHORIZED", 403)], GONE[4]).outcome
    assert isinstance(other, e.ServerRefusedError)


@MODES
def test_statuses_are_yielded_once_and_in_order(mode: str) -> None:
    """A watch yields each status once and in order, despite failing and stale polls."""
    polls = ["INITIALIZED", "INITIALIZED", "CONNECTED", "INITIALIZED", "DONE"]
    played = Played(mode, [LOST, *map(reply, polls)], GONE[5])
    assert [status.value for status in played.outcome] == ["INITIALIZED", "CONNECTED", "DONE"]
    assert played.slept == [timedelta(seconds=1)] * 5


@MODES
@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([reply("CONNECTED")] * 11, e.NobodyAnsweredError),
        ([LOST] * 20, e.ConnectionBrokenError),
        ([refusal("UNAUTHORIZED", 403)], e.ServerRefusedError),
        ([reply("TIMEOUT")], e.SessionTimedOutError),
        ([reply("DONE"), reply({**RESULT, "disclosed": []})], e.SlotNotAnsweredError),
        ([reply("CANCELLED"), reply({**RESULT, "status": "CANCELLED"})], e.SessionCancelledError),
    ],
)
def test_a_failed_wait_raises_an_error_for_its_reason(
    mode: str, steps: list[Step], error: type[Exception]
) -> None:
    """A wait that fails raises a different error for each reason."""
    assert type(Played(mode, steps, GONE[6]).outcome) is error


@MODES
def test_waiting_returns_the_answer(mode: str) -> None:
    """A wait returns the answer of a session that is done."""
    answer = Played(mode, [reply("CONNECTED"), reply("DONE"), GOOD], GONE[6]).outcome
    assert answer["age"].value == "yes"


@pytest.mark.parametrize(
    "url",
    [
        "http://irma.example",
        "irma.example",
        "ftp://irma.example",
        "https://user:password@irma.example",
        "https://irma.example/?x=1",
        "https://irma.example/#x",
        "https://irma.example/ x",
        "https://[x",
    ],
)
def test_a_wrong_base_url_is_refused(url: str) -> None:
    """The constructor refuses a malformed base URL, and plain HTTP beyond loopback."""
    with pytest.raises(e.ConfigurationError) as caught:
        Requestor(url, ScriptedTransport())
    assert "password" not in str(caught.value).replace("user name or password", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8088", "http://[::1]/", "http://localhost"])
def test_plain_http_to_loopback_is_accepted(url: str) -> None:
    """The constructor accepts plain HTTP to loopback."""
    assert url.rstrip("/") in repr(Requestor(url, ScriptedTransport()))


@MODES
def test_pairing_at_an_old_server_is_refused(mode: str) -> None:
    """Pairing at a server before 0.8, which has no frontend requests, raises and sends nothing."""
    step = reply({"sessionPtr": POINTER, "token": TOKEN})
    calls: list[Call] = [
        lambda r, s: r.set_pairing(s, PairingMethod.PIN),
        lambda r, s: r.complete_pairing(s),
    ]
    for call in calls:
        played = Played(mode, [], call, start=step)
        assert isinstance(played.outcome, e.ConfigurationError)
        assert "do not support pairing" in str(played.outcome)
        assert played.requests == []


@MODES
@pytest.mark.parametrize(
    ("call", "kind"), [(GONE[0], e.DeadlineError), (GONE[6], e.NobodyAnsweredError)]
)
def test_a_last_try_cut_short_raises_the_deadline_error(
    mode: str, call: Call, kind: type[e.IrmaError]
) -> None:
    """If the deadline ends the last try, the call raises the error for its deadline."""
    end = e.TransportTimeoutError(ASKED, "the time was up", request_sent=True)
    played = Played(mode, [], call, at_the_end=end, timeout=WAIT)
    assert isinstance(played.outcome, kind)
    assert played.outcome.__cause__ is end


@pytest.mark.parametrize("requestor", [Requestor, AsyncRequestor])
def test_a_requestor_has_a_safe_repr_and_needs_time(requestor: Any) -> None:
    """The `repr` of a requestor shows its server and no token; its timeout must be above zero."""
    authentication = TokenAuthentication("secret")
    transport = TRANSPORTS[requestor]()
    made = requestor("https://irma.example/api", transport, authentication=authentication)
    assert repr(made) == f"<{requestor.__name__} at https://irma.example/api>"
    for timeout in (timedelta(0), timedelta(seconds=-1)):
        with pytest.raises(e.ConfigurationError, match="above zero"):
            requestor("https://irma.example", transport, timeout=timeout)


@pytest.mark.parametrize("requestor", [Requestor, AsyncRequestor])
@pytest.mark.parametrize("key", ["nothing", b"nothing", ["nothing"], [7], Path("key.pem")])
def test_invalid_server_key_is_refused(requestor: Any, key: Any) -> None:
    """The constructor refuses a server key that is not PEM."""
    with pytest.raises(e.ConfigurationError, match="PEM"):
        requestor("https://irma.example", TRANSPORTS[requestor](), server_key=key)


@pytest.mark.parametrize("requestor", [Requestor, AsyncRequestor])
@pytest.mark.parametrize("nothing", [[], (), "", b""])
def test_an_empty_server_key_is_refused(requestor: Any, nothing: Any) -> None:
    """An empty server key is refused, so that it cannot disable verification."""
    with pytest.raises(e.ConfigurationError):
        requestor("https://irma.example", TRANSPORTS[requestor](), server_key=nothing)


@pytest.mark.parametrize(
    "name",
    sorted(each for each in vars(Requestor) if not each.startswith("_")),
)
def test_both_modes_have_the_same_docstrings(name: str) -> None:
    """Each method has the same docstring in both modes, apart from the word `async`."""
    sync_doc = inspect.getdoc(getattr(Requestor, name)) or ""
    async_doc = inspect.getdoc(getattr(AsyncRequestor, name)) or ""
    assert len(sync_doc) > len(name)
    assert async_doc.replace("async ", "") == sync_doc
