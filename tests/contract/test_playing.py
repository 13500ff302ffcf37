"""Whole sessions with both servers: the statuses during the session, and its result."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from irma_core.protocol.messages import HttpResponse
from tests.contract.places import TOKEN, Place, Post, Setup
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    OVER18,
    OVER65,
    PHONE,
    Http,
    claims_in,
    disclosure,
    error_in,
    issuance,
    json_in,
    revocation,
    signature,
    values_in,
)
from tests.memory_server.recordings import comparable

AGE18 = disclosure([[OVER18]])
UNKNOWN = "AAAAAAAAAAAAAAAAAAAA"


def text(http: Http, path: str) -> str:
    response = http.call("GET", path)
    assert response.status == 200, response.body
    return response.body.decode()


def test_a_disclosure_from_start_to_end(place: Place, http: Http) -> None:
    """A disclosure that the app accepts is DONE, and its results have the attributes."""
    package = http.start(disclosure([[OVER18]], [[EMAIL], []]))
    token = package["token"]
    assert http.status(token) == "INITIALIZED"
    assert http.result(token) == {"token": token, "status": "INITIALIZED", "type": "disclosing"}
    assert place.accept(package["sessionPtr"])
    assert http.status(token) == "DONE"
    result = http.result(token)
    assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
    assert values_in(result)[0] == ["yes"]
    assert {one["status"] for group in result["disclosed"] for one in group} == {"PRESENT"}
    claims = claims_in(text(http, f"/session/{token}/result-jwt"))
    assert (claims["iss"], claims["sub"]) == ("irmaserver", "disclosing_result")
    assert claims["exp"] - claims["iat"] == 120
    older = claims_in(text(http, f"/session/{token}/getproof"))
    assert (older["sub"], older["status"]) == ("disclosure_result", "VALID")
    assert older["attributes"][OVER18] == "yes"
    assert text(http, "/publickey").startswith("-----BEGIN PUBLIC KEY-----")
    assert text(http, "/health") == "OK"


def test_a_signature_is_in_the_result(place: Place, http: Http) -> None:
    """The result of a signature session has a signature over the requested message."""
    package = http.start(signature("I agree", [[OVER18]]))
    assert place.accept(package["sessionPtr"])
    result = http.result(package["token"])
    assert (result["type"], result["proofStatus"]) == ("signing", "VALID")
    assert result["signature"]["message"] == "I agree"


def test_an_issuance_that_asks_nothing_discloses_nothing(place: Place, http: Http) -> None:
    """The result of an issuance without a disclosure is VALID, and has no attributes."""
    package = http.start(issuance(AGE))
    assert place.accept(package["sessionPtr"])
    result = http.result(package["token"])
    assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
    assert "disclosed" not in result


def test_null_attribute(place: Place, http: Http) -> None:
    """A disclosed attribute without a value has status NULL, and null as its value."""
    package = http.start(disclosure([[PHONE]]))
    assert place.accept(package["sessionPtr"])
    (attribute,) = http.result(package["token"])["disclosed"][0]
    assert (attribute["status"], attribute["rawvalue"], attribute["value"]) == ("NULL", None, None)


@pytest.mark.parametrize(
    ("sent", "status"),
    [([[EMAIL]], "MISSING_ATTRIBUTES"), ([[OVER65]], "MISSING_ATTRIBUTES"), ([[]], None)],
)
def test_other_attributes_are_not_valid(
    place: Place, http: Http, sent: list[list[str]], status: str | None
) -> None:
    """If the app sends other attributes, the session is DONE, but its proof is not valid."""
    package = http.start(AGE18)
    place.send(package["sessionPtr"], sent)
    result = http.result(package["token"])
    assert result["status"] == "DONE"
    assert result["proofStatus"] == (status or "MISSING_ATTRIBUTES")
    assert result.get("disclosed", [None])[0] is None


def test_an_unrequested_attribute_is_extra(place: Place, http: Http) -> None:
    """Attributes that were not requested have status EXTRA, in an additional list at the end."""
    package = http.start(AGE18)
    place.send(package["sessionPtr"], [[OVER18], [EMAIL]])
    result = http.result(package["token"])
    assert result["proofStatus"] == "VALID"
    assert [one["status"] for one in result["disclosed"][-1]] == ["EXTRA"]


def test_a_refused_session_is_cancelled(place: Place, http: Http) -> None:
    """A refused session stays CANCELLED, without an error or a proof status."""
    package = http.start(AGE18)
    place.refuse(package["sessionPtr"])
    token = package["token"]
    expected = {"token": token, "status": "CANCELLED", "type": "disclosing"}
    assert http.result(token) == expected
    response = http.call("DELETE", f"/session/{token}")
    assert (response.status, response.body) == (200, b"")
    assert http.result(token) == expected


def test_a_lost_app_leaves_the_session_connected(place: Place, http: Http) -> None:
    """A session whose app disappears stays CONNECTED until the requestor cancels it."""
    package = http.start(AGE18)
    place.connect(package["sessionPtr"])
    token = package["token"]
    assert http.status(token) == "CONNECTED"
    late = {"@context": "https://irma.app/ld/request/frontendoptions/v1", "pairingMethod": "pin"}
    known = package["frontendRequest"]["authorization"]
    url = package["sessionPtr"]["u"]
    for path, body in (("options", late), ("pairingcompleted", None)):
        refused = http.call("POST", f"{url}/frontend/{path}", body, authorization=known)
        assert error_in(refused)[:2] == (403, "UNEXPECTED_REQUEST")
    assert http.call("DELETE", f"/session/{token}").status == 200
    assert http.status(token) == "CANCELLED"
    status = http.call("GET", f"{url}/frontend/status", authorization=known)
    assert json_in(status) == {"status": "CANCELLED"}
    finished = http.call("GET", f"/session/{token}/statusevents")
    assert error_in(finished)[:2] == (403, "UNEXPECTED_REQUEST")


def test_a_negative_time_out_ends_at_once(http: Http) -> None:
    """The server accepts a negative time-out, and the session times out at once."""
    token = http.start({"request": AGE18, "timeout": -5})["token"]
    assert http.status(token) == "TIMEOUT"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("GET /session/{token}/status", (400, "SESSION_UNKNOWN")),
        ("GET /session/{token}/result", (400, "SESSION_UNKNOWN")),
        ("GET /session/{token}/result-jwt", (400, "SESSION_UNKNOWN")),
        ("GET /session/{token}/getproof", (400, "SESSION_UNKNOWN")),
        ("DELETE /session/{token}", (400, "SESSION_UNKNOWN")),
        ("GET /session/{token}/statusevents", (501, "UNSUPPORTED")),
        ("GET /session/short/status", (400, "INVALID_REQUEST")),
        ("POST /irma/session/nobody", (400, "INVALID_REQUEST")),
    ],
)
def test_an_unknown_session(http: Http, call: str, expected: tuple[int, str]) -> None:
    """Each call for an unknown session gets a specific error."""
    method, path = call.format(token=UNKNOWN).split()
    assert error_in(http.call(method, path))[:2] == expected


def test_a_server_without_events_or_key_says_so(place: Place) -> None:
    """A server without events or a key refuses the calls that need them."""
    http = place.http(Setup(sse=False, jwt_key=False))
    token = http.start(AGE18)["token"]
    for path, expected in (
        (f"/session/{token}/statusevents", (500, "SSE_DISABLED")),
        (f"/session/{token}/result-jwt", (500, "EXCEPTION")),
        (f"/session/{token}/getproof", (500, "EXCEPTION")),
        ("/publickey", (501, "UNSUPPORTED")),
    ):
        assert error_in(http.call("GET", path))[:2] == expected
    callback = {"request": AGE18, "callbackUrl": "https://shop.example/"}
    assert http.refused(callback)[:2] == (501, "UNSUPPORTED")


def test_a_requestor_needs_permission_for_each_call(place: Place) -> None:
    """A call without permission gets UNAUTHORIZED, and a type without revocation REVOCATION."""
    http = place.http(Setup(with_requestor=True))
    assert http.start(AGE18, authorization=TOKEN)["token"]
    assert http.refused(AGE18)[:2] == (400, "INVALID_REQUEST")
    assert http.refused(AGE18, authorization="wrong")[:2] == (403, "UNAUTHORIZED")
    for request, named in (
        (disclosure([[EMAIL]]), EMAIL),
        (signature("x", [[OVER18]]), ""),
        (issuance(AGE), None),
    ):
        status, error, message = http.refused(request, authorization=TOKEN)
        assert (status, error) == (403, "UNAUTHORIZED")
        assert named is None or message == named
    for type_, expected in (
        ("example.town.age", (500, "REVOCATION")),
        ("example.town.resident", (403, "UNAUTHORIZED")),
    ):
        asked = revocation(type_, "k")
        refused = http.call("POST", "/revocation", asked, authorization=TOKEN)
        assert error_in(refused)[:2] == expected


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_the_result_is_posted_to_the_callback_url(place: Place, signed: bool) -> None:
    """The server posts the result as a JWT, or without a key as JSON, to the URL with a slash."""
    http = place.http(Setup(jwt_key=signed, unsigned_posts=not signed))
    posts: list[Post] = []
    came = threading.Event()

    def answering(post: Post) -> HttpResponse:
        posts.append(post)
        came.set()
        return HttpResponse(204)

    with place.receiver(answering) as url:
        package = http.start({"request": AGE18, "callbackUrl": f"{url}/cb"})
        assert place.accept(package["sessionPtr"])
        assert came.wait(60)  # servers before 0.9 post in parallel with the app's session
    (post,) = posts
    assert post.path == "/cb/"
    if signed:
        assert post.content_type == "text/plain; charset=UTF-8"
        result = claims_in(post.body)
    else:
        assert post.content_type == "application/json; charset=UTF-8"
        result = json.loads(post.body)
    assert (result["token"], result["status"]) == (package["token"], "DONE")
    assert comparable(post.body)


def test_a_chained_session_follows(place: Place, http: Http) -> None:
    """In a chain, the server posts the status CONNECTED, and the result has the next token."""
    posts: list[Any] = []

    def answering(post: Post) -> HttpResponse:
        posts.append(claims_in(post.body))
        return HttpResponse(200, body=json.dumps(disclosure([[EMAIL]])).encode())

    with place.receiver(answering) as url:
        package = http.start({"request": AGE18, "nextSession": {"url": f"{url}/next"}})
        assert place.accept(package["sessionPtr"])
    assert [post["status"] for post in posts] == ["CONNECTED"]
    result = http.result(package["token"])
    following = http.result(result["nextSession"])
    assert (result["status"], following["status"]) == ("DONE", "DONE")
    assert values_in(following)[0] == ["ada@example.com"]


def test_a_missing_next_session_fails_the_app(place: Place, http: Http) -> None:
    """If there is no next session, the app gets NEXT_SESSION and the result has no error."""
    with place.receiver(lambda _post: HttpResponse(404)) as url:
        package = http.start({"request": AGE18, "nextSession": {"url": f"{url}/next"}})
        assert not place.accept(package["sessionPtr"])
    result = http.result(package["token"])
    assert result["status"] in ("CANCELLED", "CONNECTED")
    assert "error" not in result


def test_a_204_ends_the_chain(place: Place, http: Http) -> None:
    """If the reply to the `nextSession` post is 204, the chain ends."""
    with place.receiver(lambda _post: HttpResponse(204)) as url:
        package = http.start({"request": AGE18, "nextSession": {"url": f"{url}/next"}})
        assert place.accept(package["sessionPtr"])
    result = http.result(package["token"])
    assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
    assert "nextSession" not in result
