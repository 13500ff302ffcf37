"""A session request JWT means the same here as to an IRMA server, or it is refused.

`request_jwts.json` holds headers and claims, and the result of irmago 1.3.0 and its JWT library for
each. A result has the requestor, the subject, the times and the request that irmago wrote; null
stands for a refusal.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from irma_core import verify_session_request_jwt
from irma_core.errors import RequestError, RequestJwtError
from irma_core.models.session_requests import ExtendedRequest, RevocationRequest
from irma_core.trust.request_jwt import request_in_jwt
from irma_core.wire.read_requests import read_request_value
from tests.rsa_keys import RSA_KEY as KEY
from tests.trust import make_jwt_vectors

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "go_json" / "request_jwts.json").read_text("utf-8")
)
NOW = datetime.fromtimestamp(make_jwt_vectors.NOW, UTC)
KEYS: dict[str, str | bytes] = dict.fromkeys(
    ("bank", "shop", "alice", "ban🦉", "ban\0", "ban\ufffd"), make_jwt_vectors.pem(KEY)
)
TAKEN = {
    "a disclosure",
    "a signature",
    "an issuance",
    "a revocation",
    "escaped name",
    "extended: callbackUrl null",
    "extended: data",
    "header: kid decides",
    "header: no typ",
    "header: typ jwt",
    "request: labels two cases of a language",
    "request: disclose value null",
    "credential: two cases of an attribute",
    "legacy: disclosing",
    "legacy: signing with a messageType",
    "legacy: issuing",
    "legacy: two cases of an attribute",
    'claim kid "t"',
}
"""The JWTs that must be accepted, so that a verifier that refuses all of them fails."""


def header_and_claims(row: dict[str, Any]) -> tuple[bytes, bytes]:
    claims = bytes.fromhex(row["claims_hex"]) if "claims_hex" in row else row["claims"].encode()
    return row["header"].encode(), claims


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_verifier_reads_what_the_server_reads(row: dict[str, Any]) -> None:
    """A JWT is refused, or it has the requestor and the request that the server reads."""
    jwt = make_jwt_vectors.sign(*header_and_claims(row), KEY)
    try:
        verified = verify_session_request_jwt(jwt, keys=KEYS, max_age=timedelta(minutes=5), now=NOW)
    except RequestJwtError:
        assert row["name"] not in TAKEN
        return
    go = row["go"]
    if go is None:
        assert is_stricter_there(row["name"])
        return
    assert verified.requestor == go["requestor"]
    assert meaning(verified.request) == meaning(as_read(go["request"]))


def is_stricter_there(name: str) -> bool:
    """Return whether the server refuses a form of a number that the library accepts."""
    return name.startswith(("iat ", "exp ", "nbf ")) or name.endswith(" -0")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_start_reads_what_the_server_reads(row: dict[str, Any]) -> None:
    """`start_session` reads the same request in a JWT as the server."""
    jwt = make_jwt_vectors.sign(*header_and_claims(row), KEY)
    try:
        asked = request_in_jwt(jwt)
    except RequestError:
        assert row["name"] not in TAKEN - {"a revocation"}
        return
    if row["go"] is not None:
        assert meaning(asked) == meaning(as_read(row["go"]["request"]))


def meaning(request: ExtendedRequest | RevocationRequest) -> object:
    """Return the request without its zero durations, which the server reads as absent."""
    if isinstance(request, RevocationRequest):
        return request
    return attrs.evolve(request, validity=request.validity or None, timeout=request.timeout or None)


def as_read(value: Any) -> ExtendedRequest | RevocationRequest:
    """Read a request as Go writes it, without the old type and the empty labels that Go adds."""
    inner = value.get("request", {})
    inner.pop("type", None)
    labels = inner.get("labels") or {}
    inner["labels"] = {
        key: text for key, text in labels.items() if text and text != {"en": "", "nl": ""}
    }
    request = read_request_value(value)
    assert isinstance(request, ExtendedRequest | RevocationRequest)
    return request
