"""The calls of apps and browsers to a server."""

from __future__ import annotations

import pytest

from tests.memory_server.calling import (
    AGE,
    CONTEXT,
    OVER18,
    Http,
    disclosure,
    error_in,
    issuance,
    json_in,
    signature,
)

AGE18 = disclosure([[OVER18]])
APP = {"x_irma_minprotocolversion": '"2.8"', "x_irma_maxprotocolversion": "2.8"}


def test_the_app_gets_the_request_after_pairing(http: Http) -> None:
    """With pairing, the app gets a code, and gets the request after the browser completes it."""
    package = http.start(AGE18)
    url, known = package["sessionPtr"]["u"], package["frontendRequest"]["authorization"]

    def options(**asked: str) -> object:
        body = {"@context": f"{CONTEXT}frontendoptions/v1", **asked}
        return http.call("POST", f"{url}/frontend/options", body, authorization=known)

    first, again, kept = options(pairingMethod="pin"), options(pairingMethod="pin"), options()
    codes = [json_in(answer)["pairingCode"] for answer in (first, again, kept)]  # type: ignore[arg-type]
    assert codes[1] == codes[2]
    unknown = options(pairingMethod="x")
    assert error_in(unknown) == (403, "UNEXPECTED_REQUEST", "Pairing method unknown")  # type: ignore[arg-type]
    connected = json_in(http.call("GET", url, **APP, authorization="app"))
    assert connected["options"]["pairingCode"] == codes[2]
    assert "request" not in connected
    assert http.status(package["token"]) == "PAIRING"
    early = http.call("GET", f"{url}/request", authorization="app")
    assert error_in(early) == (403, "PAIRING_REQUIRED", "")
    http.call("POST", f"{url}/frontend/pairingcompleted", authorization=known)
    shown = json_in(http.call("GET", f"{url}/request", authorization="app"))
    assert shown["disclose"] == AGE18["disclose"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"{}", "Not a frontend options request"),
    ],
)
def test_malformed_options_are_refused(http: Http, body: bytes, message: str) -> None:
    """Malformed frontend options get 400 `MALFORMED_INPUT`."""
    package = http.start(AGE18)
    known = package["frontendRequest"]["authorization"]
    url = f"{package['sessionPtr']['u']}/frontend/options"
    response = http.call("POST", url, body, authorization=known)
    assert error_in(response) == (400, "MALFORMED_INPUT", message)


def test_an_app_must_speak_the_protocol(http: Http) -> None:
    """An app with incompatible protocol versions or without authorization cancels the session."""
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


def test_the_apps_answer_must_fit_the_session(http: Http) -> None:
    """The server refuses malformed proofs, and proofs for another type of session."""

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
        (issuing, "commitments", {"proofs": []}, (500, "INTERNAL_ERROR")),
    ):
        assert sent(request, call, body) == error, (call, body)


def test_an_empty_answer_has_no_valid_proof(http: Http) -> None:
    """An empty disclosure has status `MISSING_ATTRIBUTES`, and an empty signature `INVALID`."""
    for request, status in (
        (AGE18, "MISSING_ATTRIBUTES"),
        (signature("x", [[OVER18]]), "INVALID"),
    ):
        package = http.start(request)
        url = package["sessionPtr"]["u"]
        http.call("GET", url, **APP, authorization="app")
        response = http.call("POST", f"{url}/proofs", {}, authorization="app")
        assert json_in(response) == {"proofStatus": status}
        result = http.result(package["token"])
        assert (result["status"], result["proofStatus"]) == ("DONE", status)
        assert "disclosed" not in result


def test_frontend_calls_need_their_authorization(http: Http) -> None:
    """Calls of the browser need the frontend authorization; calls of the app do not."""
    package = http.start(AGE18)
    url = package["sessionPtr"]["u"]
    for call in ("status", "statusevents", "nothing", ""):
        for wrong in ("", package["token"]):
            response = http.call("GET", f"{url}/frontend/{call}", authorization=wrong)
            assert error_in(response) == (403, "UNAUTHORIZED", "")
    assert json_in(http.call("GET", f"{url}/status")) == "INITIALIZED"
    assert http.call("DELETE", url).status == 200
    assert http.status(package["token"]) == "CANCELLED"
