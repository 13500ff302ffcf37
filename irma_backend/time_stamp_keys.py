"""Ask a time-stamping server once whether it owns a key, so that the key can be pinned."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from irma_core.errors import ProofError, UnexpectedResponseError
from irma_core.interfaces import HttpRequest, HttpResponse, Transport
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.disclosed import AttributeBasedSignature
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.transport import sends_by_proxy
from irma_core.tracebacks import boundary
from irma_proofs.signature_verifier import read_stamp_of

__all__ = ["ask_time_stamp_key"]

_LABEL: Final = "GET checkPublicKey"
_SECONDS: Final = 30


@boundary
def ask_time_stamp_key(
    url: str, signature: AttributeBasedSignature | str | bytes, transport: Transport
) -> str:
    """Return `URL=KEY` if a time-stamping server confirms that it owns the key in a signature.

    The answer is as trustworthy as the connection to the server. Ask once, compare the key with a
    second source, and pin it: `SignatureVerifier(time_stamps={url: [key]})`.

    The response also contains the time until which the server vouches for the key. Like Atum's
    client, this function refuses a stamp that was made after that time. The pin itself never
    expires, so that signatures can still be verified after the server is gone.

    Args:
        url: The server's URL, from the scheme's description.
        signature: A signature with a time stamp of that server, or its JSON.
        transport: Makes the call.

    Raises:
        ProofError: The signature has no time stamp, or is malformed; the server does not trust the
            key, or no longer trusted it when the stamp was made.
        ConfigurationError: The URL is invalid, or is plain HTTP to another machine or through a
            proxy.
        UnexpectedResponseError: The response does not come from a time-stamping server.
        TransportError: The network failed.

    Source: Atum's client (`client.go`, `checkPublicKey`), as irmago uses it.
    """
    server = ServerUrl.parse(url, what="url", is_proxied=sends_by_proxy(transport))
    stamp = read_stamp_of(signature)
    query = urlencode({"alg": "ed25519", "pk": stamp.public_key.hex()})
    response = transport.send(
        HttpRequest("GET", server.join(f"checkPublicKey?{query}"), label=_LABEL),
        transport.clock.monotonic() + _SECONDS,
    )
    answer = _read_answer(response)
    if answer is None:
        raise UnexpectedResponseError(
            _LABEL, response.status, "does not come from a time-stamping server"
        )
    is_trusted, expires = answer
    if not is_trusted:
        raise _refused("the time-stamping server does not trust this key")
    if stamp.time > expires:
        raise _refused(
            "the time-stamping server no longer trusted this key at the time of the stamp"
        )
    return f"{url}={base64.b64encode(stamp.public_key).decode()}"


def _read_answer(response: HttpResponse) -> tuple[bool, float] | None:
    """Return whether the server trusts the key, and until when; None if the answer is malformed."""
    try:
        answer = read_json(response.body)
    except JsonTextError:
        return None
    if response.status != 200 or not isinstance(answer, dict):  # noqa: PLR2004  # HTTP's
        return None
    try:
        expires = datetime.fromisoformat(str(answer.get("Expires")))
    except ValueError:
        return None
    if expires.tzinfo is None:
        return None
    return answer.get("Trusted") is True, expires.timestamp()


def _refused(reason: str) -> ProofError:
    return ProofError(
        "timestamp.Sig.PublicKey", reason, check="time_stamp_key", status="INVALID_TIMESTAMP"
    )
