"""The token of a gateway: where it goes, when it is fetched, and what if it cannot be."""

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
NO = HttpResponse(401)
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


class Place:
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


def test_a_token_is_fetched_once_and_kept_until_shortly_before_its_end() -> None:
    """Half a minute, or a tenth of a short life."""
    place = Place(token("one", 600), OK, OK, token("two", 100), OK, OK, token("three"), OK)
    place.requestor.check_health()
    place.pass_time(569)
    place.requestor.check_health()
    place.pass_time(1)
    place.requestor.check_health()
    place.pass_time(89)
    place.requestor.check_health()
    place.pass_time(1)
    place.requestor.check_health()
    tokens = [header for path, header in place.sent if path == "GET health"]
    assert tokens == [f"Bearer {name}" for name in ("one", "one", "two", "two", "three")]


def test_a_token_without_an_end_is_kept_until_it_is_refused() -> None:
    """RFC 6749, section 5.1: the server need not say it."""
    place = Place(token("one", None), OK, NO, token("two", None), OK)
    place.requestor.check_health()
    place.pass_time(10**7)
    place.requestor.check_health()
    assert [header for _path, header in place.sent[-3:]][::2] == ["Bearer one", "Bearer two"]


def test_a_refused_token_is_replaced_once_and_not_again_at_once() -> None:
    """A gateway that refuses all tokens is no reason to fetch tokens without end."""
    place = Place(token("one"), NO, token("two"), NO, token("three"), OK)
    for _ in range(2):
        with pytest.raises(e.GatewayError, match="GET health: the gateway refuses each token"):
            place.requestor.check_health()
    assert len(place.sent) == 4
    place.pass_time(10)
    place.requestor.check_health()
    assert place.transport.is_complete


def test_a_refused_token_is_never_sent_again() -> None:
    """Where no other token can be had at first, the next try fetches one."""
    place = Place(token("one"), OK, NO, HttpResponse(503), token("two"), OK)
    place.requestor.check_health()
    place.requestor.check_health()
    assert [header for path, header in place.sent if path == "GET health"] == [
        *["Bearer one"] * 2,
        "Bearer two",
    ]


def test_a_token_that_is_taken_ends_the_memory_of_refusals() -> None:
    """What was refused before it says nothing of the next refusal."""
    place = Place(token("one"), NO, token("two"), OK, NO, token("three"), OK)
    place.requestor.check_health()
    place.requestor.check_health()
    assert place.transport.is_complete


STATUS = HttpResponse(200, JSON, body=b'"CONNECTED"')
DONE = HttpResponse(200, JSON, body=b'"DONE"')
INVALID = HttpResponse(400, JSON, body=b'{"error":"invalid_client"}')


@pytest.mark.parametrize(
    "fault", [HttpResponse(503), HttpResponse(500), HttpResponse(429), INVALID, BROKEN, OK]
)
def test_a_fault_of_the_authorization_server_amid_a_watch_is_no_end(fault: Step) -> None:
    """Tokens were given before, so that the next question may well get one."""
    place = Place(token("one"), STATUS, NO, *[fault] * 5, token("two"), DONE)
    with place.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]
    assert place.transport.is_complete


def test_a_gateway_that_refuses_each_token_for_a_moment_is_no_end_of_a_watch() -> None:
    """It may just have been restarted."""
    place = Place(token("one"), STATUS, NO, token("two"), NO, token("three"), DONE)
    with place.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]


@pytest.mark.parametrize(
    "steps", [[NO, token("two"), NO, token("three"), NO], [NO, *[INVALID] * 11]]
)
def test_refusals_that_last_end_a_watch(steps: list[Step]) -> None:
    """After ten seconds there is no reason to hope any more."""
    place = Place(token("one"), STATUS, *steps)
    watch = place.requestor.watch_status(started(ASKED))
    with pytest.raises(e.GatewayError, match=r"refuse") as caught, watch as statuses:
        list(statuses)
    assert not caught.value.may_pass
    assert place.transport.is_complete


def test_a_refusal_long_after_another_is_a_new_one() -> None:
    """In between nobody called, so that nothing is known of that time."""
    place = Place(token("one", 50), OK, *[HttpResponse(503)] * 3, INVALID, token("two"), OK)
    place.requestor.check_health()
    place.pass_time(50)
    with pytest.raises(e.GatewayError):
        place.requestor.check_health()
    place.pass_time(3600)
    place.requestor.check_health()
    assert place.transport.is_complete


def test_the_authorization_server_is_left_alone_for_as_long_as_it_asks() -> None:
    """By all calls of the requestor, and a call with time enough waits."""
    busy = HttpResponse(429, (("retry-after", "20"),))
    place = Place(busy, token("one"), OK)
    place.requestor.check_health()
    assert [each.total_seconds() for each in place.transport.slept] == [20]
    place = Place(busy, STATUS)
    place.requestor = Requestor(
        BASE, place.transport, gateway=passing(), timeout=timedelta(seconds=10)
    )
    for _ in range(2):
        with pytest.raises(e.GatewayError) as caught:
            place.requestor.check_health()
        assert caught.value.retry_after == 20
    assert len(place.sent) == 1


def test_an_authorization_server_may_say_when_in_a_date() -> None:
    """The date is compared with the clock of the transport, which says 12:00:00."""
    busy = HttpResponse(429, (("retry-after", "Mon, 23 Nov 2026 12:00:20 GMT"),))
    place = Place(busy, token("one"), OK)
    place.requestor.check_health()
    assert place.transport.slept == [timedelta(seconds=20)]


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_authorization_server_is_left_alone_for_hours(asked: str) -> None:
    """One mistaken header must not keep a backend from working."""
    place = Place(HttpResponse(503, (("retry-after", asked),)), token("one"), OK)
    with pytest.raises(e.GatewayError):
        place.requestor.check_health()
    place.pass_time(60)
    place.requestor.check_health()


def test_a_watch_asks_again_when_the_server_said() -> None:
    """Half a minute later at the latest."""
    slow = HttpResponse(429, (("retry-after", "7"),))
    dated = HttpResponse(429, (("retry-after", "Monday, 23-Nov-26 12:00:16 GMT"),))
    late = HttpResponse(503, (("retry-after", "9999"),))
    transport = ScriptedTransport([slow, dated, late, DONE])
    with Requestor(BASE, transport).watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.DONE]
    assert [each.total_seconds() for each in transport.slept] == [7, 9, 30]


def test_a_start_that_the_gateway_refused_is_sent_again() -> None:
    """The same request; no session was made."""
    place = Place(token("one"), NO, token("two"), PACKAGE)
    place.requestor.start_session(ASKED)
    (_, first, _, second) = place.transport.requests
    assert (first.url, first.body) == (second.url, second.body)


def test_the_token_goes_to_the_servers_base_url_only() -> None:
    """The pointer's URL may be any host's; and what a browser calls needs no token."""
    elsewhere = started(ASKED)
    place = Place(HttpResponse(204), header="X-Gateway")
    place.requestor.complete_pairing(elsewhere)
    assert place.sent == [("POST frontend/pairingcompleted", FRONTEND_SECRET)]
    assert elsewhere.pointer.url.startswith("https://irma.example/irma/")


@pytest.mark.parametrize("header", ["Authorization", "X-Gateway"])
def test_what_a_browser_calls_too_gets_no_token(header: str) -> None:
    """Wherever the session's pointer has it: the server chose that URL."""
    options = HttpResponse(200, JSON, body=b'{"pairingMethod":"none"}')
    place = Place(token("one"), PACKAGE, options, header=header)
    session = place.requestor.start_session(ASKED)
    place.requestor.set_pairing(session, PairingMethod.NONE)
    assert place.sent[-1] == ("POST frontend/options", "f" * 20)


def test_a_stream_that_is_refused_is_closed_and_opened_again() -> None:
    """With the new token."""
    refused, good = ScriptedStream(status=401), ScriptedStream([b'data: "DONE"\n\n'])
    status = HttpResponse(200, JSON, body=b'"CONNECTED"')
    place = Place(token("one"), token("two"), status, streams=[refused, good])
    with place.requestor.watch_status(started(ASKED)) as statuses:
        assert list(statuses) == [SessionStatus.CONNECTED, SessionStatus.DONE]
    assert refused.is_closed
    assert [shown(each) for each in place.transport.subscriptions] == ["Bearer one", "Bearer two"]


def test_without_a_token_nothing_was_sent() -> None:
    """So a start is tried again on faults that pass, and no session may exist."""
    place = Place(BROKEN, HttpResponse(503), token("one"), PACKAGE)
    place.requestor.start_session(ASKED)
    assert len(place.transport.slept) == 2
    for fault in (BROKEN, HttpResponse(503)):
        place = Place(fault, fault, fault)
        with pytest.raises(e.GatewayError) as caught:
            place.requestor.start_session(ASKED)
        assert not caught.value.request_sent
        assert place.transport.is_complete


def test_a_refusal_is_not_asked_for_again() -> None:
    """Who is not known now, will not be in a second; also in a watch."""
    refusal = HttpResponse(400, JSON, body=b'{"error":"invalid_scope"}')
    place = Place(refusal)
    with pytest.raises(e.GatewayError, match="invalid_scope"):
        place.requestor.check_health()
    place = Place(refusal, refusal)
    watch = place.requestor.watch_status(started(ASKED))
    with pytest.raises(e.GatewayError), watch as statuses:
        next(statuses)


class Failing:
    """Fails for as many times as it was told to, and signs then."""

    algorithm = "HS256"

    def __init__(self) -> None:
        self.fails = 0
        self._signer = HmacSigner(bytes(range(32)))

    def sign(self, signing_input: bytes) -> bytes:
        if self.fails:
            self.fails -= 1
            raise OSError("token removed")
        return self._signer.sign(signing_input)


def test_a_signer_that_fails_for_a_moment_ends_no_watch() -> None:
    """Neither when it is asked for a subscription nor for a question."""
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


def test_a_signer_that_fails_is_a_signing_error() -> None:
    """It is tried as often as the call itself, and again by the next call."""
    signer = Failing()
    signer.fails = 3
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", signer))
    transport = ScriptedTransport([token("one"), OK])
    shop = Requestor(BASE, transport, gateway=gateway)
    with pytest.raises(e.SigningError):
        shop.check_health()
    shop.check_health()
    assert b"client_assertion=" in (transport.requests[0].body or b"")


class Wired:
    """The wiring of a requestor behind a gateway, whose flows are played by hand."""

    def __init__(self, gateway: GatewayAuthentication[Any] | None = None) -> None:
        self.clock = ManualClock()
        server = ServerUrl.parse(BASE)
        context = RequestorContext(server, self.clock, jitter=lambda: 0.0)
        self.gateway = Gateway(gateway or passing(), context)

    def asking(self, within: float = 10) -> Flow[HttpResponse]:
        """Return a flow that asks once."""

        def flow() -> Flow[HttpResponse]:
            request = HttpRequest("GET", f"{BASE}/health", label="GET health")
            return (yield from Send(request, self.clock.monotonic() + within))

        return self.gateway.through(flow())


@pytest.mark.parametrize(("expires_in", "passes"), [(0, 0), (1, 1), (3600, 5000)])
def test_all_that_wait_use_the_token_that_comes_however_short_its_life(
    expires_in: int, passes: int
) -> None:
    """Or they would fetch one after the other, and the last would run out of time."""
    wired = Wired()
    first, *others = (wired.asking(within=9999) for _ in range(5))
    assert isinstance(next(first), Send)
    for each in others:
        assert isinstance(next(each), Sleep)
    wired.clock.advance(timedelta(seconds=passes))
    for flow, answer in ((first, token("one", expires_in)), *((each, None) for each in others)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer one"
        flow.close()


def test_a_flight_of_another_process_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that fetches does not live on in a forked process."""
    wired = Wired()
    parents, childs = wired.asking(), wired.asking()
    assert isinstance(next(parents), Send)
    monkeypatch.setattr("irma_core.flows.single_flight.getpid", lambda: -1)
    assert isinstance(next(childs), Send)
    for each in (parents, childs):
        each.close()


def test_a_call_without_time_begins_no_fetch() -> None:
    """The signer or the authorization server would take more time than the call has."""
    wired = Wired()
    first, second = wired.asking(within=1), wired.asking(within=1)
    next(first)
    next(second)
    wired.clock.advance(timedelta(seconds=4))
    with pytest.raises(e.GatewayError, match="in time") as caught:
        second.send(None)
    assert caught.value.may_pass
    first.close()
    with pytest.raises(e.GatewayError, match="in time"):
        next(wired.asking(within=0))


def test_a_signer_that_takes_the_time_of_its_call_is_no_failure_of_the_others() -> None:
    """They sign for themselves, since they have more time."""
    wired = Wired(GatewayAuthentication(URL, GatewayAssertion("shop", Failing())))
    first, second = wired.asking(within=1), wired.asking()
    sign = next(first)
    assert isinstance(sign, Call)
    assert sign.deadline == wired.clock.monotonic() + 1
    assert isinstance(next(second), Sleep)
    wired.clock.advance(timedelta(seconds=1))
    with pytest.raises(e.GatewayError, match="in time"):
        first.throw(e.SigningError("the signer did not answer in time"))
    assert isinstance(second.send(None), Call)
    second.close()


def test_while_one_fetches_the_others_wait_for_the_token() -> None:
    """And use it."""
    wired = Wired()
    first, second = wired.asking(), wired.asking()
    assert isinstance(next(first), Send)
    assert isinstance(next(second), Sleep)
    for flow, answer in ((first, token("one")), (second, None)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer one"
        flow.close()


def test_who_waits_too_long_for_a_token_has_sent_nothing() -> None:
    """It is the gateway's error, and the one that fetches goes on."""
    wired = Wired()
    first, second = wired.asking(), wired.asking(within=1)
    next(first)
    assert isinstance(next(second), Sleep)
    wired.clock.advance(timedelta(seconds=2))
    with pytest.raises(e.GatewayError, match="in time"):
        second.send(None)
    assert isinstance(first.send(token("one")), Send)
    first.close()


def test_who_has_more_time_fetches_when_the_first_has_none_left() -> None:
    """That the first had little is no failure of the gateway's."""
    wired = Wired()
    first, second = wired.asking(within=1), wired.asking()
    next(first)
    assert isinstance(next(second), Sleep)
    wired.clock.advance(timedelta(seconds=1))
    with pytest.raises(e.GatewayError, match="in time"):
        first.throw(e.TransportTimeoutError("POST token", "time-out", request_sent=True))
    assert isinstance(second.send(None), Send)
    second.close()


def test_a_failure_that_others_wait_for_shows_them_nothing_of_its_call() -> None:
    """Its traceback has the local variables of the application that made that call."""

    def of_another_visitor() -> None:
        first.send(HttpResponse(400, (), body=b'{"error": "invalid_client"}'))

    wired = Wired()
    first, second = wired.asking(), wired.asking()
    next(first)
    next(second)
    with pytest.raises(e.GatewayError, match="invalid_client"):
        of_another_visitor()
    with pytest.raises(e.GatewayError, match="invalid_client") as caught:
        second.send(None)
    assert "of_another_visitor" not in "".join(traceback.format_exception(caught.value))


def test_a_token_that_came_meanwhile_is_used() -> None:
    """By one whose own was refused."""
    wired = Wired()
    first, second = wired.asking(), wired.asking()
    next(first)
    next(second)
    first.send(token("one"))
    second.send(None)
    assert isinstance(first.send(NO), Send)
    assert isinstance(second.send(NO), Sleep)
    for flow, answer in ((first, token("two")), (second, None)):
        sent = flow.send(answer)
        assert isinstance(sent, Send)
        assert shown(sent.request) == "Bearer two"
        flow.close()


def test_a_flow_is_closed_with_the_gateways() -> None:
    """Whatever ends it."""
    ends: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from Sleep(timedelta(0))
        finally:
            ends.append("closed")

    wired = Wired()
    through = wired.gateway.through(flow())
    next(through)
    through.close()
    assert ends == ["closed"]
    run(wired.gateway.through(flow()), ScriptedTransport())
    assert ends == ["closed", "closed"]


def test_a_flow_hears_of_what_the_application_raises() -> None:
    """And can give up what it had claimed, as it does without a gateway."""
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
        run(Wired().gateway.through(flow()), transport)
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
    behind = files_entered(Place(token("one"), OK).requestor)
    assert [path for path in behind if room in path]


@pytest.mark.parametrize("front", [requestor, async_requestor])
def test_no_call_of_a_requestor_goes_round_the_gateway(front: ModuleType) -> None:
    """Flows are run at one place in each, which is where the gateway stands."""
    tree = ast.parse(inspect.getsource(front))
    runners = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and each.id in {"run", "run_async"}
    ]
    assert runners == ["_run"]


def test_the_other_mode_passes_too() -> None:
    """By the same flow, with a signer that is awaited."""

    class Awaited:
        algorithm = "HS256"

        async def sign(self, signing_input: bytes) -> bytes:
            return HmacSigner(bytes(range(32))).sign(signing_input)

    transport = AsyncScriptedTransport([token("one"), OK])
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", Awaited()))
    asyncio.run(AsyncRequestor(BASE, transport, gateway=gateway).check_health())
    assert shown(transport.requests[-1]) == "Bearer one"
