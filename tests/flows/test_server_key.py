"""Fetching the server's key: when, for which results, and by which of several calls."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any, cast

import attrs
import pytest

from irma_core import (
    DisclosureRequest,
    Evidence,
    FetchedServerKey,
    Requestor,
    RequestorToken,
    SessionResult,
)
from irma_core.errors import (
    ConfigurationError,
    DeadlineError,
    IrmaError,
    ResultJwtError,
    ServerRefusedError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow, Send, Sleep
from irma_core.flows.session_answers import verified_result_flow
from irma_core.flows.single_flight import CachedValue, SingleFlight, fetch_once_flow
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_testing import ScriptedTransport
from irma_testing.scripted import Step
from irma_testing.time import ManualClock
from tests.core.proving import OVER18, started
from tests.trust.make_jwt_vectors import CLAIMS, HEADER, KEY, OTHER, WEAK, pem, sign

TEXT = (("content-type", "text/plain"),)
NOW = int(ManualClock().now().timestamp())
OURS, ANOTHERS = (
    sign(HEADER, {**CLAIMS, "iat": NOW, "exp": NOW + 86_400}, key) for key in (KEY, OTHER)
)
REFUSED = HttpResponse(
    501,
    (("content-type", "application/json"),),
    body=b'{"status":501,"error":"UNSUPPORTED","description":"d"}',
)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@cache
def key_is(key: Any) -> HttpResponse:
    return HttpResponse(200, TEXT, body=pem(key).encode())


class Place:
    """A requestor's context at a scripted server."""

    def __init__(self, *steps: Step, policy: FetchedServerKey | None = None) -> None:
        self.transport = ScriptedTransport(steps)
        self.context = RequestorContext(
            ServerUrl.parse("https://irma.example"),
            self.transport.clock,
            jitter=lambda: 0.0,
            fetched_key=policy or FetchedServerKey(),
        )

    def verify(self, jwt: str, **how: Any) -> SessionResult:
        return run(verified_result_flow(self.context, jwt, **how), self.transport)

    def refused(self, jwt: str, **how: Any) -> str:
        with pytest.raises(ResultJwtError) as caught:
            self.verify(jwt, **how)
        return caught.value.code

    @property
    def fetches(self) -> int:
        assert {each.label for each in self.transport.requests} <= {"GET publickey"}
        return len(self.transport.requests)

    def pass_time(self, duration: timedelta) -> None:
        self.transport.clock.advance(duration)


def test_only_the_transport_limits_the_size_of_a_result() -> None:
    """A transport limits the size of a signed result, and verification sets no other limit."""
    large = {**CLAIMS, "iat": NOW, "exp": NOW + 60, "x": "x" * 1024 * 1024}
    place = Place(key_is(KEY))
    assert place.verify(sign(HEADER, large, KEY)).evidence is Evidence.SIGNED


def test_a_key_is_fetched_once_and_kept_for_its_lifetime() -> None:
    """The server's key is fetched once, and again for the first use after its lifetime."""
    place = Place(key_is(KEY), key_is(OTHER), key_is(OTHER))
    for _ in range(3):
        place.verify(OURS)
        place.pass_time(timedelta(minutes=15))
    assert place.fetches == 1
    place.pass_time(timedelta(minutes=15))
    assert place.refused(OURS) == "signature"
    place.verify(ANOTHERS)
    assert place.fetches == 3


def test_unverified_signature_fetches_the_key_again() -> None:
    """A signature that the cached key does not verify makes the flow fetch the key again."""
    place = Place(key_is(OTHER), key_is(KEY))
    place.verify(ANOTHERS)
    place.verify(OURS)
    assert place.fetches == 2


def test_a_key_is_refreshed_once_per_minimum_interval() -> None:
    """Only a wrong signature refreshes the key, once a minute; a failed fetch does not count."""
    place = Place(key_is(OTHER), key_is(OTHER), REFUSED, key_is(OTHER), key_is(KEY))
    assert place.refused(OURS) == "signature"
    assert place.fetches == 2
    place.pass_time(MINUTE - SECOND)
    assert place.refused(OURS) == "signature"
    place.pass_time(SECOND)
    assert place.refused("a.b.c") == "base64"
    assert place.fetches == 2
    with pytest.raises(ServerRefusedError):
        place.verify(OURS)
    assert place.refused(OURS) == "signature"
    assert place.fetches == 4
    assert place.refused(OURS) == "signature"
    assert place.fetches == 4
    place.pass_time(MINUTE)
    place.verify(OURS)
    assert place.fetches == 5


@pytest.mark.parametrize("body", [pem(WEAK), pem(KEY)[:200], "-----BEGIN PUBLIC KEY-----\n"])
def test_an_unusable_key_is_an_unexpected_response(body: str) -> None:
    """A server that returns no usable key raises UnexpectedResponseError."""
    place = Place(HttpResponse(200, TEXT, body=body.encode()))
    with pytest.raises(UnexpectedResponseError, match="RSA public key"):
        place.verify(OURS)


def test_fetch_has_the_deadline_of_its_call() -> None:
    """The fetch of a key ends at the deadline of the call that needs the key."""
    place = Place(key_is(KEY))
    place.verify(OURS, deadline=place.transport.clock.monotonic() + 3)
    assert place.transport.deadlines == [place.transport.clock.monotonic() + 3]


def test_a_requestor_without_a_key_verifies_nothing() -> None:
    """Without a server key, verification raises an error instead of trusting the result."""
    place = Place()
    wiring = attrs.evolve(place.context, fetched_key=None)
    with pytest.raises(ConfigurationError, match="server_key"):
        run(verified_result_flow(wiring, OURS), place.transport)


@pytest.mark.parametrize(
    "settings",
    [
        {"lifetime": timedelta(0)},
        {"minimum_interval": -SECOND},
        {"lifetime": 60},
        {"lifetime": SECOND, "minimum_interval": MINUTE},
    ],
)
def test_an_invalid_lifetime_is_refused(settings: dict[str, Any]) -> None:
    """An invalid lifetime or interval is refused when the setting is made."""
    with pytest.raises(ConfigurationError):
        cast("Any", FetchedServerKey)(**settings)


def fetching(place: Place, **how: Any) -> Flow[SessionResult]:
    """Begin to verify, up to the fetch."""
    flow = verified_result_flow(place.context, OURS, **how)
    assert isinstance(next(flow), Send)
    return flow


def waiting(place: Place, **how: Any) -> Flow[SessionResult]:
    """Begin to verify while another call fetches, up to the wait."""
    flow = verified_result_flow(place.context, OURS, **how)
    assert isinstance(next(flow), Sleep)
    return flow


def ended(flow: Flow[Any], answer: object = None) -> object:
    """Resume a flow, and return its result or error."""
    try:
        if isinstance(answer, IrmaError):
            flow.throw(answer)
        else:
            flow.send(answer)
    except StopIteration as stop:
        return stop.value
    except IrmaError as error:
        return error
    raise AssertionError("the flow has not ended")


def test_concurrent_calls_wait_for_one_fetch() -> None:
    """Concurrent calls wait for one fetch and use its key."""
    place = Place()
    first, *others = fetching(place), waiting(place), waiting(place)
    assert isinstance(others[0].send(None), Sleep)
    assert isinstance(ended(first, key_is(KEY)), SessionResult)
    assert all(isinstance(ended(each), SessionResult) for each in others)


def test_waiting_calls_share_a_short_lived_key() -> None:
    """Calls that wait for a key use it even if it expires at once."""
    second = timedelta(seconds=1)
    place = Place(policy=FetchedServerKey(lifetime=second, minimum_interval=second))
    first, *others = fetching(place), waiting(place), waiting(place)
    place.pass_time(2 * second)
    for flow, answer in ((first, key_is(KEY)), *((each, None) for each in others)):
        assert isinstance(ended(flow, answer), SessionResult)


def test_waiting_calls_fail_with_the_fetch() -> None:
    """If a fetch fails, each waiting call raises its own error, without another fetch."""
    place = Place()
    first, other = fetching(place), waiting(place)
    failure = ended(first, REFUSED)
    same = ended(other)
    assert isinstance(same, ServerRefusedError)
    assert (str(same), same.__cause__, same.__context__) == (str(failure), None, None)
    assert same is not failure  # the original error, which has the frames of the other call
    assert isinstance(ended(fetching(place), key_is(KEY)), SessionResult)


def test_next_call_fetches_if_the_first_has_no_time() -> None:
    """If the first call has no time left, the next call fetches within its own deadline."""
    place = Place()
    first, other = fetching(place), waiting(place)
    assert isinstance(ended(first, DeadlineError("over")), DeadlineError)
    assert isinstance(other.send(None), Send)
    third = waiting(place)
    other.close()
    assert isinstance(third.send(None), Send)
    assert isinstance(ended(third, key_is(KEY)), SessionResult)


def test_a_waiting_call_ends_at_its_deadline() -> None:
    """The last sleep of a waiting call ends at its deadline."""
    place = Place()
    first = fetching(place)
    soon = place.transport.clock.monotonic() + 1 / 64
    other = verified_result_flow(place.context, OURS, deadline=soon)
    sleep = next(other)
    assert isinstance(sleep, Sleep)
    assert sleep.duration == timedelta(seconds=1 / 64)
    place.pass_time(timedelta(seconds=0.03))
    assert isinstance(ended(other), DeadlineError)
    assert isinstance(ended(first, key_is(KEY)), SessionResult)


def test_a_fetch_that_takes_too_long_is_replaced() -> None:
    """A fetch that takes too long is replaced by another, and its late end changes nothing."""
    place = Place()
    lost = fetching(place)
    place.pass_time(MINUTE)
    later = fetching(place)
    assert isinstance(ended(lost, key_is(KEY)), SessionResult)
    assert place.context.key_flight.is_being_fetched
    assert isinstance(ended(later, key_is(KEY)), SessionResult)
    assert not place.context.key_flight.is_being_fetched


def test_a_key_fetched_by_another_call_is_used() -> None:
    """Calls that were about to fetch use a key that another call has just fetched."""
    place = Place(key_is(OTHER))
    place.verify(ANOTHERS)
    first, second = fetching(place), waiting(place)
    assert isinstance(ended(first, key_is(KEY)), SessionResult)
    assert isinstance(ended(second), SessionResult)


def test_a_fetch_of_another_thread_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call does not fetch if another thread has fetched since the call looked for a key."""
    place = Place()
    kept, clock = place.context.key_flight, place.transport.clock
    landed = CachedValue("landed", until=clock.monotonic() + 60)
    join = SingleFlight.join

    def land(self: SingleFlight, *given: Any) -> Any:
        self.value = landed
        return join(self, *given)

    def never() -> Flow[CachedValue]:
        raise AssertionError("the key was already fetched")

    monkeypatch.setattr(SingleFlight, "join", land)
    found = run(fetch_once_flow(kept, clock, never, clock.monotonic() + 1), place.transport)
    assert found is landed
    assert not kept.is_being_fetched


class SlowServer:
    """A transport for many threads, whose server takes a while to return its key."""

    def __init__(self, many: int) -> None:
        self.clock = ManualClock()
        self.fetches: list[str] = []
        self._all_are_there = threading.Barrier(many)

    def jitter(self) -> float:
        return 0.0

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        if request.label != "GET publickey":
            self._all_are_there.wait(60)
            return HttpResponse(200, TEXT, body=OURS.encode())
        self.fetches.append(request.label)
        time.sleep(0.02)
        return key_is(KEY)

    def open_stream(self, request: HttpRequest, deadline: float) -> Any:
        raise NotImplementedError

    def sleep(self, duration: timedelta) -> None:
        time.sleep(0.001)


def test_one_of_many_threads_fetches_the_key() -> None:
    """Of many threads that share a requestor, one fetches the key."""
    many = 16
    server = SlowServer(many)
    requestor = Requestor("https://irma.example", server, server_key=FetchedServerKey())
    asked = started(DisclosureRequest([OVER18]), RequestorToken(str(CLAIMS["token"])))
    with ThreadPoolExecutor(many) as threads:
        answers = list(threads.map(requestor.get_answer, [asked] * many))
    assert {answer.evidence for answer in answers} == {Evidence.SIGNED}
    assert len(server.fetches) == 1
