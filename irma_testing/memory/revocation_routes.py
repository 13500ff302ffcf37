"""The calls below `/irma/revocation/`, by which servers and apps fetch what is revoked.

A server without a revocation database refuses them all, in CBOR. Source: irmago
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
_LONGEST_INLINE = 24
_ONE_BYTE, _TWO_BYTES = 24, 25
_BYTE = 0x100


def refuse_revocation_call(method: str, call: str) -> HttpResponse:
    """Return the refusal of a call: its path is what follows the credential type."""
    found = _CALLS.fullmatch(call)
    if found is None:
        return _refused({"status": 404, "error": INVALID_REQUEST.name})
    if found.lastgroup != method:
        return _refused({"status": 405, "error": INVALID_REQUEST.name})
    return _refused(Refusal(INVALID_REQUEST, "not supported by this server").as_json())


def _refused(fields: dict[str, object]) -> HttpResponse:
    body = bytes([_MAP + len(fields)]) + b"".join(
        _written(name) + _written(value) for name, value in fields.items()
    )
    status = fields["status"]
    assert isinstance(status, int)  # noqa: S101  # so it is in every refusal
    return HttpResponse(status, (("content-type", "application/octet-stream"),), body=body)


def _written(value: object) -> bytes:
    """Return a status, or a string of less than 256 bytes, in CBOR."""
    if isinstance(value, int):
        return _head(_UNSIGNED, value)
    encoded = str(value).encode()
    return _head(_STRING, len(encoded)) + encoded


def _head(kind: int, number: int) -> bytes:
    if number < _LONGEST_INLINE:
        return bytes([kind + number])
    if number < _BYTE:
        return bytes([kind + _ONE_BYTE, number])
    return bytes([kind + _TWO_BYTES]) + number.to_bytes(2, "big")
