"""Verify JWTs: a genuine JWT, compared with the same steps by hand, and the slowest JWTs."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.reading import attribute
from benchmarks.rounds import Effort, Row, alternate, differences, ratios
from irma_core import DisclosureRequest, HmacSigner, sign_session_request
from irma_core.errors import JwtError
from irma_core.models.session_requests import as_extended
from irma_core.protocol.endpoints import build_start_request
from irma_core.protocol.server_url import ServerUrl
from irma_core.trust.request_jwt import verify_session_request_jwt
from irma_core.trust.result_jwt import verify_result_jwt
from tests.trust.make_jwt_vectors import CLAIMS, HEADER, KEY, NOW, pem, sign

__all__ = ["rows"]

VECTORS = Path(__file__).parent.parent / "tests" / "vectors" / "jwt" / "refused.json"
LARGEST = 780_000  # bytes of claims whose JWT is just below 1 MiB


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for verifying JWTs, measured without a socket."""
    yield from _signed(effort)
    yield from _signing(effort)
    yield from _slowest(effort)


def _signed(effort: Effort) -> Iterator[Row]:
    """Verify the JWT of a result with 20 attributes, compared with the same steps by hand."""
    ids = [f"pbdf.gemeente.personalData.attribute{number}" for number in range(20)]
    claims = {**CLAIMS, "disclosed": [[attribute(each) for each in ids]]}
    jwt, key = sign(HEADER, claims), pem(KEY)
    now = datetime.fromtimestamp(NOW, UTC)
    public = KEY.public_key()

    def by_hand() -> object:
        head, payload, signature = jwt.split(".")
        public.verify(_bytes(signature), f"{head}.{payload}".encode(), PKCS1v15(), SHA256())
        json.loads(_bytes(head), object_pairs_hook=_unique)
        said = json.loads(_bytes(payload), object_pairs_hook=_unique)
        assert said["iss"] == "irmaserver"
        assert said["iat"] <= NOW <= said["exp"]
        return said

    taken = alternate(
        effort,
        400,
        {
            "by hand": by_hand,
            "ours": lambda: verify_result_jwt(jwt, keys=[key], issuer="irmaserver", now=now),
        },
    )
    name = "result JWT of 20 attributes, verified into the model / by hand"
    yield Row(name, ratios(taken["ours"], taken["by hand"]), "x", 2.5)


def _bytes(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    assert len(value) == len(pairs)
    return value


def _signing(effort: Effort) -> Iterator[Row]:
    """Sign a request with HS256, to measure how much more that costs than only writing it."""
    request, signer = (
        DisclosureRequest(["pbdf.sidn-pbdf.email.email"]),
        HmacSigner(bytes(range(32))),
    )
    now, server = datetime.fromtimestamp(NOW, UTC), ServerUrl.parse("https://irma.example")
    taken = alternate(
        effort,
        1000,
        {
            "plain": lambda: build_start_request(server, as_extended(request)),
            "signed": lambda: sign_session_request(request, name="me", signer=signer, now=now),
        },
    )
    above = differences(taken["signed"], taken["plain"])
    yield Row("HS256-signed request, above the unsigned one", above, "us", 45)


def _slowest(effort: Effort) -> Iterator[Row]:
    """Verify invalid and large JWTs; only the time of the slowest JWT counts."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    refused = [row["jwt"] for row in vectors["refused"] if isinstance(row["jwt"], str)]
    yield Row("the slowest JWT of the vectors", _each(effort, refused, vectors["key"]), "ms", 50)
    large = [sign(HEADER, claims) for claims in _large_claims()]
    head, payload, _ = large[0].split(".")
    large += [f"{head}.{payload}.{'A' * 342}", "." * 2**20, "e" * 2**20]
    yield Row("the slowest JWT of 1 MiB", _each(effort, large, pem(KEY)), "ms", 50)
    yield Row("the slowest session request JWT of 1 MiB", _asked(effort, large), "ms", 50)
    huge = ["e" * 4_000_000, "." * 4_000_000, "e" * 3_999_000 + ".e.e"]
    yield Row("the slowest JWT of 4 MB", _each(effort, huge, pem(KEY)), "ms", 250)


def _large_claims() -> Iterator[bytes]:
    """Yield claims that are slow to read: many of all kinds, up to the limits and beyond."""
    for value in (b"{}", b'{"a":0}', b"0", b"1.5e3", b'"\\u0061"', b"[]"):
        yield b'{"x":[' + b",".join([value] * (LARGEST // (len(value) + 1))) + b"]}"
        yield b'{"x":[' + b",".join([value] * (29_000 // (1 + value.count(b"{")))) + b"]}"
    yield b"{" + b",".join(b'"%06x":0' % number for number in range(29_000)) + b"}"
    yield b'{"x":' + b"[" * 29_000
    yield b"a" * (LARGEST // 2) + b"." + b"b" * (LARGEST // 2 - 2) + b" "
    attributes = json.dumps([attribute("pbdf.gemeente.personalData.over18")] * 2500)
    claims = json.dumps({**CLAIMS, "disclosed": []}, separators=(",", ":"))
    yield claims.replace('"disclosed":[]', f'"disclosed":[{attributes}]').encode()


def _each(effort: Effort, jwts: list[str], key: str) -> list[float]:
    now = datetime.fromtimestamp(NOW, UTC)

    def verify(jwt: str) -> object:
        return verify_result_jwt(jwt, keys=[key], issuer="irmaserver", now=now)

    return [max(_milliseconds(verify, jwt) for jwt in jwts) for _ in range(effort.rounds)]


def _asked(effort: Effort, jwts: list[str]) -> list[float]:
    now, keys = datetime.fromtimestamp(NOW, UTC), {"shop": pem(KEY)}

    def verify(jwt: str) -> object:
        age = timedelta(minutes=5)
        return verify_session_request_jwt(jwt, keys=keys, max_age=age, now=now)

    return [max(_milliseconds(verify, jwt) for jwt in jwts) for _ in range(effort.rounds)]


def _milliseconds(verify: Callable[[str], object], jwt: str) -> float:
    begin = time.process_time()
    with suppress(JwtError):
        verify(jwt)
    return (time.process_time() - begin) * 1e3
