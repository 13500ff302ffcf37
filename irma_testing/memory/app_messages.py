"""Read the messages of apps and browsers as the official server does.

Source: irmago `irma/messages.go` and `irmaserver/handle.go`.
"""

from __future__ import annotations

from typing import Any

from irma_testing.memory.go_json import GoJsonError, Json, Members, Number, parse_json
from irma_testing.memory.go_types import (
    INT,
    TEXT,
    Field,
    Kind,
    Struct,
    fold,
    mismatch,
    pointer,
    sequence,
)
from irma_testing.memory.replies import MALFORMED_INPUT, Refusal

__all__ = ["DISCLOSURE", "OPTIONS", "SIGNATURE", "read_commitments", "read_message"]

_MAX_DEPTH = 100


def _plain(value: Json, depth: int = 0) -> Any:
    """Convert a parsed JSON value to Python's own types."""
    if depth > _MAX_DEPTH:
        raise GoJsonError("nested too deeply")
    if isinstance(value, Members):
        return {name: _plain(member, depth + 1) for name, member in value.pairs}
    if isinstance(value, list):
        return [_plain(element, depth + 1) for element in value]
    if isinstance(value, Number):
        try:
            return int(value.text) if value.text.lstrip("-").isdigit() else float(value.text)
        except ValueError:
            raise GoJsonError("a number is too long") from None
    return str(value) if isinstance(value, str) else value


def _read_proof(value: Json, _old: object) -> Any:
    if value is None or value == Members(()):
        raise GoJsonError("Unknown proof type found in ProofList")
    if not isinstance(value, Members):
        raise mismatch(value, "ProofD")
    return _plain(value)


_LIST_OF_PROOFS = sequence(Kind(_read_proof))


def _read_proofs(value: Json, _old: object) -> Any:
    # The official server appends to a nil slice, which stays nil for an empty list.
    return _LIST_OF_PROOFS.read(value, None) or None


_PROOFS = Kind(_read_proofs)
_INDEX = Struct(Field("cred", INT, omit_empty=False), Field("attr", INT, omit_empty=False))
_INDICES = sequence(sequence(pointer(_INDEX.kind)))
_TIMESTAMP = Struct(
    Field("Time", INT, omit_empty=False),
    Field("ServerUrl", TEXT, omit_empty=False),
    Field(
        "Sig",
        Struct(
            Field("Alg", TEXT, omit_empty=False),
            Field("Data", TEXT, omit_empty=False),
            Field("PublicKey", TEXT, omit_empty=False),
        ).kind,
        omit_empty=False,
    ),
)
OPTIONS = Struct(Field("@context", TEXT), Field("pairingMethod", TEXT))
DISCLOSURE = Struct(Field("proofs", _PROOFS), Field("indices", _INDICES))
SIGNATURE = Struct(
    Field("@context", TEXT, omit_empty=False),
    Field("signature", _PROOFS, omit_empty=False),
    Field("indices", _INDICES, omit_empty=False),
    Field("nonce", pointer(TEXT), omit_empty=False),
    Field("context", pointer(TEXT), omit_empty=False),
    Field("message", TEXT, omit_empty=False),
    Field("timestamp", pointer(_TIMESTAMP.kind), omit_empty=False),
)
_COMMITMENTS = Struct(Field("combinedProofs", _PROOFS), Field("indices", _INDICES))
_COMMITMENT_FIELDS = frozenset(
    fold(name) for name in ("U", "n_2", "combinedProofs", "proofPJwt", "proofPJwts")
)


def read_message(form: Struct, body: bytes | None) -> dict[str, Any]:
    """Return the fields of a JSON message of the given form.

    Raises:
        Refusal: `MALFORMED_INPUT`: the body is not JSON, or a field has the wrong type.
    """
    try:
        return form.read_new(parse_json(body or b""))
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None


def read_commitments(body: bytes | None) -> dict[str, Any] | None:
    """Return the commitments that an app sent; None if the body has no field for commitments.

    Raises:
        Refusal: As for `read_message`.
    """
    try:
        value = parse_json(body or b"")
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, str(problem)) from None
    try:
        commitments = _COMMITMENTS.read_new(value)
    except GoJsonError as problem:
        raise Refusal(MALFORMED_INPUT, f"failed to unmarshal base fields: {problem}") from None
    names = {fold(name) for name, _ in value.pairs} if isinstance(value, Members) else set()
    return None if names.isdisjoint(_COMMITMENT_FIELDS) else commitments
