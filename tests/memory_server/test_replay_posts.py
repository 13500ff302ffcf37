"""Sessions as in the recordings cause the recorded posts of the server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from irma_core import ProofStatus
from irma_core.protocol.messages import HttpResponse
from irma_testing import ScannedSession
from tests.memory_server.calling import AGE, EMAIL, OVER18, disclosure, issuance, signature
from tests.memory_server.recordings import all_names, comparable, recording
from tests.memory_server.stage import Person, Request, assert_alike, cheating, stage

AGE18 = disclosure([[OVER18]])
AGE_ISSUANCE = issuance(AGE)
X_SIGNATURE = signature("x", [[OVER18]])
CHAIN = "https://requestor.example/next/"
CHAINED: dict[str, tuple[HttpResponse, Person]] = {
    "next-session-none": (HttpResponse(204), ScannedSession.accept),
    "next-session-fails-500": (HttpResponse(500), ScannedSession.accept),
    "next-session-fails-empty-200": (HttpResponse(200), ScannedSession.accept),
    "next-session-not-called": (HttpResponse(204), cheating(send=[[]])),
}


@pytest.mark.parametrize("name", CHAINED)
def test_chain_that_ends_matches_the_recording(name: str) -> None:
    """A chain without a next session has the recorded posts and results."""
    on = stage(name)
    answer, person = CHAINED[name]
    on.answers[CHAIN] = answer
    token = on.play({"request": AGE18, "nextSession": {"url": CHAIN}}, person)
    recorded = "next-session-result-none" if answer.status == 204 else name
    if name == "next-session-none":
        assert comparable(on.server.posted[0].body or b"") == comparable(
            recording(name)["request"]["body"]
        )
    if name == "next-session-not-called":
        recorded = name
        assert on.server.posted == ()
    assert_alike(on.http.call("GET", f"/session/{token}/result"), recorded)


@pytest.mark.parametrize("name", ["next-session-post", "next-session-post-unsigned"])
def test_chain_of_three_matches_the_recording(name: str) -> None:
    """A chain of three sessions has the recorded posts and the three recorded results."""
    on = stage(name)
    more = recording("next-session-post")["response"]["body"].encode()
    last = b'{"@context":"https://irma.app/ld/request/disclosure/v2","disclose":[[["%s"]]]}'
    body = b'{"nextSession":{"url":"%s2"},"request":%s}' % (CHAIN.encode(), more)
    on.answers = {
        CHAIN: HttpResponse(200, body=body),
        f"{CHAIN}2": HttpResponse(200, body=last % EMAIL.encode()),
    }
    token = on.play({"request": AGE18, "nextSession": {"url": CHAIN}})
    post, expected = on.server.posted[0], recording(name)["request"]
    assert comparable(post.body or b"") == comparable(expected["body"])
    assert dict(post.headers).items() <= expected["headers"].items()
    for number in ("first", "second", "third"):
        response = on.http.call("GET", f"/session/{token}/result")
        said = comparable(response.body)
        expected_said = comparable(recording(f"next-session-result-{number}")["response"]["body"])
        assert said.pop("nextSession", None) == ("<token>" if number != "third" else None)
        expected_said.pop("nextSession", None)
        assert said == expected_said
        token = on.http.result(token).get("nextSession", "")


CALLBACKS: dict[str, tuple[Request, Person | None]] = {
    "callback-done": (AGE18, ScannedSession.accept),
    "callback-query": (AGE18, ScannedSession.accept),
    "callback-unsigned": (AGE18, ScannedSession.accept),
    "callback-issued": (AGE_ISSUANCE, ScannedSession.accept),
    "callback-issuance-failed": (AGE_ISSUANCE, cheating(flaw=ProofStatus.INVALID)),
    "callback-signed": (X_SIGNATURE, ScannedSession.accept),
    "callback-refused": (AGE18, ScannedSession.refuse),
    "callback-deleted": (AGE18, None),
    "callback-timeout": (AGE18, None),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_match_the_recordings(name: str) -> None:
    """A callback has the recorded URL with its final slash, the recorded headers and the body."""
    on = stage(name)
    expected = recording(name)["request"]
    base = "http://127.0.0.1:33077"
    request, person = CALLBACKS[name]
    url = f"{base}{expected['path'].removesuffix('/')}"
    token = on.play({"request": request, "callbackUrl": url, "timeout": 60}, person)
    if name == "callback-deleted":
        on.http.call("DELETE", f"/session/{token}")
    if name == "callback-timeout":
        on.server.pass_time(timedelta(seconds=60))
        on.http.status(token)
    (post, *_) = on.server.posted
    assert post.url == f"{base}{expected['path']}"
    assert dict(post.headers).items() <= expected["headers"].items()
    assert comparable(post.body or b"") == comparable(expected["body"])


def test_every_recorded_post_is_replayed() -> None:
    """This module replays all recordings of callbacks and chains, with two exceptions."""
    # The exceptions: one needs two calls at the same time, the other is in `test_replay_starts`.
    recorded = set(all_names()) - {"callback-twice-contradicting", "next-session-start"}
    played = {*CALLBACKS, *CHAINED, "next-session-post", "next-session-post-unsigned"}
    played |= {f"next-session-result-{name}" for name in ("first", "second", "third", "none")}
    assert {name for name in recorded if name.startswith(("callback-", "next-"))} == played
