"""The form that a session request must have, whatever exists and whoever asks.

Source: irmago, the `Validate` methods in `irma/requests.go`.
"""

from __future__ import annotations

from collections.abc import Mapping

from irma_testing.memory.refusals import INVALID_REQUEST, Refusal
from irma_testing.memory.request_types import CONTEXTS
from irma_testing.memory.start_request import Con, Kind, StartRequest

__all__ = ["check_form"]

_NOT_A: Mapping[Kind, str] = {
    "disclosing": "Not a disclosure request",
    "signing": "Not a signature request",
    "issuing": "Not an issuance request",
}
_CREDENTIAL_PARTS = 3
_ATTRIBUTE_PARTS = (3, 4)


def check_form(request: StartRequest) -> None:
    """Check a request.

    Raises:
        Refusal: It asks nothing, or not in the way it should.
    """
    if request.context != CONTEXTS[request.kind]:
        raise Refusal(INVALID_REQUEST, _NOT_A[request.kind])
    if request.kind == "disclosing" and not any(request.attributes()):
        raise Refusal(INVALID_REQUEST, "Disclosure request had no attributes")
    if request.kind == "signing":
        if not request.message:
            raise Refusal(INVALID_REQUEST, "Signature request had empty message")
        if not request.disclose:
            raise Refusal(INVALID_REQUEST, "Signature request had no attributes")
    if request.kind == "issuing":
        _check_credentials(request)
    for disjunction in request.disclose:
        if not disjunction:
            raise Refusal(INVALID_REQUEST, "Empty disjunction")
        for conjunction in disjunction:
            _check_conjunction(conjunction)


def _check_credentials(request: StartRequest) -> None:
    if not request.credentials:
        raise Refusal(INVALID_REQUEST, "Empty issuance request")
    for credential in request.credentials:
        parts = credential.type.count(".") + 1
        if parts != _CREDENTIAL_PARTS:
            raise Refusal(
                INVALID_REQUEST, f"Expected credential ID to consist of 3 parts, {parts} found"
            )


def _check_conjunction(conjunction: Con) -> None:
    seen: set[str] = set()
    last = ""
    for asked in conjunction:
        parts = asked.type.count(".") + 1
        if parts not in _ATTRIBUTE_PARTS:
            raise Refusal(
                INVALID_REQUEST,
                f"Expected attribute request to consist of 4 or 3 parts, {parts} found",
            )
        if asked.credential_type in seen and asked.credential_type != last:
            raise Refusal(
                INVALID_REQUEST,
                "Within inner conjunctions, attributes from the same credential type must be "
                "adjacent",
            )
        last = asked.credential_type
        seen.add(last)
