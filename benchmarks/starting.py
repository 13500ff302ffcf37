"""Start sessions, to measure the cost above that of HTTP, and the cost of signing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.loopback import running_loopback
from benchmarks.rounds import Effort, Row, alternate, differences, ratios
from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    HmacAuthentication,
    HmacSigner,
    PublicKeyAuthentication,
    Requestor,
    RsaSigner,
    any_of,
)
from irma_core.models.session_requests import as_extended
from irma_core.protocol.endpoints import build_start_request
from irma_core.protocol.server_url import ServerUrl
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["rows"]

ASKED = DisclosureRequest(
    {
        "age": any_of(
            AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes"),
            AttributeRequest("pbdf.pilot-amsterdam.idcard.over18", value="1"),
        ),
        "email": "pbdf.sidn-pbdf.email.email",
    }
)


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for starting sessions, measured with a loopback server."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with (
        running_loopback() as url,
        Urllib3Transport() as transport,
        urllib3.PoolManager(retries=False) as pool,
    ):
        request = build_start_request(ServerUrl.parse(url), as_extended(ASKED))
        assert request.body is not None
        value = json.loads(request.body)
        plain = Requestor(url, transport)
        hmac = HmacAuthentication("me", HmacSigner(bytes(range(32))))
        signed = Requestor(url, transport, authentication=hmac)
        by_rsa = PublicKeyAuthentication("me", RsaSigner(pem))
        rsa_signed = Requestor(url, transport, authentication=by_rsa)

        def bare() -> object:
            return transport.send(request, transport.clock.monotonic() + 10)

        def signature_and_start() -> object:
            # Alternate both, as a signed start does: after a slow signature, the processor's caches
            # no longer contain the code of a start.
            key.sign(request.body or b"", padding.PKCS1v15(), SHA256())
            return plain.start_session(ASKED)

        taken = alternate(
            effort,
            400,
            {
                "raw": lambda: json.loads(pool.request("POST", f"{url}/session", json=value).data),
                "bare": bare,
                "start": lambda: plain.start_session(ASKED),
                "hmac": lambda: signed.start_session(ASKED),
                "rsa": lambda: rsa_signed.start_session(ASKED),
                "signature and start": signature_and_start,
            },
        )
    yield Row("start / raw urllib3 and json.loads", ratios(taken["start"], taken["raw"]), "x", 1.1)
    above = differences(taken["start"], taken["bare"])
    yield Row("start, above the bare transport", above, "us", 60)
    above = differences(taken["hmac"], taken["start"])
    yield Row("HS256-signed start, above the unsigned one", above, "us", 45)
    both = taken["signature and start"]
    yield Row(
        "RS256-signed start / bare signature, then unsigned", ratios(taken["rsa"], both), "x", 1.1
    )
