"""We verify JWTs of the official package `irma-jwt`, and the package verifies ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irma_core import (
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    HmacSigner,
    IssuanceRequest,
    NextSession,
    RequestJwtError,
    Requestor,
    RevocationRequest,
    Risk,
    RsaSigner,
    SignatureRequest,
    any_of,
    read_request,
    sign_session_request,
    verify_result_jwt,
    verify_session_request_jwt,
)
from irma_core.json_text import JsonValue, write_json
from irma_core.models.session_requests import as_extended
from irma_core.wire.write_requests import request_value
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.irma_jwt.conftest import Official
from tests.rsa_keys import RSA_KEY as KEY
from tests.rsa_keys import RSA_KEY_2 as OTHER
from tests.trust.make_jwt_vectors import pem as public_pem
from tests.trust.test_keys import pem as private_pem

SHARED = b"a shared key with 32 bytes or so"
METHODS: dict[str, tuple[Any, dict[str, str], str | bytes]] = {
    "hmac": (HmacSigner(SHARED), {"secretKey": SHARED.decode()}, SHARED),
    "publickey": (
        RsaSigner(private_pem(KEY)),
        {"secretKey": private_pem(KEY).decode(), "publicKey": public_pem(KEY)},
        public_pem(KEY),
    ),
}
AGE = DisclosureRequest(
    {
        "age": any_of(
            AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes"),
            "pbdf.pilot-amsterdam.idcard.over18",
        )
    }
)
CARD = CredentialRequest("pbdf.gemeente.personalData", {"over18": "Ja, écht ✓", "x": ""})
REQUESTS = {
    "verification_request": AGE,
    "signature_request": SignatureRequest("één ✓ <b>\u2028", ["pbdf.sidn-pbdf.email.email"]),
    "issue_request": IssuanceRequest([CARD], AGE.disclose),
    "extended": ExtendedRequest(
        AGE, timeout=timedelta(seconds=60), next_session=NextSession("https://shop.example/next")
    ),
}
FIELDS = {
    "verification_request": "sprequest",
    "signature_request": "absrequest",
    "issue_request": "iprequest",
    "revocation_request": "revrequest",
}
FIVE_MINUTES = timedelta(minutes=5)
METHOD = pytest.mark.parametrize("method", METHODS)


def json_of(request: Any) -> JsonValue:
    return request_value(request)


@METHOD
def test_we_accept_the_jwts_of_irma_jwt(official: Official, method: str) -> None:
    """We read the same request from each kind of the package's JWTs, with either algorithm."""
    _, options, key = METHODS[method]
    asked = [
        {"method": method, "options": {**options, "iss": "shop"}, "sign": json_of(request)}
        for request in REQUESTS.values()
    ]
    for jwt, request in zip(official(asked), REQUESTS.values(), strict=True):
        verified = verify_session_request_jwt(
            jwt, keys={"shop": key}, max_age=FIVE_MINUTES, now=datetime.now(UTC)
        )
        assert verified.requestor == "shop"
        read = read_request(write_json(json_of(request)))
        assert not isinstance(read, RevocationRequest)
        assert verified.request == as_extended(read)
        other = {"shop": bytes(range(32))} if method == "hmac" else {"shop": public_pem(OTHER)}
        with pytest.raises(RequestJwtError, match="signature"):
            verify_session_request_jwt(jwt, keys=other, max_age=FIVE_MINUTES, now=datetime.now(UTC))


@METHOD
def test_irma_jwt_accepts_our_jwts(official: Official, method: str) -> None:
    """The package reads all four kinds of our JWTs, and finds the claims under its names."""
    signer, options, _ = METHODS[method]
    now = datetime.now(UTC)
    revocation = {"revocation_request": RevocationRequest("pbdf.gemeente.personalData", "key")}
    requests: dict[str, Any] = {**REQUESTS, **revocation}
    jwts = [
        sign_session_request(request, name="shop", signer=signer, now=now)
        for request in requests.values()
    ]
    claims = official([{"method": method, "options": options, "verify": jwt} for jwt in jwts])
    for said, (name, request) in zip(claims, requests.items(), strict=True):
        subject = "verification_request" if name == "extended" else name
        assert (said["iss"], said["sub"]) == ("shop", subject)
        assert said["iat"] <= now.timestamp()
        asked = said[FIELDS[subject]]
        is_plain = isinstance(request, RevocationRequest)
        assert asked == json_of(request if is_plain else as_extended(request))


@METHOD
def test_irma_jwt_refuses_a_changed_jwt(official: Official, method: str) -> None:
    """The package refuses a changed JWT, so the other tests prove something."""
    signer, options, _ = METHODS[method]
    jwt = sign_session_request(AGE, name="shop", signer=signer, now=datetime.now(UTC))
    changed = jwt[:-10] + ("A" if jwt[-10] != "A" else "B") + jwt[-9:]
    (answer,) = official([{"method": method, "options": options, "verify": changed}])
    assert answer == {"refused": "JsonWebTokenError"}


def test_both_verify_a_signed_result_alike(official: Official) -> None:
    """The package and we verify the same result JWT of the server in memory."""
    server = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(server)
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    requestor = Requestor(server.url, server.transport())
    session = requestor.start_session(AGE)
    app.accept(session.pointer)
    jwt = requestor.get_result_jwt(session)
    options = {"publicKey": server.public_key_pem}
    (claims,) = official([{"method": "publickey", "options": options, "verify": jwt}])
    result = verify_result_jwt(
        jwt,
        keys=[server.public_key_pem],
        issuer=claims["iss"],
        now=datetime.now(UTC),
        allow=[Risk.SIMULATED_PROOFS],
    )
    assert result.token.reveal() == claims["token"]
    (disclosed,) = result.unchecked_disclosed
    assert disclosed is not None
    assert disclosed[0].raw_value == claims["disclosed"][0][0]["rawvalue"]
