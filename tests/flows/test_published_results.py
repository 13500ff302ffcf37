"""Answers with a status backend: from the published signed result, or otherwise from the server."""

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
    FetchedServerKey,
    Requestor,
    Risk,
    SessionStatus,
    StartedSession,
)
from irma_core import errors as e
from irma_core.flows.driver import run_async
from irma_core.flows.effects import Call
from irma_core.flows.session_answers import get_answer_flow
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import (
    AsyncScriptedTransport,
    InMemoryServer,
    ScriptedTransport,
    SimulatedApp,
)
from irma_testing.scripted import Step
from tests.flows.scripted_backend import AsyncScriptedBackend, ScriptedBackend, ScriptedEnd
from tests.flows.watched import MODES, PACKAGE, UNKNOWN

ASKED = DisclosureRequest({"mail": "pbdf.sidn-pbdf.email.email"})
FAILING = e.StatusBackendError("away")
NOT_YET = None
DONE = PublishedEnd(SessionStatus.DONE)
TIMEOUT = PublishedEnd(SessionStatus.TIMEOUT)
A_MINUTE = timedelta(minutes=1)
Method = Callable[[Any, StartedSession], Any]
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
    """A session that has ended at a server in memory, and its signed result."""

    def __init__(self, status: SessionStatus = SessionStatus.DONE) -> None:
        self.server = InMemoryServer()
        self.app = SimulatedApp(self.server)
        self.app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
        requestor = Requestor(self.server.url, self.server.transport())
        self.session = requestor.start_session(ASKED)
        self.another = requestor.start_session(ASKED)
        if status is SessionStatus.DONE:
            self.app.accept(self.session.pointer)
        elif status is SessionStatus.CANCELLED:
            self.app.refuse(self.session.pointer)
        self.app.accept(self.another.pointer)
        self.jwt = requestor.get_result_jwt(self.session)
        self.jwt_of_another = requestor.get_result_jwt(self.another)

    def answer(self, mode: str, published: Any, steps: int = 0, **settings: Any) -> Any:
        """Return the answer or the error, and check that the call takes `steps` requests."""
        settings = {"server_key": self.server.public_key_pem, **settings}
        settings.setdefault("allow", {Risk.SIMULATED_PROOFS})
        return answer_or_error(
            mode,
            [self.server.handle] * steps,
            [published],
            self.server.url,
            self.session,
            **settings,
        )


def answer_or_error(
    mode: str,
    steps: Iterable[Step],
    backend: Iterable[ScriptedEnd],
    url: str = "https://irma.example",
    session: StartedSession | None = None,
    *,
    call: Method = get_answer,
    **settings: Any,
) -> Any:
    """Return the answer or the error of a call that must use up the script."""
    script = [PACKAGE, *steps] if session is None else list(steps)
    transport: Any = _TRANSPORTS[mode](script)
    scripted = _BACKENDS[mode](backend)
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
        assert transport.is_complete


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


_TRANSPORTS: dict[str, Any] = {"sync": ScriptedTransport, "async": AsyncScriptedTransport}
_BACKENDS: dict[str, Any] = {"sync": ScriptedBackend, "async": AsyncScriptedBackend}
_REQUESTORS: dict[str, Any] = {"sync": Requestor, "async": AsyncRequestor}


def end(jwt: str | None, status: SessionStatus = SessionStatus.DONE) -> PublishedEnd:
    return PublishedEnd(status, jwt)


@MODES
def test_published_result_gives_the_answer(mode: str) -> None:
    """The server, which may have restarted, is not asked if its signed result is published."""
    ended = Ended()
    answer = ended.answer(mode, end(ended.jwt))
    assert isinstance(answer, Answer)
    assert answer.evidence is Evidence.SIGNED
    assert answer["mail"].value == "ada@example.com"


@MODES
def test_published_cancellation_needs_no_request(mode: str) -> None:
    """A signed result of a cancelled session raises without a request to the server."""
    ended = Ended(SessionStatus.CANCELLED)
    published = end(ended.jwt, SessionStatus.CANCELLED)
    assert isinstance(ended.answer(mode, published), e.SessionCancelledError)


@MODES
@pytest.mark.parametrize("jwt", [None, "no JWT", "{jwt}AAAA", "{jwt_of_another}"])
def test_rejected_published_result_is_ignored(mode: str, jwt: str | None) -> None:
    """The server is asked if the published result is missing, forged, or from another session."""
    ended = Ended()
    published = end(jwt and jwt.format(**vars(ended)))
    assert isinstance(ended.answer(mode, published, steps=1), Answer)


@MODES
@pytest.mark.parametrize("result", [FAILING, ValueError("own"), 7, "a.b.c"])
def test_failing_backend_is_ignored(mode: str, result: object) -> None:
    """The server is asked if the backend raises or returns something that is not an end."""
    assert isinstance(Ended().answer(mode, result, steps=1), Answer)


@MODES
def test_published_result_of_an_unfinished_session_is_ignored(mode: str) -> None:
    """The IRMA server signs results at any status, so the status in the JWT is checked."""
    ended = Ended(SessionStatus.INITIALIZED)
    ended.app.accept(ended.session.pointer)
    assert isinstance(ended.answer(mode, end(ended.jwt), steps=1), Answer)


@MODES
def test_published_result_needs_a_server_key(mode: str) -> None:
    """Without a server key the published result cannot be verified, so the server is asked."""
    ended = Ended()
    answer = ended.answer(mode, end(ended.jwt), steps=1, server_key=None)
    assert isinstance(answer, Answer)
    assert answer.evidence is Evidence.TRANSPORT


def test_no_key_is_fetched_for_a_published_result() -> None:
    """A published result, which may be forged, is verified only with a cached key."""
    ended = Ended()
    transport = ScriptedTransport([ended.server.handle] * 2)
    requestor = Requestor(
        ended.server.url,
        transport,
        status_backend=ScriptedBackend([end(ended.jwt)] * 3 + [end(ended.jwt + "AAAA")]),
        server_key=FetchedServerKey(),
        allow={Risk.SIMULATED_PROOFS},
    )
    assert requestor.get_answer(ended.session).evidence is Evidence.SIGNED
    assert [each.label for each in transport.requests] == [
        "GET session/{token}/result-jwt",
        "GET publickey",
    ]
    assert requestor.get_answer(ended.session).evidence is Evidence.SIGNED
    assert len(transport.requests) == 2


@MODES
def test_server_is_asked_until_it_confirms_the_published_end(mode: str) -> None:
    """A call waits for a published end at the server, which may still report `CONNECTED`."""
    steps = [result("CONNECTED"), result("CONNECTED"), result("DONE")]
    assert isinstance(answer_or_error(mode, steps, [DONE]), Answer)


@MODES
@pytest.mark.parametrize("published", [NOT_YET, FAILING, SessionStatus.DONE])
def test_unfinished_session_raises_at_once(mode: str, published: ScriptedEnd) -> None:
    """Without a published end, SessionNotFinishedError is raised after one request."""
    error = answer_or_error(mode, [result("CONNECTED")], [published])
    assert isinstance(error, e.SessionNotFinishedError)


@MODES
def test_false_published_end_gives_no_answer(mode: str) -> None:
    """A published end that the server never confirms raises when the call's time is over."""
    steps = [result("CONNECTED")] * 3
    error = answer_or_error(mode, steps, [DONE], timeout=timedelta(seconds=2.5))
    assert isinstance(error, e.SessionNotFinishedError)


@MODES
@pytest.mark.parametrize("reply", [UNKNOWN, result("TIMEOUT")])
def test_published_timeout_is_confirmed_by_the_server(mode: str, reply: Step) -> None:
    """A published timeout counts if the server confirms it or has forgotten the session."""
    error = answer_or_error(mode, [reply], [TIMEOUT], call=wait_for_answer)
    assert isinstance(error, e.SessionTimedOutError)


@MODES
def test_false_published_timeout_loses_no_answer(mode: str) -> None:
    """A false published timeout does not end a session whose answer the server has."""
    answer = answer_or_error(mode, [result("DONE")], [TIMEOUT], call=wait_for_answer)
    assert isinstance(answer, Answer)


@MODES
def test_wait_with_a_backend_takes_three_requests(mode: str) -> None:
    """With a status backend, a session takes three requests: start, status and result."""
    connected = HttpResponse(200, (("content-type", "application/json"),), body=b'"CONNECTED"')
    backend = [NOT_YET, timedelta(seconds=20), DONE, DONE]
    answer = answer_or_error(mode, [connected, result("DONE")], backend, call=wait_for_answer)
    assert isinstance(answer, Answer)


def test_answer_is_requested_until_the_deadline() -> None:
    """After the end, a server that is unavailable is asked again until the deadline of the wait."""
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


def test_hanging_async_backend_is_cancelled() -> None:
    """A call of an async backend is cancelled at its deadline, and the server is asked."""

    class Hanging:
        async def hang(self, *_given: object) -> Any:
            await asyncio.Event().wait()

        wait = publish = hang

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


def test_hanging_backend_leaves_time_for_the_server() -> None:
    """A look at the backend takes at most half of the call's time, so the server can be asked."""
    transport = ScriptedTransport([PACKAGE])
    limit = timedelta(seconds=3)
    backend = ScriptedBackend()
    requestor = Requestor("https://irma.example", transport, status_backend=backend, timeout=limit)
    session = requestor.start_session(ASKED)
    now = transport.clock.monotonic()
    look = next(iter(get_answer_flow(requestor.context, session)))
    assert isinstance(look, Call)
    assert look.deadline - now == limit.total_seconds() / 2
