"""The life of a session: its statuses, its end, and the calls that it takes on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from irma_testing import InMemoryServer, ManualClock, ServerSettings, SimulatedApp
from tests.memory_server.calling import (
    AGE,
    CONTEXT,
    OVER18,
    Http,
    disclosure,
    error_in,
    issuance,
    said,
    signature,
)

AGE18 = disclosure([[OVER18]])
UNKNOWN = "AAAAAAAAAAAAAAAAAAAA"
APP = {"x_irma_minprotocolversion": '"2.8"', "x_irma_maxprotocolversion": "2.8"}
UNAUTHORIZED = (403, "UNAUTHORIZED", "")
GONE = (400, "SESSION_UNKNOWN", "")


def test_a_session_goes_from_one_status_to_the_next(http: Http, app: SimulatedApp) -> None:
    """Initialized, connected, done; and it stays done."""
    package = http.start(AGE18)
    token = package["token"]
    assert http.status(token) == "INITIALIZED"
    session = app.scan(package["sessionPtr"])
    assert http.status(token) == "CONNECTED"
    session.accept()
    assert http.status(token) == "DONE"
    http.call("DELETE", f"/session/{token}")
    http.call("DELETE", package["sessionPtr"]["u"])
    assert http.status(token) == "DONE"


@pytest.mark.parametrize(("timeout", "forgotten"), [(None, timedelta(minutes=15)), (60, None)])
def test_a_session_that_nobody_scans_times_out_and_is_forgotten(
    http: Http, server: InMemoryServer, timeout: int | None, forgotten: timedelta | None
) -> None:
    """Five minutes after its last activity it is unknown: with the default time-out at once."""
    token = http.start({"request": AGE18, "timeout": timeout or 0})["token"]
    until = timedelta(seconds=timeout or 15 * 60)
    server.pass_time(until - timedelta(seconds=1))
    assert http.status(token) == "INITIALIZED"
    if forgotten is None:
        server.pass_time(timedelta(seconds=1))
        assert http.status(token) == "TIMEOUT"
        server.pass_time(timedelta(minutes=4) - timedelta(seconds=1))
        assert http.status(token) == "TIMEOUT"
    server.pass_time(timedelta(seconds=10))
    assert error_in(http.call("GET", f"/session/{token}/status")) == GONE
    assert error_in(http.call("GET", f"/session/{token}/result-jwt")) == GONE


def test_a_finished_session_is_forgotten_after_five_minutes(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The sweep that forgets it comes each ten seconds."""
    package = http.start(AGE18)
    app.accept(package["sessionPtr"])
    server.pass_time(timedelta(minutes=4, seconds=59))
    assert http.status(package["token"]) == "DONE"
    server.pass_time(timedelta(seconds=11))
    assert error_in(http.call("DELETE", f"/session/{package['token']}")) == GONE
    assert error_in(http.call("GET", f"{package['sessionPtr']['u']}/status")) == GONE


def test_a_connected_app_has_the_servers_time(
    http: Http, server: InMemoryServer, app: SimulatedApp, clock: ManualClock
) -> None:
    """The request's time-out is for connecting; then it is 15 minutes."""
    package = http.start({"request": AGE18, "timeout": 10})
    app.scan(package["sessionPtr"]).lose_connection()
    clock.advance(timedelta(minutes=14, seconds=59))
    assert http.status(package["token"]) == "CONNECTED"
    server.pass_time(timedelta(seconds=1))
    assert http.status(package["token"]) == "TIMEOUT"
    server.pass_time(timedelta(seconds=10))
    assert http.call("GET", f"/session/{package['token']}/status").status == 400


def test_a_negative_time_out_is_a_time_out_at_once(http: Http) -> None:
    """The official server does not check it."""
    assert http.status(http.start({"request": AGE18, "timeout": -5})["token"]) == "TIMEOUT"


def test_a_time_out_that_an_app_has_seen_is_kept(http: Http, server: InMemoryServer) -> None:
    """An app that comes too late is refused, and what it was told is stored."""
    package = http.start({"request": AGE18, "timeout": 1, "callbackUrl": "https://a.example"})
    server.pass_time(timedelta(seconds=1))
    late = http.call("GET", package["sessionPtr"]["u"], **APP, authorization="a")
    assert error_in(late) == (403, "UNEXPECTED_REQUEST", "Session already started")
    http.status(package["token"])
    assert len(server.posted) == 1


def test_a_restart_loses_every_session(http: Http, server: InMemoryServer) -> None:
    """With the memory store."""
    token = http.start(AGE18)["token"]
    server.restart()
    assert error_in(http.call("GET", f"/session/{token}/result")) == GONE
    server.pass_time(timedelta(hours=1))


def test_pairing_stands_between_the_app_and_the_request(http: Http) -> None:
    """The app gets a code, and the request only when the browser has said that it is right."""
    package = http.start(AGE18)
    url, known = package["sessionPtr"]["u"], package["frontendRequest"]["authorization"]

    def options(**asked: str) -> object:
        body = {"@context": f"{CONTEXT}frontendoptions/v1", **asked}
        return http.call("POST", f"{url}/frontend/options", body, authorization=known)

    first, again, kept = options(pairingMethod="pin"), options(pairingMethod="pin"), options()
    codes = [said(answer)["pairingCode"] for answer in (first, again, kept)]  # type: ignore[arg-type]
    assert codes[1] == codes[2]
    unknown = options(pairingMethod="x")
    assert error_in(unknown) == (403, "UNEXPECTED_REQUEST", "Pairing method unknown")  # type: ignore[arg-type]
    connected = said(http.call("GET", url, **APP, authorization="app"))
    assert connected["options"]["pairingCode"] == codes[2]
    assert "request" not in connected
    early = http.call("GET", f"{url}/request", authorization="app")
    assert error_in(early) == (403, "PAIRING_REQUIRED", "")
    http.call("POST", f"{url}/frontend/pairingcompleted", authorization=known)
    shown = said(http.call("GET", f"{url}/request", authorization="app"))
    assert shown["disclose"] == AGE18["disclose"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"{}", "Not a frontend options request"),
        (b"[]", "json: cannot unmarshal array into Go value of type struct"),
    ],
)
def test_malformed_options_are_refused(http: Http, body: bytes, message: str) -> None:
    """400 `MALFORMED_INPUT`."""
    package = http.start(AGE18)
    known = package["frontendRequest"]["authorization"]
    url = f"{package['sessionPtr']['u']}/frontend/options"
    response = http.call("POST", url, body, authorization=known)
    assert error_in(response) == (400, "MALFORMED_INPUT", message)


def test_an_app_must_speak_the_protocol(http: Http) -> None:
    """Versions that do not meet, or no authorization, end the session with an error."""
    for headers, error in (
        ({**APP, "x_irma_maxprotocolversion": '"2.7"'}, "PROTOCOL_VERSION"),
        (APP, "UNAUTHORIZED"),
    ):
        package = http.start(AGE18)
        response = http.call("GET", package["sessionPtr"]["u"], **headers)
        assert error_in(response)[1] == error
        result = http.result(package["token"])
        assert (result["status"], result["error"]["error"]) == ("CANCELLED", error)
    for version, message in (
        ("", "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
    ):
        url = http.start(AGE18)["sessionPtr"]["u"]
        headers = {**APP, "x_irma_minprotocolversion": version}
        response = http.call("GET", f"{url}/", **headers)
        assert error_in(response) == (400, "MALFORMED_INPUT", message)


def test_one_app_has_the_session(http: Http, clock: ManualClock) -> None:
    """Another is refused; but the same question within ten seconds gets the same answer."""
    package = http.start(AGE18)
    url = package["sessionPtr"]["u"]
    first = http.call("GET", url, **APP, authorization="app")
    again = http.call("GET", url, **APP, authorization="other")
    assert (again.status, again.body) == (200, first.body)
    assert again.header("content-type") == "text/plain; charset=utf-8"
    assert error_in(http.call("GET", f"{url}/request", authorization="other")) == UNAUTHORIZED
    clock.advance(timedelta(seconds=11))
    late = http.call("GET", url, **APP, authorization="app")
    assert error_in(late) == (403, "UNEXPECTED_REQUEST", "Session already started")
    early = http.start(AGE18)["sessionPtr"]["u"]
    assert error_in(http.call("POST", f"{early}/proofs", {}, authorization="a"))[:2] == (
        403,
        "UNEXPECTED_REQUEST",
    )


def test_what_an_app_sends_must_fit_the_session(http: Http) -> None:
    """Malformed proofs, and those of another kind of session."""

    def sent(request: object, call: str, body: object) -> tuple[int, str]:
        url = http.start(request)["sessionPtr"]["u"]  # type: ignore[arg-type]
        http.call("GET", url, **APP, authorization="app")
        return error_in(http.call("POST", f"{url}/{call}", body, authorization="app"))[:2]

    signing, issuing = signature("x", [[OVER18]]), issuance(AGE)
    proof = {"proofs": [{"credential": "x"}], "indices": []}
    place = {"proofs": [], "indices": [[{"cred": 0, "attr": "x"}]]}
    for request, call, body, error in (
        (AGE18, "commitments", {}, (500, "INTERNAL_ERROR")),
        (issuing, "proofs", {}, (400, "INVALID_REQUEST")),
        (AGE18, "proofs", b"x", (400, "MALFORMED_INPUT")),
        (AGE18, "proofs", proof, (400, "MALFORMED_INPUT")),
        (AGE18, "proofs", place, (400, "MALFORMED_INPUT")),
        (signing, "proofs", b"[]", (400, "MALFORMED_INPUT")),
        (issuing, "commitments", {"proofs": []}, (400, "MALFORMED_INPUT")),
    ):
        assert sent(request, call, body) == error


def test_nothing_at_all_is_an_answer_without_proof(http: Http) -> None:
    """An empty disclosure is `MISSING_ATTRIBUTES`, an empty signature `INVALID`."""
    for request, status in (
        (AGE18, "MISSING_ATTRIBUTES"),
        (signature("x", [[OVER18]]), "INVALID"),
    ):
        package = http.start(request)
        url = package["sessionPtr"]["u"]
        http.call("GET", url, **APP, authorization="app")
        response = http.call("POST", f"{url}/proofs", {}, authorization="app")
        assert said(response) == {"proofStatus": status}
        result = http.result(package["token"])
        assert (result["status"], result["proofStatus"]) == ("DONE", status)
        assert "disclosed" not in result


def test_frontend_calls_need_their_authorization(http: Http) -> None:
    """Those of the app, and the status, do not."""
    package = http.start(AGE18)
    url = package["sessionPtr"]["u"]
    for call in ("status", "statusevents", "nothing", ""):
        for wrong in ("", package["token"]):
            response = http.call("GET", f"{url}/frontend/{call}", authorization=wrong)
            assert error_in(response) == (403, "UNAUTHORIZED", "")
    assert said(http.call("GET", f"{url}/status")) == "INITIALIZED"
    assert http.call("DELETE", url).status == 200
    assert http.status(package["token"]) == "CANCELLED"


def test_a_static_session_is_started_by_the_app(clock: ManualClock) -> None:
    """The app gets a pointer alone; the requestor learns the token from the post."""
    asked = {"callbackUrl": "https://a.example/cb/", "request": AGE18}
    settings = ServerSettings(
        static_sessions={
            "age": asked,
            "bad": {**asked, "request": {**AGE18, "disclose": [[["example.town.age.over21"]]]}},
        }
    )
    server = InMemoryServer(settings, clock=clock)
    http, app = Http(server.url, server.handle), SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    app.accept({"u": f"{server.url}/irma/session/age", "irmaqr": "redirect"})
    assert [post.url for post in server.posted] == ["https://a.example/cb/"]
    for name, error in (
        ("nothing", (400, "INVALID_REQUEST", "unknown static session")),
        ("bad", (400, "MALFORMED_INPUT", "Unknown identifiers: example.town.age.over21")),
    ):
        assert error_in(http.call("POST", f"/irma/session/{name}", {})) == error


def test_an_onlooker_sees_the_open_sessions(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The oldest first, without their requestor tokens; those that ended or timed out are gone."""
    first, second = http.start(AGE18), http.start(AGE18)
    cancelled, short = http.start(AGE18), http.start({"request": AGE18, "timeout": 5})
    http.call("DELETE", f"/session/{cancelled['token']}")
    app.scan(second["sessionPtr"])
    shown = server.open_sessions()
    assert [(each.pointer.url, each.status.value) for each in shown] == [
        (first["sessionPtr"]["u"], "INITIALIZED"),
        (second["sessionPtr"]["u"], "CONNECTED"),
        (short["sessionPtr"]["u"], "INITIALIZED"),
    ]
    assert first["token"] not in repr(shown)
    server.pass_time(timedelta(seconds=5))
    assert len(server.open_sessions()) == 2
