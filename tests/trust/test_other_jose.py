"""Our JWS agrees with that of joserfc, an independent implementation.

The library does not use joserfc;
docs/explanation/jose-and-oauth.md gives the reasons and figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

from irma_core.errors import ResultJwtError
from irma_core.trust.jws import CompactJws, read_compact
from irma_core.trust.request_jwt import unsigned_jwt
from irma_core.trust.signing import HmacSigner, RsaSigner, Signer
from tests.rsa_keys import RSA_KEY as KEY
from tests.rsa_keys import RSA_KEY_2 as OTHER_KEY

SECRET, OTHER_SECRET = bytes(range(32)), bytes(range(1, 33))
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MUTATION_SYMBOLS = f"{SYMBOLS}.=+/ \n\0é"


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


PUBLIC = (
    KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


class Algorithm(NamedTuple):
    """One algorithm of both libraries."""

    name: str
    signer: Signer
    wrong_signer: Signer
    check: Callable[[CompactJws], None]
    signing_key: OctKey | RSAKey
    verifying_key: OctKey | RSAKey


def _check_hmac(jws: CompactJws) -> None:
    jws.check_hs256(SECRET)


def _check_rsa(jws: CompactJws) -> None:
    jws.check_rs256([PUBLIC])


HMAC = Algorithm(
    "HS256",
    HmacSigner(SECRET),
    HmacSigner(OTHER_SECRET),
    _check_hmac,
    OctKey.import_key(SECRET),
    OctKey.import_key(SECRET),
)
RSA = Algorithm(
    "RS256",
    RsaSigner(private_pem(KEY)),
    RsaSigner(private_pem(OTHER_KEY)),
    _check_rsa,
    RSAKey.import_key(private_pem(KEY)),
    RSAKey.import_key(PUBLIC),
)
algorithms = pytest.mark.parametrize("algorithm", [HMAC, RSA], ids=lambda each: each.name)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
CLAIMS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


def sign(algorithm: Algorithm, claims: dict[str, Any], signer: Signer | None = None) -> str:
    """Return a token that our library signed."""
    unsigned = unsigned_jwt({"typ": "JWT", "alg": algorithm.name}, claims)
    return unsigned.signed((signer or algorithm.signer).sign(unsigned.signing_input))


def our_payload(algorithm: Algorithm, token: str) -> bytes | str:
    """Return the payload that we verified, or the code of our refusal."""
    try:
        read = read_compact(token, ResultJwtError)
        algorithm.check(read)
    except ResultJwtError as error:
        return error.code
    return read.payload


def joserfc_payload(algorithm: Algorithm, token: str) -> bytes | None:
    """Return the payload that joserfc verified, or None if it refused."""
    try:
        read = jws.deserialize_compact(
            token.encode(), algorithm.verifying_key, algorithms=[algorithm.name]
        )
    except (JoseError, ValueError, TypeError):
        return None
    return read.payload


@algorithms
@given(claims=CLAIMS)
def test_joserfc_verifies_what_we_sign(algorithm: Algorithm, claims: dict[str, Any]) -> None:
    """Joserfc accepts each of our tokens and reads the claims that we wrote."""
    payload = joserfc_payload(algorithm, sign(algorithm, claims))
    assert payload is not None
    assert json.loads(payload) == claims


@algorithms
@given(claims=CLAIMS)
def test_we_verify_what_joserfc_signs(algorithm: Algorithm, claims: dict[str, Any]) -> None:
    """We accept each token of joserfc and read the bytes that it signed."""
    payload = json.dumps(claims).encode()
    header = {"typ": "JWT", "alg": algorithm.name}
    token = jws.serialize_compact(
        header, payload, algorithm.signing_key, algorithms=[algorithm.name]
    )
    assert our_payload(algorithm, token) == payload


def check_agreement(algorithm: Algorithm, token: str) -> None:
    """Check that we accept no token that joserfc refuses, and agree on every signature."""
    ours, theirs = our_payload(algorithm, token), joserfc_payload(algorithm, token)
    if isinstance(ours, bytes):
        assert ours == theirs
    else:
        # our checks of the form are stricter, but both libraries agree about a signature
        assert theirs is None or ours not in {"signature", "weak_key"}


@algorithms
@given(
    claims=CLAIMS,
    position=st.integers(0, 10**4),
    symbol=st.sampled_from(MUTATION_SYMBOLS),
    edit=st.sampled_from(["replace", "insert", "delete", "cut"]),
)
@example(claims={}, position=-1, symbol="A", edit="replace")
@example(claims={}, position=0, symbol="=", edit="insert")
@example(claims={"a": "é"}, position=40, symbol=".", edit="insert")
def test_we_agree_on_changed_tokens(
    algorithm: Algorithm, claims: dict[str, Any], position: int, symbol: str, edit: str
) -> None:
    """No token with one changed character is accepted by us and refused by joserfc."""
    token = sign(algorithm, claims)
    at = position % len(token)
    changed = {
        "replace": token[:at] + symbol + token[at + 1 :],
        "insert": token[:at] + symbol + token[at:],
        "delete": token[:at] + token[at + 1 :],
        "cut": token[:at],
    }[edit]
    check_agreement(algorithm, changed)
    if changed != token:
        assert not isinstance(our_payload(algorithm, changed), bytes)


HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "RS256", "none", "HS512", "hs256", "", None])},
    optional={
        "typ": st.sampled_from(["JWT", "jwt", "JOSE", 1]),
        "cty": st.just("JWT"),
        "crit": st.sampled_from([["b64"], ["exp"], []]),
        "b64": st.booleans(),
        "kid": st.just("1"),
        "zip": st.just("DEF"),
    },
)


@algorithms
@given(header=HEADERS, claims=CLAIMS)
def test_we_agree_on_other_headers(
    algorithm: Algorithm, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    """A signed token with an unusual header is accepted by us only if joserfc accepts it too."""
    unsigned = unsigned_jwt(header, claims)
    check_agreement(algorithm, unsigned.signed(algorithm.signer.sign(unsigned.signing_input)))


@algorithms
def test_both_refuse_the_signature_of_another_key(algorithm: Algorithm) -> None:
    """Both libraries refuse a token that another key of the same algorithm signed."""
    token = sign(algorithm, {"a": 1}, algorithm.wrong_signer)
    assert our_payload(algorithm, token) == "signature"
    assert joserfc_payload(algorithm, token) is None


@algorithms
def test_both_refuse_the_other_algorithm(algorithm: Algorithm) -> None:
    """Both libraries refuse a token with a key for the other algorithm."""
    other = HMAC if algorithm is RSA else RSA
    token = sign(other, {"a": 1})
    assert our_payload(algorithm, token) == f"algorithm_{other.name.lower()}"
    assert joserfc_payload(algorithm, token) is None


@algorithms
@pytest.mark.parametrize("position", range(8))
def test_both_refuse_a_changed_bit(algorithm: Algorithm, position: int) -> None:
    """Both libraries refuse a token after one bit of its signature has changed."""
    unsigned = unsigned_jwt({"alg": algorithm.name}, {"a": 1})
    signature = bytearray(algorithm.signer.sign(unsigned.signing_input))
    signature[position * len(signature) // 8] ^= 1 << position
    token = unsigned.signed(bytes(signature))
    assert our_payload(algorithm, token) == "signature"
    assert joserfc_payload(algorithm, token) is None
