"""Answers with a status backend: the signed result that was published, or else the server's."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    Answer,
    AsyncRequestor,
    DisclosureRequest,
    Evidence,
    Requestor,
    Risk,
    SessionStatus,
    StartedSession,
)
from irma_core import errors as e
from irma_core.flows.driver import run_async
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import ReadOutcome
from irma_testing import (
    AsyncScriptedTransport,
    InMemoryServer,
    ScriptedTransport,
    SimulatedApp,
)
from irma_testing.scripted import Step
from tests.flows.scripted_backend import AsyncScriptedBackend, Play, ScriptedBackend
from tests.flows.watched import MODES, PACKAGE, UNKNOWN

ASKED = DisclosureRequest({"mail": "pbdf.sidn-pbdf.email.email"})
FAILING = e.StatusBackendError("away")
IDLE = ReadOutcome.IDLE
DONE, TIMEOUT = SessionStatus.DONE, SessionStatus.TIMEOUT
A_MINUTE = timedelta(minutes=1)
Call = Callable[[Any, StartedSession], Any]
MAIL = {
    "id": "pbdf.sidn-pbdf.email.email",
    "rawvalue": "ada@example.com",
    "value": {"": "ada@example.com"},
    "status": "PRESENT",
    "issuancetime": 1795046400,
}


def get_answer(requestor: Any, session: StartedSession) -> Any:
    return requestor.get_answer(session)


def wait_for_answer(requestor: Any, session: StartedSession) -> Any:
    return requestor.wait_for_answer(session, timeout=A_MINUTE)


def result(status: str) -> HttpResponse:
    value: dict[str, object] = {
        "token": "abcdefghijKLMNOPQRST",
        "status": status,
        "type": "disclosing",
    }
    if status == "DONE":
        value |= {"proofStatus": "VALID", "disclosed": [[MAIL]]}
    headers = (("content-type", "application/json"),)
    return HttpResponse(200, headers, body=json.dumps(value).encode())


class Ended:
    """A session that has ended at a server in memory, and the signed result of it."""

    def __init__(self, status: SessionStatus = DONE) -> None:
        self.server = InMemoryServer()
        self.app = SimulatedApp(self.server)
        self.app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
        requestor = Requestor(self.server.url, self.server.transport())
        self.session = requestor.start_session(ASKED)
        self.another = requestor.start_session(ASKED)
        if status is DONE:
            self.app.accept(self.session.pointer)
        elif status is SessionStatus.CANCELLED:
            self.app.refuse(self.session.pointer)
        self.app.accept(self.another.pointer)
        self.jwt = requestor.get_result_jwt(self.session)
        self.jwt_of_another = requestor.get_result_jwt(self.another)

    def answer(self, mode: str, published: Any, steps: int = 0, **settings: Any) -> Any:
        """Ask for the answer; give it or the error, once so many requests were made for it."""
        settings = {"server_key": self.server.public_key_pem, **settings}
        settings.setdefault("allow", {Risk.SIMULATED_PROOFS})
        return asked(
            mode,
            [self.server.handle] * steps,
            published,
            self.server.url,
            self.session,
            **settings,
        )


def asked(
    mode: str,
    steps: Iterable[Step],
    published: Any,
    url: str = "https://irma.example",
    session: StartedSession | None = None,
    *,
    call: Call = get_answer,
    backend: Iterable[Play] = (),
    **settings: Any,
) -> Any:
    """Make a call by a script that must be played to its end."""
    script = [PACKAGE, *steps] if session is None else list(steps)
    transport: Any = _TRANSPORTS[mode](script)
    scripted = _BACKENDS[mode](backend, result=published)
    scripted.clock = transport.clock
    requestor: Any = _REQUESTORS[mode](url, transport, status_backend=scripted, **settings)

    async def main() -> Any:
        started = await _awaited(requestor.start_session(ASKED)) if session is None else session
        return await _awaited(call(requestor, started))

    try:
        return asyncio.run(main())
    except e.IrmaError as error:
        return error
    finally:
        assert transport.is_played


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


_TRANSPORTS: dict[str, Any] = {"sync": ScriptedTransport, "async": AsyncScriptedTransport}
_BACKENDS: dict[str, Any] = {"sync": ScriptedBackend, "async": AsyncScriptedBackend}
_REQUESTORS: dict[str, Any] = {"sync": Requestor, "async": AsyncRequestor}


@MODES
def test_a_published_result_is_the_answer_without_a_question(mode: str) -> None:
    """The server may have restarted since."""
    ended = Ended()
    answer = ended.answer(mode, ended.jwt)
    assert isinstance(answer, Answer)
    assert answer.evidence is Evidence.SIGNED
    assert answer["mail"].value == "ada@example.com"


@MODES
def test_a_published_refusal_is_the_end_too(mode: str) -> None:
    """Signed by the server, like any other result."""
    ended = Ended(SessionStatus.CANCELLED)
    assert isinstance(ended.answer(mode, ended.jwt), e.SessionCancelledError)


@MODES
@pytest.mark.parametrize("published", [None, FAILING, 7, "no JWT", "{jwt}AAAA", "{jwt_of_another}"])
def test_what_is_not_a_final_signed_result_is_asked_for(mode: str, published: Any) -> None:
    """Absent, failing, no JWT, changed, or of another session: it is believed in nothing."""
    ended = Ended()
    text = published.format(**vars(ended)) if isinstance(published, str) else published
    assert isinstance(ended.answer(mode, text, steps=1), Answer)


@MODES
def test_an_unfinished_result_of_the_same_session_is_asked_for_anew(mode: str) -> None:
    """Irmago signs a result at any status."""
    ended = Ended(SessionStatus.INITIALIZED)
    ended.app.accept(ended.session.pointer)
    assert isinstance(ended.answer(mode, ended.jwt, steps=1), Answer)


@MODES
def test_without_a_server_key_nothing_that_was_published_counts(mode: str) -> None:
    """It could not be verified: the server's word over TLS is asked for."""
    ended = Ended()
    answer = ended.answer(mode, ended.jwt, steps=1, server_key=None)
    assert isinstance(answer, Answer)
    assert answer.evidence is Evidence.TRANSPORT


@MODES
def test_an_end_that_the_server_has_not_stored_yet_is_waited_for(mode: str) -> None:
    """The callback comes before it: the server still says that the app is connected."""
    steps = [result("CONNECTED"), result("CONNECTED"), result("DONE")]
    assert isinstance(asked(mode, steps, None, backend=[DONE, DONE]), Answer)


@MODES
@pytest.mark.parametrize("told", [IDLE, FAILING, SessionStatus.CONNECTED])
def test_an_unfinished_session_is_no_answer(mode: str, told: Play) -> None:
    """Where nobody says that it has ended, that is said at once."""
    error = asked(mode, [result("CONNECTED")], None, backend=[told])
    assert isinstance(error, e.SessionNotFinishedError)


@MODES
def test_a_backend_that_lies_makes_no_answer(mode: str) -> None:
    """It is asked until the call's time is up, and no longer."""
    steps = [result("CONNECTED")] * 3
    timeout = timedelta(seconds=2.5)
    error = asked(mode, steps, None, backend=[DONE] * 9, timeout=timeout)
    assert isinstance(error, e.SessionNotFinishedError)


@MODES
@pytest.mark.parametrize("said", [UNKNOWN, result("TIMEOUT")])
def test_a_time_out_that_the_backend_tells_is_asked_about(mode: str, said: Step) -> None:
    """The server confirms it, or has forgotten the session by then."""
    error = asked(mode, [said], None, call=wait_for_answer, backend=[TIMEOUT])
    assert isinstance(error, e.SessionTimedOutError)


@MODES
def test_a_time_out_that_is_none_takes_no_answer_away(mode: str) -> None:
    """Whoever can write to the backend cannot end a session."""
    answer = asked(mode, [result("DONE")], None, call=wait_for_answer, backend=[TIMEOUT])
    assert isinstance(answer, Answer)


@MODES
def test_three_requests_are_the_most_where_the_backend_tells_the_end(mode: str) -> None:
    """Start, status and result; two where the result was published."""
    words = [HttpResponse(200, (("content-type", "application/json"),), body=b'"CONNECTED"')]
    backend = [IDLE, timedelta(seconds=20), DONE]
    answer = asked(mode, [*words, result("DONE")], None, call=wait_for_answer, backend=backend)
    assert isinstance(answer, Answer)


def test_an_answer_is_asked_for_until_the_deadline_of_the_wait() -> None:
    """The person has disclosed, and the server keeps the result for a while."""
    away = HttpResponse(503)
    done = HttpResponse(200, (("content-type", "application/json"),), body=b'"DONE"')
    transport = ScriptedTransport([PACKAGE, done, *[away] * 7, result("DONE")])
    requestor = Requestor("https://irma.example", transport)
    session = requestor.start_session(ASKED)
    assert wait_for_answer(requestor, session)["mail"].value == "ada@example.com"
    transport = ScriptedTransport([PACKAGE, done, *[away] * 99])
    requestor = Requestor("https://irma.example", transport)
    session = requestor.start_session(ASKED)
    with pytest.raises(e.UnexpectedResponseError, match="503"):
        requestor.wait_for_answer(session, timeout=timedelta(seconds=10))
    assert 5 <= sum(each.total_seconds() for each in transport.slept) <= 10


def test_a_backend_that_hangs_costs_no_watch() -> None:
    """It is cancelled, and the server is asked in its place."""

    class Hanging:
        async def hang(self, *_given: object) -> Any:
            await asyncio.Event().wait()

        next_status = published_result = publish = hang

        async def aclose(self) -> None: ...

    async def watch() -> Answer:
        done = HttpResponse(200, (("content-type", "application/json"),), body=b'"DONE"')
        transport = AsyncScriptedTransport([PACKAGE, done, result("DONE")])
        hanging: Any = Hanging()
        requestor = AsyncRequestor("https://irma.example", transport, status_backend=hanging)
        session = await requestor.start_session(ASKED)
        impatient = attrs.evolve(requestor.context, try_timeout=timedelta(milliseconds=10))
        return await run_async(wait_for_answer_flow(impatient, session, A_MINUTE), transport)

    assert asyncio.run(watch())["mail"].value == "ada@example.com"
