"""Write `tests/vectors/jwt/refused.json`: `python -m tests.trust.make_jwt_vectors`.

Each vector is a JWT that differs from an honest one in one thing. It has the code of the refusal
and the rule that demands it. Each run makes new keys, and also writes their public keys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from tests.rsa_keys import RSA_KEY, RSA_KEY_2

TARGET = Path(__file__).parent.parent / "vectors" / "jwt" / "refused.json"
NOW = 1_795_471_150
HEADER = {"alg": "RS256", "typ": "JWT"}
CLAIMS = {
    "exp": NOW + 113,
    "iat": NOW - 7,
    "iss": "irmaserver",
    "sub": "disclosing_result",
    "token": "hrd9RJAyUPmtBUoDXyQe",
    "status": "DONE",
    "type": "disclosing",
    "proofStatus": "VALID",
    "disclosed": [
        [
            {
                "rawvalue": "yes",
                "value": {"": "yes", "en": "yes", "nl": "yes"},
                "id": "example.town.age.over18",
                "status": "PRESENT",
                "issuancetime": 1_795_046_400,
            }
        ]
    ],
}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KEY, OTHER = RSA_KEY, RSA_KEY_2
WEAK = rsa.generate_private_key(65537, 1024)


def pem(key: rsa.RSAPrivateKey) -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()


def der(key: rsa.RSAPrivateKey) -> bytes:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, spki)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def text(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def sign(header: object, claims: object, key: rsa.RSAPrivateKey = KEY) -> str:
    signing_input = f"{encode(text(header))}.{encode(text(claims))}"
    return (
        f"{signing_input}.{encode(key.sign(signing_input.encode(), padding.PKCS1v15(), SHA256()))}"
    )


def with_claims(**changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not ...}
    return sign(HEADER, claims)


def with_header(**changed: Any) -> str:
    return sign({**HEADER, **changed}, CLAIMS)


def other_algorithms() -> dict[str, tuple[str, str, str]]:
    unsigned = f"{encode(text({'alg': 'none'}))}.{encode(text(CLAIMS))}."
    named = f"{encode(text({**HEADER, 'alg': 'none'}))}.{honest().split('.', 1)[1]}"
    hs = f"{encode(text({**HEADER, 'alg': 'HS256'}))}.{encode(text(CLAIMS))}"
    by_der, by_text, by_nothing = (
        hmac.new(secret, hs.encode(), hashlib.sha256).digest()
        for secret in (der(KEY), pem(KEY).strip().encode(), b"")
    )
    mac = hmac.new(pem(KEY).encode(), hs.encode(), hashlib.sha256).digest()
    rs512 = f"{encode(text({**HEADER, 'alg': 'RS512'}))}.{encode(text(CLAIMS))}"
    long_hash = KEY.sign(rs512.encode(), padding.PKCS1v15(), SHA512())
    rs384 = f"{encode(text({**HEADER, 'alg': 'RS384'}))}.{encode(text(CLAIMS))}"
    middle = KEY.sign(rs384.encode(), padding.PKCS1v15(), SHA384())
    es256 = f"{encode(text({**HEADER, 'alg': 'ES256'}))}.{encode(text(CLAIMS))}"
    salted = f"{encode(text({**HEADER, 'alg': 'PS256'}))}.{encode(text(CLAIMS))}"
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
    why = "RFC 8725, 3.1: the algorithm is the verifier's choice"
    return {
        "alg none, no signature": (unsigned, "algorithm_none", why),
        "alg none, with a signature": (named, "algorithm_none", why),
        "HS256 signed with the public key": (f"{hs}.{encode(mac)}", "algorithm_hs256", why),
        "RS512": (f"{rs512}.{encode(long_hash)}", "algorithm", why),
        "PS256": (f"{salted}.{encode(KEY.sign(salted.encode(), pss, SHA256()))}", "algorithm", why),
        "HS256 signed with the public key in DER": (
            f"{hs}.{encode(by_der)}",
            "algorithm_hs256",
            why,
        ),
        "HS256 signed with the public key, no newline": (
            f"{hs}.{encode(by_text)}",
            "algorithm_hs256",
            why,
        ),
        "HS256 signed with nothing": (f"{hs}.{encode(by_nothing)}", "algorithm_hs256", why),
        "RS384": (f"{rs384}.{encode(middle)}", "algorithm", why),
        "ES256": (f"{es256}.{encode(bytes(64))}", "algorithm", why),
        "EdDSA": (with_header(alg="EdDSA"), "algorithm", why),
        "alg in lower case": (with_header(alg="rs256"), "algorithm", "RFC 7515, 4.1.1: case"),
        "alg with a space": (with_header(alg="RS256 "), "algorithm", "RFC 7515, 4.1.1"),
        "alg NONE": (with_header(alg="NONE"), "algorithm", why),
        "alg that is null": (with_header(alg=None), "algorithm", "RFC 7515, 4.1.1"),
        "alg None": (with_header(alg="None"), "algorithm", why),
        "no alg": (sign({"typ": "JWT"}, CLAIMS), "algorithm", "RFC 7515, 4.1.1"),
        "alg that is a list": (with_header(alg=["RS256"]), "algorithm", "RFC 7515, 4.1.1"),
    }


def spare(header: object, claims: object) -> str:
    """Return a signed JWT in which the last letter of the header or claims has spare bits set."""
    parts = [encode(text(header)), encode(text(claims))]
    at = 0 if len(parts[0]) % 4 else 1
    assert len(parts[at]) % 4
    parts[at] = parts[at][:-1] + ALPHABET[ALPHABET.index(parts[at][-1]) + 1]
    signing_input = ".".join(parts)
    return (
        f"{signing_input}.{encode(KEY.sign(signing_input.encode(), padding.PKCS1v15(), SHA256()))}"
    )


def honest() -> str:
    return sign(HEADER, CLAIMS)


def public_jwk() -> dict[str, str]:
    numbers = KEY.public_key().public_numbers()
    return {"kty": "RSA", "n": encode(numbers.n.to_bytes(256, "big")), "e": "AQAB"}


def headers() -> dict[str, tuple[str, str, str]]:
    why = "RFC 8725, 3.10: a key in the header is the sender's"
    jwk = {"kty": "RSA", "n": "AQ", "e": "AQAB"}
    return {
        "crit": (with_header(crit=["exp"], exp=1), "critical", "RFC 7515, 4.1.11"),
        "crit that is empty": (with_header(crit=[]), "critical", "RFC 7515, 4.1.11"),
        "crit that names b64": (with_header(crit=["b64"], b64=False), "critical", "RFC 7797, 6"),
        "crit that is not a list": (with_header(crit=False), "critical", "RFC 7515, 4.1.11"),
        "b64": (with_header(b64=False), "b64", "RFC 7797, 3"),
        "b64 that is true": (with_header(b64=True), "b64", "RFC 7797, 6: only with crit"),
        "jwk": (with_header(jwk=jwk), "key_in_header", why),
        "jwk that is null": (with_header(jwk=None), "key_in_header", why),
        "jwk of the right key": (with_header(jwk=public_jwk()), "key_in_header", why),
        "jku": (with_header(jku="https://a.example"), "key_in_header", why),
        "x5u": (with_header(x5u="https://a.example"), "key_in_header", why),
        "x5c": (with_header(x5c=["MA"]), "key_in_header", why),
        "another cty": (with_header(cty="json"), "nested", "irmago writes none"),
        "cty": (with_header(cty="JWT"), "nested", "RFC 7519, 5.2"),
        "another typ": (with_header(typ="at+jwt"), "kind", "RFC 8725, 3.11"),
        "typ that is a number": (with_header(typ=1), "kind", "RFC 7515, 4.1.9"),
        "header that is not an object": (sign([], CLAIMS), "header", "RFC 7515, 4"),
        "header that is not JSON": (sign(b"{", CLAIMS), "header", "RFC 7515, 4"),
        "header with trailing data": (sign(b'{"alg":"RS256"}{}', CLAIMS), "header", "RFC 7515, 4"),
        "header with NaN": (sign(b'{"alg":"RS256","x":NaN}', CLAIMS), "header", "RFC 8259, 6"),
        "header too deep": (
            sign(b'{"alg":"RS256","x":' + b"[" * 1000 + b"]" * 1000 + b"}", CLAIMS),
            "header",
            "a bound of our own",
        ),
        "header over 4 KiB": (
            with_header(x="x" * 4096),
            "too_large",
            "a bound of our own: it is read before the signature",
        ),
        "alg twice, one of them escaped": (
            sign(b'{"alg":"RS256","\\u0061lg":"none"}', CLAIMS),
            "duplicate_key",
            "RFC 7515, 4: names must be unique",
        ),
        "a key twice in an object of the header": (
            sign(b'{"alg":"RS256","x":{"y":1,"y":2}}', CLAIMS),
            "duplicate_key",
            "RFC 8725, 2.4: readers differ",
        ),
        "alg twice": (
            sign(b'{"alg":"none","alg":"RS256"}', CLAIMS),
            "duplicate_key",
            "RFC 7515, 4: names must be unique",
        ),
    }


def forms() -> dict[str, tuple[Any, str, str]]:
    one = honest()
    head, payload, signature = one.split(".")
    other = {"A": "B", "Q": "R", "g": "h", "w": "x"}[signature[-1]]
    form, canonical = "RFC 7515, 7.1", "RFC 4648, 3.5: one string for one value"
    return {
        "empty": ("", "form", form),
        "one part": (head, "form", form),
        "two parts": (f"{head}.{payload}", "form", form),
        "four parts": (f"{one}.", "form", form),
        "six parts": (f"{one}.a.b.c", "form", form),
        "seven parts": (f"{one}.a.b.c.d", "form", form),
        "no header": (f".{payload}.{signature}", "form", form),
        "no payload": (f"{head}..{signature}", "form", "RFC 7515, F: detached"),
        "newline inside": (f"{head}.{payload[:9]}\n{payload[9:]}.{signature}", "form", form),
        "null at the end": (f"{one}\0", "form", form),
        "Bearer prefix": (f"Bearer {one}", "form", form),
        "as a JSON string": (f'"{one}"', "form", form),
        "in JSON serialization": (
            json.dumps({"protected": head, "payload": payload, "signature": signature}),
            "form",
            "RFC 7515, 7.2: not compact",
        ),
        "newline at the end": (f"{one}\n", "form", form),
        "leading space": (f" {one}", "form", form),
        "padding": (f"{one}==", "form", "RFC 7515, 2: no padding"),
        "padding in the payload": (f"{head}.{payload}=.{signature}", "form", "RFC 7515, 2"),
        "plus for minus": (one.replace("-", "+").replace("_", "/"), "form", "RFC 7515, 2"),
        "letter outside the alphabet": (f"{head}.{payload}\u00e9.{signature}", "form", form),
        "JWE with a shared key": (f"{head}..{payload}.{signature}.a", "encrypted", "RFC 7516, 7.1"),
        "JWE": (f"{head}.{payload}.{signature}.a.b", "encrypted", "RFC 7516, 7.1"),
        "spare bits": (one[:-1] + other, "base64", canonical),
        "spare bits in the header": (spare(b'{"alg":"RS256"}  ', CLAIMS), "base64", canonical),
        "spare bits in the payload": (spare(HEADER, text(CLAIMS) + b" "), "base64", canonical),
        "signature with a trailing byte": (
            f"{head}.{payload}.{encode(decode(signature) + bytes(1))}",
            "signature",
            "RFC 8017, 8.2.2: its length is the key's",
        ),
        "signature with a leading zero": (
            f"{head}.{payload}.{encode(bytes(1) + decode(signature))}",
            "signature",
            "RFC 8017, 8.2.2: its length is the key's",
        ),
        "signature over the claims only": (
            f"{head}.{payload}.{encode(KEY.sign(decode(payload), padding.PKCS1v15(), SHA256()))}",
            "signature",
            "RFC 7515, 5.1",
        ),
        "cut base64": (f"{head}.{payload}.{signature}aaa", "base64", canonical),
        "empty signature": (f"{head}.{payload}.", "signature", form),
        "signature of zeros": (f"{head}.{payload}.{encode(bytes(256))}", "signature", form),
        "signature of another key": (sign(HEADER, CLAIMS, OTHER), "signature", "RFC 7515, 5.2"),
        "over 1 MiB": ("e" * (1024 * 1024 + 1), "too_large", "a bound of our own"),
        "nested JWE": (sign(HEADER, f"{one}.a.b".encode()), "nested", "RFC 7519, 5.2"),
        "nested JWS without a signature": (
            sign(HEADER, f"{head}.{payload}.".encode()),
            "nested",
            "RFC 7519, 5.2",
        ),
        "nested JWS": (sign(HEADER, one.encode()), "nested", "RFC 7519, 5.2"),
        "claims that are not an object": (sign(HEADER, [CLAIMS]), "claims", "RFC 7519, 7.2"),
        "claims that are not UTF-8": (sign(HEADER, b"\xff"), "claims", "RFC 7519, 7.2"),
        "claims too deep": (
            sign(HEADER, b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
            "claims",
            "a bound of our own",
        ),
        "claims that are a string": (sign(HEADER, "text"), "claims", "RFC 7519, 7.2"),
        "claims with a byte order mark": (
            sign(HEADER, b"\xef\xbb\xbf" + text(CLAIMS)),
            "claims",
            "RFC 8259, 8.1",
        ),
        "claims with trailing data": (
            sign(HEADER, text(CLAIMS) + b"{}"),
            "claims",
            "RFC 7519, 7.2",
        ),
        "a claim twice, one of them escaped": (
            sign(HEADER, text(CLAIMS)[:-1] + b',"proof\\u0053tatus":"INVALID"}'),
            "duplicate_key",
            "RFC 7519, 4: names must be unique",
        ),
        "a claim twice with the same value": (
            sign(HEADER, text(CLAIMS)[:-1] + b',"iss":"irmaserver"}'),
            "duplicate_key",
            "RFC 7519, 4: names must be unique",
        ),
        "a claim twice": (
            sign(HEADER, text(CLAIMS)[:-1] + b',"proofStatus":"INVALID"}'),
            "duplicate_key",
            "RFC 7519, 4: names must be unique",
        ),
        "a key twice in an attribute": (
            sign(HEADER, text(CLAIMS).replace(b'"rawvalue"', b'"rawvalue":"no","rawvalue"')),
            "duplicate_key",
            "readers differ on which one counts",
        ),
    }


def claims() -> dict[str, tuple[str, str, str]]:
    numeric = "RFC 7519, 2: NumericDate"
    raw = text(CLAIMS)
    times = {
        f"{name} {what}": (with_claims(**{name: value}), "time", numeric)
        for name in ("iat", "exp", "nbf")
        for what, value in {
            "as a string": str(NOW),
            "as a boolean": True,
            "missing": ...,
            "null": None,
            "in a list": [NOW],
            "as an empty string": "",
        }.items()
        if (name, what) != ("nbf", "missing")
    }
    numbers = {
        f"{name} is {word}": (
            sign(HEADER, raw.replace(str(CLAIMS[name]).encode(), word.encode())),
            "claims",
            "RFC 8259, 6: no such numbers",
        )
        for name in ("iat", "exp")  # the times that an honest JWT has
        for word in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000)
    }
    kinds = {
        f"a JWT of kind {kind}": (with_claims(sub=kind), "kind", "RFC 8725, 3.12")
        for kind in ("verification_request", "disclosure_result", "verification_result", "", 7)
    }
    return {
        **times,
        **numbers,
        **kinds,
        "sub in a list": (with_claims(sub=["disclosing_result"]), "kind", "RFC 7519, 4.1.2"),
        "no type": (with_claims(type=...), "subject", "irmago ResultJwt"),
        "issuer in a list": (with_claims(iss=["irmaserver"]), "issuer", "RFC 7519, 4.1.1"),
        "issuer in another case": (with_claims(iss="IrmaServer"), "issuer", "RFC 7519, 2: case"),
        "valid from a later time": (with_claims(nbf=NOW + 11), "not_yet", "RFC 7519, 4.1.5"),
        "valid from a fraction later": (with_claims(nbf=NOW + 10.5), "not_yet", "RFC 7519, 4.1.5"),
        "expired by a fraction": (with_claims(exp=NOW - 10.5), "expired", "RFC 7519, 4.1.4"),
        "an audience": (with_claims(aud="https://a.example"), "audience", "RFC 7519, 4.1.3"),
        "several audiences": (with_claims(aud=["a", "irmaserver"]), "audience", "RFC 7519, 4.1.3"),
        "empty list of audiences": (with_claims(aud=[]), "audience", "RFC 7519, 4.1.3"),
        "an audience that is null": (with_claims(aud=None), "audience", "RFC 7519, 4.1.3"),
        "expired long ago": (with_claims(exp=-(10**30)), "expired", "RFC 7519, 4.1.4"),
        "issued in the far future": (with_claims(iat=10**30), "issued_at", "clocks differ by 10 s"),
        "no sub": (with_claims(sub=...), "kind", "RFC 8725, 3.12"),
        "sub of another type": (with_claims(sub="signing_result"), "subject", "irmago ResultJwt"),
        "type of another sub": (with_claims(type="issuing"), "subject", "irmago ResultJwt"),
        "another issuer": (with_claims(iss="irmaserver2"), "issuer", "RFC 8725, 3.8"),
        "no issuer": (with_claims(iss=...), "issuer", "irmago with an empty jwt_issuer"),
        "issuer that is null": (with_claims(iss=None), "issuer", "RFC 7519, 4.1.1"),
        "expired": (with_claims(exp=NOW - 11), "expired", "RFC 7519, 4.1.4"),
        "issued in the future": (with_claims(iat=NOW + 11), "issued_at", "clocks differ by 10 s"),
        "simulated": (with_claims(simulated=True), "simulated", "the server in memory says so"),
        "simulated that is null": (with_claims(simulated=None), "simulated", "anything but false"),
        "simulated that is a string": (
            with_claims(simulated="no"),
            "simulated",
            "anything but false",
        ),
        "no token": (with_claims(token=...), "result", "irmago SessionResult"),
        "a malformed token": (with_claims(token="../x"), "result", "irmago SessionResult"),
        "an unknown status": (with_claims(status="FINE"), "result", "irmago ServerStatus"),
    }


def cases() -> dict[str, tuple[str, str, str]]:
    why = "Go's encoding/json takes it for the known name, and the last one wins"
    raw, twice = text(CLAIMS), "readers differ on which one counts"

    def more(name: str, value: object) -> str:
        return sign(HEADER, {**CLAIMS, name: value})

    def within(old: str, new: str) -> str:
        return sign(HEADER, raw.replace(old.encode(), new.encode()))

    return {
        "Alg beside alg": (with_header(Alg="none"), "other_case", why),
        "only ALG": (sign({"ALG": "RS256"}, CLAIMS), "other_case", why),
        "Crit": (with_header(Crit=["exp"]), "other_case", why),
        "kid with a Kelvin sign": (sign({**HEADER, "\u212aid": "x"}, CLAIMS), "other_case", why),
        "two other names in two cases in the header": (
            with_header(x=1, X=2),
            "duplicate_key",
            twice,
        ),
        "zip": (with_header(zip="DEF"), "compressed", "RFC 7516, 4.1.3: for a JWE alone"),
        "ProofStatus after proofStatus": (with_claims(ProofStatus="INVALID"), "other_case", why),
        "PROOFSTATUS before proofStatus": (
            sign(HEADER, b'{"PROOFSTATUS":"INVALID",' + raw[1:]),
            "other_case",
            why,
        ),
        "only Status": (with_claims(status=..., Status="DONE"), "other_case", why),
        "status with a long s": (more("\u017ftatus", "CANCELLED"), "other_case", why),
        "token with a Kelvin sign": (more("to\u212aen", "x"), "other_case", why),
        "Exp": (with_claims(Exp=NOW + 999), "other_case", why),
        "Nbf": (with_claims(Nbf=NOW + 999), "other_case", why),
        "AUD": (with_claims(AUD="a"), "other_case", why),
        "RawValue in an attribute": (within('"rawvalue"', '"RawValue"'), "other_case", why),
        "NotRevoked in an attribute": (
            within('"rawvalue"', '"NotRevoked":true,"rawvalue"'),
            "other_case",
            why,
        ),
        "RawValue beside rawvalue": (
            within('"rawvalue"', '"RawValue":"no","rawvalue"'),
            "duplicate_key",
            twice,
        ),
        "id with a capital": (within('"id"', '"Id"'), "other_case", why),
        "Message in a signature": (with_claims(signature={"Message": "b"}), "other_case", why),
        "Error in an error": (
            with_claims(error={"status": 400, "Error": "b"}),
            "other_case",
            why,
        ),
        "two other names in two cases": (with_claims(x=1, X=2), "duplicate_key", twice),
        "two other names in two cases, nested": (
            with_claims(x=[[{"y": {"\u00df": 1, "\u1e9e": 2}}]]),
            "duplicate_key",
            twice,
        ),
    }


def accepted() -> dict[str, str]:
    return {
        "iat with a fraction": with_claims(iat=NOW - 6.5),
        "exp with a fraction": with_claims(exp=NOW + 112.25),
        "exp as a whole number with a decimal point": with_claims(exp=float(NOW + 113)),
        "exp with an exponent": sign(
            HEADER, text(CLAIMS).replace(str(NOW + 113).encode(), b"1.8e9")
        ),
        "nbf in the past": with_claims(nbf=NOW - 7),
        "nbf within the leeway": with_claims(nbf=NOW + 10),
        "an unknown claim": with_claims(x={"y": 1}),
        "two languages that differ by case": sign(
            HEADER, text(CLAIMS).replace(b'"nl":', b'"NL":"yes","nl":')
        ),
        "two other names that are one only in full case folding": sign(
            HEADER, {**CLAIMS, "\u00df": 1, "ss": 2}
        ),
        "a key's name": with_header(kid="1"),
        "typ in lower case": with_header(typ="jwt"),
    }


def main() -> None:
    rows: Mapping[str, tuple[Any, str, str]] = {
        **other_algorithms(),
        **cases(),
        **headers(),
        **forms(),
        **claims(),
    }
    value = {
        "now": NOW,
        "issuer": "irmaserver",
        "key": pem(KEY),
        "weak_key": pem(WEAK),
        "honest": honest(),
        "signed_by_weak_key": sign(HEADER, CLAIMS, WEAK),
        "accepted": [{"name": name, "jwt": jwt} for name, jwt in accepted().items()],
        "refused": [
            {
                "name": name,
                "jwt": jwt if len(jwt) < 2**20 else {"letters": len(jwt)},
                "code": code,
                "why": why,
            }
            for name, (jwt, code, why) in rows.items()
        ],
    }
    TARGET.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
