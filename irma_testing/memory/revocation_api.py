"""The calls under `/irma/revocation/`, with which servers and apps fetch revocation updates.

A server without a revocation database refuses all of them, in CBOR. Source: irmago
`irmaserver/api.go` (`HandlerFunc`) and `handleRevocation…` in `irmaserver/handle.go`.
"""

from __future__ import annotations

import re

from irma_core.protocol.messages import HttpResponse
from irma_testing.memory.replies import INVALID_REQUEST, Refusal

__all__ = ["refuse_revocation_call"]

_CALLS = re.compile(
    r"/(?:(?P<GET>events/[0-9]+/[0-9]+/[0-9]+|updateevents|update/[0-9]+(?:/[0-9]+)?)"
    r"|(?P<POST>issuancerecord/[0-9]+))"
)
_UNSIGNED, _STRING, _MAP = 0x00, 0x60, 0xA0
_MAX_INLINE = 24
_ONE_BYTE, _TWO_BYTES = 24, 25
_BYTE = 0x100


def refuse_revocation_call(method: str, call: str) -> HttpResponse:
    """Return the response that refuses a call; `call` is the path after the credential type."""
    match = _CALLS.fullmatch(call)
    if match is None:
        return _cbor_reply({"status": 404, "error": INVALID_REQUEST.name})
    if match.lastgroup != method:
        return _cbor_reply({"status": 405, "error": INVALID_REQUEST.name})
    return _cbor_reply(Refusal(INVALID_REQUEST, "not supported by this server").as_json())


def _cbor_reply(fields: dict[str, object]) -> HttpResponse:
    body = bytes([_MAP + len(fields)]) + b"".join(
        _cbor(name) + _cbor(value) for name, value in fields.items()
    )
    status = fields["status"]
    assert isinstance(status, int)  # noqa: S101  # it is one in every refusal
    return HttpResponse(status, (("content-type", "application/octet-stream"),), body=body)


def _cbor(value: object) -> bytes:
    """Encode a status, or a string of fewer than 256 bytes, in CBOR."""
    if isinstance(value, int):
        return _head(_UNSIGNED, value)
    encoded = str(value).encode()
    return _head(_STRING, len(encoded)) + encoded


def _head(kind: int, number: int) -> bytes:
    if number < _MAX_INLINE:
        return bytes([kind + number])
    if number < _BYTE:
        return bytes([kind + _ONE_BYTE, number])
    return bytes([kind + _TWO_BYTES]) + number.to_bytes(2, "big")
