"""A gateway's token: where it is sent, when it is fetched, and how its failures are reported."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import math
import os
import sys
import traceback
from collections.abc import Iterable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    DisclosureRequest,
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    HmacSigner,
    PairingMethod,
    Requestor,
    SessionStatus,
    async_requestor,
    requestor,
)
from irma_core import errors as e
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Call, Flow, Send, Sleep, call_application
from irma_core.gateway.token_flow import Gateway
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_testing import AsyncScriptedTransport, ScriptedStream, ScriptedTransport
from irma_testing.scripted import Step
from irma_testing.time import ManualClock
from tests.core.proving import FRONTEND_SECRET, SECRET_TOKEN, started

JSON, TEXT = (("content-type", "application/json"),), (("content-type", "text/plain"),)
BASE, URL = "https://irma.example/api", "https://login.example/token"
ASKED = DisclosureRequest({"age": "example.town.age.over18"})
OK = HttpResponse(200, TEXT, body=b"OK")
UNAUTHORIZED = HttpResponse(401)
PACKAGE = HttpResponse(
    200,
    JSON,
    body=json.dumps(
        {
            "sessionPtr": {"u": f"{BASE}/irma/session/c", "irmaqr": "disclosing"},
            "token": SECRET_TOKEN,
            "frontendRequest": {"authorization": "f" * 20},
        }
    ).encode(),
)
BROKEN = e.ConnectionBrokenError("POST token", "reset", request_sent=True)


def token(name: str, expires_in: int | None = 3600) -> HttpResponse:
    value = {"access_token": name, "token_type": "Bearer", "expires_in": expires_in}
    return HttpResponse(200, JSON, body=json.dumps(value).encode())


def passing(**how: Any) -> GatewayAuthentication[Any]:
    return GatewayAuthentication(URL, GatewaySecret("shop", "the-secret"), **how)


class GatewayStage:
    """A requestor behind a gateway, and what it sent."""

    def __init__(self, *steps: Step, streams: Iterable[Any] = (), **how: Any) -> None:
        self.transport = ScriptedTransport(steps, streams=streams)
        self.requestor = Requestor(BASE, self.transport, gateway=passing(**how))

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(each.label, shown(each)) for each in self.transport.requests]

    def pass_time(self, seconds: float) -> None:
        self.transport.clock.advance(timedelta(seconds=seconds))


def shown(request: HttpRequest) -> str:
    headers = dict(request.headers)
    return headers.get("x-gateway", headers.get("authorization", ""))


def test_token_is_cached() -> None:
    """A token is replaced half a minute, or a tenth of a short lifetime, before its expiry."""
    stage = GatewayStage(token("one", 600), OK, OK, token("two", 100), OK, OK, token("three"), OK)
    stage.requestor.check_health()
    stage.pass_time(569)
    stage.requestor.check_health()
    stage.pass_time(1)
    stage.requestor.check_health()
    stage.pass_time(89)
    stage.requestor.check_health()
    stage.pass_time(1)
    stage.requestor.check_health()
    tokens = [header for path, header in stage.sent if path == "GET health"]
    assert tokens == [f"Bearer {name}" for name in ("one", "one", "two", "two", "three")]


def test_token_without_expiry_is_cached() -> None:
    """A token without `expires_in` (RFC 6749, section 5.1) is used until the gateway refuses it."""
    stage = GatewayStage(token("one", None), OK, UNAUTHORIZED, token("two", None), OK)
    stage.requestor.check_health()
    stage.pass_time(10**7)
    stage.requestor.check_health()
    assert [header for _path, header in stage.sent[-3:]][::2] == ["Bearer one", "Bearer two"]


def test_refusals_cause_a_limited_number_of_token_requests() -> None:
    """A call fetches at most two tokens, and further calls fetch none for ten seconds."""
    stage = GatewayStage(token("one"), UNAUTHORIZED, token("two"), UNAUTHORIZED, token("three"), OK)
    for _ in range(2):
        with pytest.raises(e.GatewayError, match="GET health: the gateway refuses every token"):
            stage.requestor.check_health()
    assert len(stage.sent) == 4
    stage.pass_time(10)
    stage.requestor.check_health()
    assert stage.transport.is_complete


def test_refused_token_is_never_sent_again() -> None:
    """After a failed token request, the next try fetches a token and does not send the old one."""
    stage = GatewayStage(token("one"), OK, UNAUTHORIZED, HttpResponse(503), token("two"), OK)
    stage.requestor.check_health()
    stage.requestor.check_health()
    assert [header for path, header in stage.sent if path == "GET health"] == [
        *["Bearer one"] * 2,
        "Bearer two",
    ]


def test_accepted_token_resets_refusals() -> None:
    """Once the gateway accepts a token, its next refusal leads to a new token at once."""
    stage = GatewayStage(
        token("one"), UNAUTHORIZED, token("two"), OK, UNAUTHORIZED, token("three"), OK
    )
    stage.requestor.check_health()
    stage.requestor.check_health()
    assert stage.transport.is_complete


STATUS = HttpResponse(200, JSON, body=b'"CONNECTED"')
DONE = HttpResponse(200, JSON, body=b'"DONE"')
INVALID = HttpResponse(400, JSON, body=b'{"error":"invalid_client"}')


@pytest.mark.parametrize(
    "fault", [HttpResponse(503), HttpResponse(500), HttpResponse(429), INVALID, BROKEN, OK]
)
def test_watch_survives_token_failures(fault: Step) -> None:
    """A watch continues when the authorization server fails after it has issued tokens."""
    stage = GatewayStage(token("one"), STATUS, UNAUTHORIZED, *[fault] * 5, token("two"), DONE)
    with stage.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]
    assert stage.transport.is_complete


def test_watch_survives_brief_refusals() -> None:
    """A watch continues when a gateway refuses two tokens in a row, as it may after a restart."""
    stage = GatewayStage(
        token("one"), STATUS, UNAUTHORIZED, token("two"), UNAUTHORIZED, token("three"), DONE
    )
    with stage.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]


@pytest.mark.parametrize(
    "steps",
    [
        [UNAUTHORIZED, token("two"), UNAUTHORIZED, token("three"), UNAUTHORIZED],
        [UNAUTHORIZED, *[INVALID] * 11],
    ],
)
def test_lasting_refusals_end_a_watch(steps: list[Step]) -> None:
    """A watch ends with GatewayError once refusals have lasted for ten seconds."""
    stage = GatewayStage(token("one"), STATUS, *steps)
    watch = stage.requestor.watch_status(started(ASKED))
    with pytest.raises(e.GatewayError, match=r"refuse") as caught, watch as statuses:
        list(statuses)
    assert not caught.value.may_pass
    assert stage.transport.is_complete


def test_old_refusals_are_forgotten() -> None:
    """A refusal after an hour without calls counts as the first one."""
    stage = GatewayStage(token("one", 50), OK, *[HttpResponse(503)] * 3, INVALID, token("two"), OK)
    stage.requestor.check_health()
    stage.pass_time(50)
    with pytest.raises(e.GatewayError):
        stage.requestor.check_health()
    stage.pass_time(3600)
    stage.requestor.check_health()
    assert stage.transport.is_complete


def test_retry_after_is_respected() -> None:
    """A call waits as long as `Retry-After` says, or fails without a request for lack of time."""
    busy = HttpResponse(429, (("retry-after", "20"),))
    stage = GatewayStage(busy, token("one"), OK)
    stage.requestor.check_health()
    assert [each.total_seconds() for each in stage.transport.slept] == [20]
    stage = GatewayStage(busy, STATUS)
    stage.requestor = Requestor(
        BASE, stage.transport, gateway=passing(), timeout=timedelta(seconds=10)
    )
    for _ in range(2):
        with pytest.raises(e.GatewayError) as caught:
            stage.requestor.check_health()
        assert caught.value.retry_after == 20
    assert len(stage.sent) == 1


def test_retry_after_may_be_a_date() -> None:
    """A date in `Retry-After` is compared with the transport's clock."""
    busy = HttpResponse(429, (("retry-after", "Mon, 23 Nov 2026 12:00:20 GMT"),))
    stage = GatewayStage(busy, token("one"), OK)
    stage.requestor.check_health()
    assert stage.transport.slept == [timedelta(seconds=20)]


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_long_retry_after_is_limited(asked: str) -> None:
    """A `Retry-After` of hours stops token requests for at most a minute."""
    stage = GatewayStage(HttpResponse(503, (("retry-after", asked),)), token("one"), OK)
    with pytest.raises(e.GatewayError):
        stage.requestor.check_health()
    stage.pass_time(60)
    stage.requestor.check_health()


def test_watch_respects_retry_after() -> None:
    """A watch polls again after the server's `Retry-After`, or after at most half a minute."""
    slow = HttpResponse(429, (("retry-after", "7"),))
    dated = HttpResponse(429, (("retry-after", "Monday, 23-Nov-26 12:00:16 GMT"),))
    late = HttpResponse(503, (("retry-after", "9999"),))
    transport = ScriptedTransport([slow, dated, late, DONE])
    with Requestor(BASE, transport).watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.DONE]
    assert [each.total_seconds() for each in transport.slept] == [7, 9, 30]


def test_refused_start_is_sent_again() -> None:
    """The start of a session that the gateway refused is sent again unchanged."""
    stage = GatewayStage(token("one"), UNAUTHORIZED, token("two"), PACKAGE)
    stage.requestor.start_session(ASKED)
    (_, first, _, second) = stage.transport.requests
    assert (first.url, first.body) == (second.url, second.body)


def test_token_goes_to_base_url_only() -> None:
    """A call to the session pointer's URL has no gateway token, even at the same host."""
    elsewhere = started(ASKED)
    stage = GatewayStage(HttpResponse(204), header="X-Gateway")
    stage.requestor.complete_pairing(elsewhere)
    assert stage.sent == [("POST frontend/pairingcompleted", FRONTEND_SECRET)]
    assert elsewhere.pointer.url.startswith("https://irma.example/irma/")


@pytest.mark.parametrize("header", ["Authorization", "X-Gateway"])
def test_browser_calls_carry_no_token(header: str) -> None:
    """A call that browsers also make has no gateway token, wherever the pointer leads."""
    options = HttpResponse(200, JSON, body=b'{"pairingMethod":"none"}')
    stage = GatewayStage(token("one"), PACKAGE, options, header=header)
    session = stage.requestor.start_session(ASKED)
    stage.requestor.set_pairing(session, PairingMethod.NONE)
    assert stage.sent[-1] == ("POST frontend/options", "f" * 20)


def test_refused_stream_is_opened_again() -> None:
    """A stream that the gateway refused is closed, and opened again with a new token."""
    refused, good = ScriptedStream(status=401), ScriptedStream([b'data: "DONE"\n\n'])
    status = HttpResponse(200, JSON, body=b'"CONNECTED"')
    stage = GatewayStage(token("one"), token("two"), status, streams=[refused, good])
    with stage.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]
    assert refused.is_closed
    assert [shown(each) for each in stage.transport.subscriptions] == ["Bearer one", "Bearer two"]


def test_no_token_means_nothing_was_sent() -> None:
    """A start that gets no token is tried again, and its error says that no request was sent."""
    stage = GatewayStage(BROKEN, HttpResponse(503), token("one"), PACKAGE)
    stage.requestor.start_session(ASKED)
    assert len(stage.transport.slept) == 2
    for fault in (BROKEN, HttpResponse(503)):
        stage = GatewayStage(fault, fault, fault)
        with pytest.raises(e.GatewayError) as caught:
            stage.requestor.start_session(ASKED)
        assert not caught.value.request_sent
        assert stage.transport.is_complete


def test_permanent_refusal_is_not_repeated() -> None:
    """If the authorization server refuses the client, a call makes no second token request."""
    refusal = HttpResponse(400, JSON, body=b'{"error":"invalid_scope"}')
    stage = GatewayStage(refusal)
    with pytest.raises(e.GatewayError, match="invalid_scope"):
        stage.requestor.check_health()
    stage = GatewayStage(refusal, refusal)
    watch = stage.requestor.watch_status(started(ASKED))
    with pytest.raises(e.GatewayError), watch as statuses:
        next(statuses)


class Failing:
    """A signer that fails `fails` times before it signs."""

    algorithm = "HS256"

    def __init__(self) -> None:
        self.fails = 0
        self._signer = HmacSigner(bytes(range(32)))

    def sign(self, signing_input: bytes) -> bytes:
        if self.fails:
            self.fails -= 1
            raise OSError("token removed")
        return self._signer.sign(signing_input)


def test_watch_survives_signer_failures() -> None:
    """A watch continues when its signer fails for a stream's token, and for a poll's."""
    signer = Failing()
    transport = ScriptedTransport([token("one", 1), STATUS, token("two"), DONE])
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", signer))
    requestor = Requestor(BASE, transport, gateway=gateway)
    signer.fails = 2
    with requestor.watch_status(started(ASKED)) as statuses:
        assert next(statuses) is SessionStatus.CONNECTED
        signer.fails = 5
        assert list(statuses) == [SessionStatus.DONE]
    assert signer.fails == 0


def test_failing_signer_is_a_signing_error() -> None:
    """A failing signer is tried three times by a call, and again by the next call."""
    signer = Failing()
    signer.fails = 3
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", signer))
    transport = ScriptedTransport([token("one"), OK])
    shop = Requestor(BASE, transport, gateway=gateway)
    with pytest.raises(e.SigningError):
        shop.check_health()
    shop.check_health()
    assert b"client_assertion=" in (transport.requests[0].body or b"")


class ManualGateway:
    """A gateway whose flows a test drives by hand."""

    def __init__(self, gateway: GatewayAuthentication[Any] | None = None) -> None:
        self.clock = ManualClock()
        server = ServerUrl.parse(BASE)
        context = RequestorContext(server, self.clock, jitter=lambda: 0.0)
        self.gateway = Gateway(gateway or passing(), context)

    def asking(self, within: float = 10) -> Flow[HttpResponse]:
        """Return a flow that sends one request."""

        def flow() -> Flow[HttpResponse]:
            request = HttpRequest("GET", f"{BASE}/health", label="GET health")
            return (yield from Send(request, self.clock.monotonic() + within))

        return self.gateway.through(flow())


@pytest.mark.parametrize(("expires_in", "passes"), [(0, 0), (1, 1), (3600, 5000)])
def test_waiting_calls_share_a_short_lived_token(expires_in: int, passes: int) -> None:
    """Waiting calls use the fetched token even if it has expired, or each of them would fetch."""
    manual = ManualGateway()
    first, *others = (manual.asking(within=9999) for _ in range(5))
    assert isinstance(next(first), Send)
    for each in others:
        assert isinstance(next(each), Sleep)
    manual.clock.advance(timedelta(seconds=passes))
    for flow, answer in ((first, token("one", expires_in)), *((each, None) for each in others)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer one"
        flow.close()


def test_forked_process_fetches_its_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process does not wait for its parent's fetch, as it lacks the parent's threads."""
    manual = ManualGateway()
    parents, childs = manual.asking(), manual.asking()
    assert isinstance(next(parents), Send)
    monkeypatch.setattr("irma_core.flows.single_flight.getpid", lambda: -1)
    assert isinstance(next(childs), Send)
    for each in (parents, childs):
        each.close()


def test_call_without_time_left_fetches_nothing() -> None:
    """A call whose time is up raises GatewayError without a token request."""
    manual = ManualGateway()
    first, second = manual.asking(within=1), manual.asking(within=1)
    next(first)
    next(second)
    manual.clock.advance(timedelta(seconds=4))
    with pytest.raises(e.GatewayError, match="in time") as caught:
        second.send(None)
    assert caught.value.may_pass
    first.close()
    with pytest.raises(e.GatewayError, match="in time"):
        next(manual.asking(within=0))


def test_slow_signer_fails_only_its_own_call() -> None:
    """When a signer uses up its call's time, a waiting call with more time does the signing."""
    manual = ManualGateway(GatewayAuthentication(URL, GatewayAssertion("shop", Failing())))
    first, second = manual.asking(within=1), manual.asking()
    sign = next(first)
    assert isinstance(sign, Call)
    assert sign.deadline == manual.clock.monotonic() + 1
    assert isinstance(next(second), Sleep)
    manual.clock.advance(timedelta(seconds=1))
    with pytest.raises(e.GatewayError, match="in time"):
        first.throw(e.SigningError("the signer did not answer in time"))
    assert isinstance(second.send(None), Call)
    second.close()


def test_one_call_fetches_for_all() -> None:
    """While one call fetches a token, the others wait for it and use it."""
    manual = ManualGateway()
    first, second = manual.asking(), manual.asking()
    assert isinstance(next(first), Send)
    assert isinstance(next(second), Sleep)
    for flow, answer in ((first, token("one")), (second, None)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer one"
        flow.close()


def test_waiting_too_long_is_a_gateway_error() -> None:
    """A call that waits too long for a token raises GatewayError, and the fetch continues."""
    manual = ManualGateway()
    first, second = manual.asking(), manual.asking(within=1)
    next(first)
    assert isinstance(next(second), Sleep)
    manual.clock.advance(timedelta(seconds=2))
    with pytest.raises(e.GatewayError, match="in time"):
        second.send(None)
    assert isinstance(first.send(token("one")), Send)
    first.close()


def test_call_with_more_time_fetches_again() -> None:
    """When the fetching call has no time left, a waiting call with more time fetches."""
    manual = ManualGateway()
    first, second = manual.asking(within=1), manual.asking()
    next(first)
    assert isinstance(next(second), Sleep)
    manual.clock.advance(timedelta(seconds=1))
    with pytest.raises(e.GatewayError, match="in time"):
        first.throw(e.TransportTimeoutError("POST token", "time-out", request_sent=True))
    assert isinstance(second.send(None), Send)
    second.close()


def test_shared_failure_shows_no_foreign_frames() -> None:
    """The error of a waiting call shows no frame of the call that fetched."""

    def of_another_visitor() -> None:
        first.send(HttpResponse(400, (), body=b'{"error": "invalid_client"}'))

    manual = ManualGateway()
    first, second = manual.asking(), manual.asking()
    next(first)
    next(second)
    with pytest.raises(e.GatewayError, match="invalid_client"):
        of_another_visitor()
    with pytest.raises(e.GatewayError, match="invalid_client") as caught:
        second.send(None)
    assert "of_another_visitor" not in "".join(traceback.format_exception(caught.value))


def test_newer_token_replaces_a_refused_one() -> None:
    """A call whose token is refused uses the token that another call has fetched since."""
    manual = ManualGateway()
    first, second = manual.asking(), manual.asking()
    next(first)
    next(second)
    first.send(token("one"))
    second.send(None)
    assert isinstance(first.send(UNAUTHORIZED), Send)
    assert isinstance(second.send(UNAUTHORIZED), Sleep)
    for flow, answer in ((first, token("two")), (second, None)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer two"
        flow.close()


def test_inner_flow_is_closed() -> None:
    """The flow that runs through a gateway is closed at the end, even after an error."""
    ends: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from Sleep(timedelta(0))
        finally:
            ends.append("closed")

    manual = ManualGateway()
    through = manual.gateway.through(flow())
    next(through)
    through.close()
    assert ends == ["closed"]
    run(manual.gateway.through(flow()), ScriptedTransport())
    assert ends == ["closed", "closed"]


def test_application_errors_reach_the_flow() -> None:
    """An exception of the application is raised inside the flow, which can still clean up."""
    heard: list[Exception] = []

    def fail() -> None:
        raise ZeroDivisionError

    def flow() -> Flow[None]:
        try:
            yield from call_application(fail, math.inf)
        except ZeroDivisionError as error:
            heard.append(error)
            yield from Sleep(timedelta(0))
            raise

    transport = ScriptedTransport()
    with pytest.raises(ZeroDivisionError):
        run(ManualGateway().gateway.through(flow()), transport)
    assert (len(heard), len(transport.slept)) == (1, 1)


def files_entered(requestor: Requestor) -> set[str]:
    """Return the files whose functions a call enters."""
    files: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, _event, _argument: files.add(frame.f_code.co_filename))
    try:
        requestor.check_health()
    finally:
        sys.setprofile(before)
    return files


def test_only_a_requestor_with_a_gateway_runs_its_code() -> None:
    """A call of a requestor without a gateway enters no function of the gateway's package."""
    room = f"irma_core{os.sep}gateway{os.sep}"
    plain = files_entered(Requestor(BASE, ScriptedTransport([OK])))
    assert not [path for path in plain if room in path]
    behind = files_entered(GatewayStage(token("one"), OK).requestor)
    assert [path for path in behind if room in path]


@pytest.mark.parametrize("front", [requestor, async_requestor])
def test_every_call_runs_through_the_gateway(front: ModuleType) -> None:
    """Each requestor runs all flows in one method, which applies the gateway."""
    tree = ast.parse(inspect.getsource(front))
    runners = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and each.id in {"run", "run_async"}
    ]
    assert runners == ["_run"]


def test_async_requestor_passes_a_gateway() -> None:
    """An AsyncRequestor passes a gateway with a token request that an async signer signed."""

    class Awaited:
        algorithm = "HS256"

        async def sign(self, signing_input: bytes) -> bytes:
            return HmacSigner(bytes(range(32))).sign(signing_input)

    transport = AsyncScriptedTransport([token("one"), OK])
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", Awaited()))
    asyncio.run(AsyncRequestor(BASE, transport, gateway=gateway).check_health())
    assert shown(transport.requests[-1]) == "Bearer one"
