"""The server's posts: callbacks with their quirks, and chained sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from irma_core.errors import ConnectionBrokenError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ManualClock, Outcome, SimulatedApp
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    FAMILYNAME,
    FIRSTNAME,
    OVER18,
    OVER65,
    PHONE,
    Http,
    claims_in,
    disclosure,
    issuance,
    json_in,
    values_in,
)

AGE18 = disclosure([[OVER18]])
CALLBACK = "https://requestor.example/cb/"
NEXT = "https://requestor.example/next"
WITH_CALLBACK = {"request": AGE18, "callbackUrl": CALLBACK}
WITH_NEXT = {"request": AGE18, "nextSession": {"url": NEXT}}


def answer_with(value: object) -> Callable[[HttpRequest], HttpResponse]:
    """Return a function that replies to every post with this JSON."""
    return lambda _request: HttpResponse(200, body=json.dumps(value).encode())


def test_callback_comes_before_the_result(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The server posts a callback before it stores the final status, and ignores the reply."""
    seen: list[str] = []
    package = http.start(WITH_CALLBACK)

    def receive(_request: HttpRequest) -> HttpResponse:
        seen.append(http.status(package["token"]))
        return HttpResponse(500)

    server.deliver = receive
    assert server.deliver is receive
    app.accept(package["sessionPtr"])
    assert seen == ["CONNECTED"]
    assert http.status(package["token"]) == "DONE"


def test_the_last_posts_are_kept(http: Http, server: InMemoryServer) -> None:
    """The server keeps only the last 1000 posts, because they contain disclosed attributes."""
    http.start({**WITH_CALLBACK, "timeout": 7})
    server.pass_time(timedelta(seconds=8))
    token = http.start({**WITH_CALLBACK, "timeout": -1})["token"]
    first = server.posted[0]
    for _ in range(1000):
        http.status(token)
    assert len(server.posted) == 1000
    assert first not in server.posted


def test_time_out_callback_is_repeated(http: Http, server: InMemoryServer) -> None:
    """The server posts a time-out at each request and each sweep, until the session is deleted."""
    token = http.start({**WITH_CALLBACK, "timeout": 7})["token"]
    counts = []
    for happens in (
        lambda: server.pass_time(timedelta(seconds=7.2)),  # the time-out, before the first sweep
        lambda: server.pass_time(timedelta(seconds=0.5)),  # a sweep
        lambda: http.status(token),
        lambda: http.result(token),
        lambda: server.pass_time(timedelta(seconds=20)),  # two sweeps
        lambda: http.call("DELETE", f"/session/{token}"),
        lambda: server.pass_time(timedelta(minutes=10)),
    ):
        happens()
        counts.append(len(server.posted))
    assert counts == [0, 1, 2, 3, 5, 6, 6]
    said_of = {claims_in(post.body or b"")["status"] for post in server.posted}
    assert said_of == {"TIMEOUT"}


def test_post_is_tried_three_times(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """The server gives up a post after three transport errors, and raises any other error."""

    def hang_up(request: HttpRequest) -> HttpResponse:
        raise ConnectionBrokenError(request.label, "hung up", request_sent=True)

    server.deliver = hang_up
    package = http.start(WITH_CALLBACK)
    app.accept(package["sessionPtr"])
    assert len(server.posted) == 3
    assert http.status(package["token"]) == "DONE"

    def fail(_request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    server.deliver = fail
    with pytest.raises(ZeroDivisionError):
        app.accept(http.start(WITH_CALLBACK)["sessionPtr"])


def test_posts_follow_redirects(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """A post follows a 302 with a GET and a 307 with the same POST, at most nine times."""
    for status, expected in (
        (302, ("GET", "https://requestor.example/there", None)),
        (307, ("POST", "https://requestor.example/there", b"eyJ")),
    ):
        head = (("Location", "/there"),)
        answers = iter([HttpResponse(status, head), HttpResponse(200)])
        server.deliver = lambda _request, answers=answers: next(answers)
        app.accept(http.start(WITH_CALLBACK)["sessionPtr"])
        last = server.posted[-1]
        assert (last.method, last.url, last.body and last.body[:3]) == expected
    server.deliver = lambda _request: HttpResponse(302, (("location", "/on"),))
    before = len(server.posted)
    app.accept(http.start(WITH_CALLBACK)["sessionPtr"])
    assert len(server.posted) == before + 3 * 10
    server.deliver = lambda _request: HttpResponse(304, (("location", "/there"),))
    before = len(server.posted)
    app.accept(http.start(WITH_CALLBACK)["sessionPtr"])
    assert len(server.posted) == before + 1


def test_receiver_deletes_the_session(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """If the receiver deletes the session, the server posts again, and the app's call fails."""
    package = http.start(WITH_CALLBACK)

    def delete(_request: HttpRequest) -> HttpResponse:
        http.call("DELETE", f"/session/{package['token']}")
        return HttpResponse(200)

    server.deliver = delete
    session = app.accept(package["sessionPtr"])
    said_of = [claims_in(post.body or b"")["status"] for post in server.posted]
    assert said_of == ["DONE"] + ["CANCELLED"] * 9
    assert session.outcome is not None
    assert session.outcome.error == "INTERNAL_ERROR"


def test_slow_receiver_leaves_the_app_without_a_status(clock: ManualClock) -> None:
    """If the receiver is slow, the app gets no proof status, although the result is stored."""

    def receive(_request: HttpRequest) -> HttpResponse:
        clock.advance(timedelta(seconds=5))
        return HttpResponse(200)

    server = InMemoryServer(scheme=EXAMPLE_SCHEME, clock=clock, deliver=receive)
    http, app = Http(server.url, server.handle), SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    package = http.start(WITH_CALLBACK)
    session = app.accept(package["sessionPtr"])
    assert session.outcome is not None
    assert session.outcome.proof_status is None
    assert http.status(package["token"]) == "DONE"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            HttpResponse(200),
            "Error type: serverResponse\nDescription: unexpected end of JSON input",
        ),
        (HttpResponse(200, body=b"null"), "Failed to JSON unmarshal request bytes"),
        (
            HttpResponse(201, body=b"{}"),
            "Error type: serverResponse\n"
            "Description: unexpected response, status 201: {}\nStatus code: 201",
        ),
        (HttpResponse(200, body=b'{"@context":"x"}'), "Invalid session request type"),
    ],
)
def test_an_unusable_next_session_fails_the_app(
    http: Http, server: InMemoryServer, app: SimulatedApp, answer: HttpResponse, reason: str
) -> None:
    """If the next session is unusable, the app gets an error and the session is cancelled."""
    server.deliver = lambda _request: answer
    package = http.start(WITH_NEXT)
    session = app.accept(package["sessionPtr"])
    assert session.outcome == Outcome(error="NEXT_SESSION", message=reason)
    result = http.result(package["token"])
    assert result == {**result, "status": "CANCELLED", "type": "disclosing"}
    assert "error" not in result


def test_forbidden_next_session_fails(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """A next session that the requestor may not start cancels the app's session."""
    server.deliver = answer_with(disclosure([[OVER18]], host="other.example"))
    package = http.start(WITH_NEXT)
    session = app.accept(package["sessionPtr"])
    assert session.outcome is not None
    assert session.outcome.error == "NEXT_SESSION"
    assert http.status(package["token"]) == "CANCELLED"


def test_chain_asks_for_the_same_values(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The next session of a chain requests the disclosed values and skipped slots again."""
    server.deliver = answer_with(disclosure([[FIRSTNAME]]))
    first = {
        "request": disclosure([["example.town.age"]], [[EMAIL], []], [[PHONE]]),
        "nextSession": {"url": NEXT},
    }
    package = http.start(first)
    app.scan(package["sessionPtr"]).accept({1: 1})
    result = http.result(package["token"])
    assert values_in(result) == [["present"], [], [None]]
    following = http.result(result["nextSession"])
    assert values_in(following) == [["Ada"], ["present"], [], [None]]


def test_chain_step_by_step(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """The next session of a chain waits for the user, and accepts only the values of the first."""
    server.deliver = answer_with(disclosure([[FAMILYNAME]]))
    package = http.start(WITH_NEXT)
    session = app.scan(package["sessionPtr"])
    session.accept(follow=False)
    token = http.result(package["token"])["nextSession"]
    assert http.status(token) == "CONNECTED"
    assert session.next is not None
    session.next.cheat(values={OVER18: "no"})
    assert values_in(http.result(token)) == [["Lovelace"], None]


def test_chain_keeps_the_frontend_authorization(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The frontend authorization of the first session is valid for the next session of a chain."""
    server.deliver = answer_with(disclosure([[OVER65]]))
    package = http.start({"request": issuance(AGE), "nextSession": {"url": NEXT}})
    app.accept(package["sessionPtr"])
    known = package["frontendRequest"]["authorization"]
    url = package["sessionPtr"]["u"]
    following = json_in(http.call("GET", f"{url}/frontend/status", authorization=known))
    again = f"{following['nextSession']['u']}/frontend/status"
    assert json_in(http.call("GET", again, authorization=known)) == {"status": "DONE"}
