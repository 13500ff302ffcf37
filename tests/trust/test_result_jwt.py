"""Result JWTs that are accepted, and each kind of refusal with its code."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core import ProofStatus, Risk, SessionStatus, SessionType
from irma_core.errors import ConfigurationError, IrmaError, ResultJwtError
from irma_core.models.answers import Evidence
from irma_core.trust import result_jwt
from irma_core.trust.result_jwt import verify_getproof_jwt, verify_result_jwt
from tests.rsa_keys import RSA_KEY
from tests.trust import make_jwt_vectors

VECTORS = Path(__file__).parent.parent / "vectors"
JWT: dict[str, Any] = json.loads((VECTORS / "jwt" / "refused.json").read_text(encoding="utf-8"))
NOW = datetime.fromtimestamp(JWT["now"], UTC)
CODES = {row["code"] for row in JWT["refused"]} | {"weak_key"}


def recorded(name: str) -> tuple[str, datetime]:
    """Return a JWT that the official server made, and its time."""
    path = VECTORS / "recorded" / f"{name}.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    return value["response"]["body"].strip(), datetime.fromtimestamp(value["recorded"], UTC)


SERVER_KEY = recorded("publickey")[0]


def verify(jwt: str | bytes, **changed: Any) -> Any:
    given_: dict[str, Any] = {"keys": [JWT["key"]], "issuer": JWT["issuer"], "now": NOW, **changed}
    return verify_result_jwt(jwt, **given_)


def refused(jwt: str | bytes, **changed: Any) -> str:
    with pytest.raises(ResultJwtError) as caught:
        verify(jwt, **changed)
    assert caught.value.reason
    return caught.value.code


def test_an_honest_jwt_is_a_signed_result() -> None:
    """A verified result is marked as signed, and so is the answer that it makes."""
    for jwt in (JWT["honest"], JWT["honest"].encode()):
        result = verify(jwt)
        assert result.evidence is Evidence.SIGNED
        assert (result.status, result.proof_status) == (SessionStatus.DONE, ProofStatus.VALID)
        assert result.unchecked_disclosed[0][0].raw_value == "yes"


@pytest.mark.parametrize(
    "name",
    [
        "result-jwt-disclosure",
        "result-jwt-signature",
        "result-jwt-issuance",
        "result-jwt-issuance-failed",
        "result-jwt-null-attribute",
        "result-jwt-cancelled",
        "result-jwt-initialized",
        "result-jwt-legacy",
    ],
)
def test_a_jwt_of_the_official_server_is_verified(name: str) -> None:
    """A JWT is verified at any status: a valid signature says nothing about the proof."""
    jwt, now = recorded(name)
    result = verify_result_jwt(jwt, keys=[SERVER_KEY], issuer="irmaserver", now=now)
    assert result.evidence is Evidence.SIGNED


def test_a_server_without_a_name_must_be_expected() -> None:
    """`issuer=None` accepts only a server whose `jwt_issuer` is empty."""
    jwt, now = recorded("result-jwt-no-issuer")
    result = verify_result_jwt(jwt, keys=[SERVER_KEY], issuer=None, now=now)
    assert result.status is SessionStatus.DONE
    with pytest.raises(ResultJwtError, match="issuer"):
        verify_result_jwt(jwt, keys=[SERVER_KEY], issuer="irmaserver", now=now)
    assert refused(JWT["honest"], issuer=None) == "issuer"


@pytest.mark.parametrize("row", JWT["refused"], ids=lambda row: row["name"])
def test_an_invalid_result_jwt_is_refused(row: dict[str, str]) -> None:
    """An invalid JWT is refused with the code of its fault, and nothing of its content is shown."""
    given_: Any = row["jwt"]
    jwt = "e" * given_["letters"] if isinstance(given_, dict) else given_
    assert refused(jwt) == row["code"], row["why"]


@pytest.mark.parametrize("row", JWT["accepted"], ids=lambda row: row["name"])
def test_an_unusual_result_jwt_is_accepted(row: dict[str, str]) -> None:
    """An unusual JWT is accepted if every reader reads it in the same way."""
    assert verify(row["jwt"]).status is SessionStatus.DONE


def test_the_size_limit_is_the_callers_choice() -> None:
    """A result with a photograph may be larger than a transport's default limit."""
    key = make_jwt_vectors.KEY
    claims = {**make_jwt_vectors.CLAIMS, "x": "x" * 1024 * 1024}
    jwt = make_jwt_vectors.sign(make_jwt_vectors.HEADER, claims, key)
    assert verify(jwt, keys=[make_jwt_vectors.pem(key)], max_bytes=len(jwt))
    with pytest.raises(ResultJwtError, match="raise the limit") as caught:
        verify(jwt, max_bytes=len(jwt) - 1)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("value", [None, 7, b"\xff\xfe.a.b", ["a", "b", "c"]])
def test_a_jwt_of_another_type_is_refused(value: Any) -> None:
    """A value that is not a string, as from untyped callers or the network, is refused."""
    assert refused(cast("str", value)) == "form"


@pytest.mark.parametrize("more", ["x" * 1024 * 1024, [0] * 30_000, [[]] * 15_000])
def test_a_signed_jwt_that_is_too_large_is_refused(more: object) -> None:
    """A JWT over 1 MiB, or with too many values to read quickly, is refused."""
    key = make_jwt_vectors.KEY
    jwt = make_jwt_vectors.sign(
        make_jwt_vectors.HEADER, {**make_jwt_vectors.CLAIMS, "x": more}, key
    )
    assert refused(jwt, keys=[make_jwt_vectors.pem(key)]) == "too_large"


def test_a_key_under_2048_bits_is_refused() -> None:
    """A JWT is refused if the key has under 2048 bits, even if the signature is right."""
    assert refused(JWT["signed_by_weak_key"], keys=[JWT["weak_key"]]) == "weak_key"


@pytest.mark.parametrize("keys", [[], "", "PEM", ["PEM"], [b"\xff"]])
def test_an_invalid_key_is_the_callers_mistake(keys: Any) -> None:
    """An invalid key raises a ConfigurationError, since the JWT is not at fault."""
    with pytest.raises(ConfigurationError):
        verify(JWT["honest"], keys=keys)


def test_one_of_several_keys_is_enough() -> None:
    """A JWT is accepted if one of several keys verifies it, so that a server can change its key."""
    assert verify(JWT["honest"], keys=[SERVER_KEY, JWT["key"]])
    assert refused(JWT["honest"], keys=[SERVER_KEY]) == "signature"


def test_clocks_may_differ_by_the_leeway() -> None:
    """The leeway is ten seconds, unless the caller sets another."""
    ends = NOW + timedelta(seconds=113)
    assert verify(JWT["honest"], now=ends + timedelta(seconds=10))
    assert refused(JWT["honest"], now=ends + timedelta(seconds=11)) == "expired"
    assert refused(JWT["honest"], now=ends + timedelta(seconds=1), leeway=timedelta(0)) == "expired"
    begins = NOW - timedelta(seconds=7)
    assert verify(JWT["honest"], now=begins - timedelta(seconds=10))
    assert refused(JWT["honest"], now=begins - timedelta(seconds=11)) == "issued_at"


def test_a_simulated_result_needs_permission() -> None:
    """A simulated result is accepted only with permission, for tests and development."""
    jwt = next(row["jwt"] for row in JWT["refused"] if row["name"] == "simulated")
    assert verify(jwt, allow=[Risk.SIMULATED_PROOFS])


def test_every_code_is_documented_and_tested() -> None:
    """The list of codes in the module's docstring is complete, and each code has a test."""
    documented = set(re.findall(r"`([a-z0-9_]+)`", result_jwt.__doc__ or ""))
    assert documented - {"iat", "exp", "nbf", "aud", "max_bytes"} == CODES


@given(place=st.integers(min_value=0), byte=st.integers(min_value=0, max_value=255))
def test_an_honest_jwt_with_one_byte_changed_is_refused(place: int, byte: int) -> None:
    """A JWT is refused with an error of the library after any change of one byte."""
    honest = JWT["honest"].encode()
    at = place % len(honest)
    changed = honest[:at] + bytes([byte]) + honest[at + 1 :]
    if changed == honest:
        assert verify(changed)
    else:
        assert refused(changed)


@given(text=st.text(alphabet=st.sampled_from("aA0-_.= \n\u00e9eyJ"), max_size=80) | st.binary())
def test_any_string_raises_an_error_of_the_library(text: str | bytes) -> None:
    """Any string is refused with an error of the library."""
    with pytest.raises(IrmaError):
        verify(text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("getproof-disclosure", SessionType.DISCLOSING),
        ("getproof-issuance", SessionType.ISSUING),
        ("getproof-signature", SessionType.SIGNING),
    ],
)
def test_the_older_layout_has_its_own_function(name: str, kind: SessionType) -> None:
    """The older layout names no session, and its attributes are a flat map."""
    jwt, now = recorded(name)
    older = verify_getproof_jwt(jwt, keys=[SERVER_KEY], issuer="irmaserver", now=now)
    assert (older.type, older.proof_status) == (kind, ProofStatus.VALID)
    with pytest.raises(ResultJwtError, match="kind"):
        verify_result_jwt(jwt, keys=[SERVER_KEY], issuer="irmaserver", now=now)
    newer, then = recorded("result-jwt-disclosure")
    with pytest.raises(ResultJwtError, match="kind"):
        verify_getproof_jwt(newer, keys=[SERVER_KEY], issuer="irmaserver", now=then)


@pytest.mark.parametrize(
    "changed",
    [
        {"attributes": []},
        {"attributes": {"a.b.c.d": 1}},
        {"status": "FINE"},
        {"status": None},
    ],
)
def test_an_invalid_older_layout_is_refused(changed: dict[str, Any]) -> None:
    """An invalid older layout is refused even if the server signed it."""
    key = RSA_KEY
    claims = {"iat": JWT["now"], "exp": JWT["now"], "sub": "disclosure_result", "status": ""}
    jwt = make_jwt_vectors.sign(
        make_jwt_vectors.HEADER, {**claims, "attributes": {}, **changed}, key
    )
    with pytest.raises(ResultJwtError, match="result"):
        verify_getproof_jwt(jwt, keys=[make_jwt_vectors.pem(key)], issuer=None, now=NOW)
    nothing = make_jwt_vectors.sign(make_jwt_vectors.HEADER, {**claims, "attributes": {}}, key)
    older = verify_getproof_jwt(nothing, keys=[make_jwt_vectors.pem(key)], issuer=None, now=NOW)
    assert (older.proof_status, older.unchecked_attributes) == (None, {})


OLDER = {
    "iat": JWT["now"],
    "exp": JWT["now"],
    "sub": "disclosure_result",
    "status": "VALID",
    "attributes": {"a.b.c.d": "x", "a.b.c.D": "y"},
}


def verify_older(changed: dict[str, Any]) -> Any:
    key = make_jwt_vectors.KEY
    claims = {name: value for name, value in {**OLDER, **changed}.items() if value is not ...}
    jwt = make_jwt_vectors.sign(make_jwt_vectors.HEADER, claims, key)
    return verify_getproof_jwt(jwt, keys=[make_jwt_vectors.pem(key)], issuer=None, now=NOW)


def test_older_attributes_may_differ_only_by_case() -> None:
    """Attributes that differ only by case are accepted, because Go distinguishes them too."""
    assert verify_older({}).unchecked_attributes == {"a.b.c.d": "x", "a.b.c.D": "y"}
    assert verify_older({"exp": JWT["now"] + 0.5, "nbf": JWT["now"] - 0.5})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Attributes": {}}, "other_case"),
        ({"\u017ftatus": "INVALID"}, "other_case"),
        ({"Sub": "issue_result"}, "other_case"),
        ({"x": {"y": 1, "Y": 1}}, "duplicate_key"),
        ({"nbf": JWT["now"] + 11}, "not_yet"),
        ({"aud": "x"}, "audience"),
        ({"iat": ...}, "time"),
        ({"exp": None}, "time"),
    ],
)
def test_the_older_layout_has_the_same_checks(changed: dict[str, Any], code: str) -> None:
    """The older layout is refused with names in two cases, or with a wrong time or audience."""
    with pytest.raises(ResultJwtError) as caught:
        verify_older(changed)
    assert caught.value.code == code


def test_a_missing_exp_of_an_old_server_is_explained() -> None:
    """The error for a missing `exp` says which servers set it and how to enable it on others."""
    with pytest.raises(ResultJwtError, match=r"validity.* before 0\.7\.0") as caught:
        verify_older({"exp": ...})
    assert caught.value.code == "time"
