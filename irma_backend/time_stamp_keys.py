"""Ask a time-stamping server once whether a key is its own, so that it can be pinned."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import urlencode

from irma_core.errors import ProofError, UnexpectedResponseError
from irma_core.interfaces import HttpRequest, Transport
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
    """Return `URL=KEY` if a time-stamping server says that the key in a signature is its own.

    The answer is as trustworthy as the connection to the server. Ask once, compare the key with a
    second source, and pin it: `SignatureVerifier(time_stamps={url: [key]})`.

    Args:
        url: The server's URL, from the scheme's description.
        signature: A signature with a time stamp of that server, or its JSON.
        transport: Makes the call.

    Raises:
        ProofError: The signature has no time stamp, or is malformed; or the server does not trust
            the key.
        ConfigurationError: The URL is invalid, or is plain HTTP to another machine or through a
            proxy.
        UnexpectedResponseError: The response is not that of a time-stamping server.
        TransportError: The network failed.

    Source: Atum's client, as irmago uses it.
    """
    server = ServerUrl.parse(url, what="url", is_proxied=sends_by_proxy(transport))
    key = read_stamp_of(signature).public_key
    query = urlencode({"alg": "ed25519", "pk": key.hex()})
    response = transport.send(
        HttpRequest("GET", server.join(f"checkPublicKey?{query}"), label=_LABEL),
        transport.clock.monotonic() + _SECONDS,
    )
    try:
        answer = read_json(response.body)
    except JsonTextError:
        answer = None
    if response.status != 200 or not isinstance(answer, dict):  # noqa: PLR2004  # HTTP's
        raise UnexpectedResponseError(
            _LABEL, response.status, "is not that of a time-stamping server"
        )
    if answer.get("Trusted") is not True:
        raise ProofError(
            "timestamp.Sig.PublicKey",
            "the time-stamping server does not trust this key",
            check="time_stamp_key",
            status="INVALID_TIMESTAMP",
        )
    return f"{url}={base64.b64encode(key).decode()}"
