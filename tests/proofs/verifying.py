"""Verify made-up proofs with `irma_proofs`, and summarise the result."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from attrs import frozen

from irma_core.errors import ProofError
from irma_core.models.condiscon import AttributeRequest, ConDisCon, as_condiscon
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.session_requests import SignatureRequest
from irma_proofs import Schemes, SignatureVerifier
from irma_proofs.proved_slots import Asked
from irma_proofs.verification import verify_disclosure
from tests.proofs.honest import Proof
from tests.proofs.made import STAMPS, pinned, scheme_files

__all__ = ["Verified", "moment", "refusal", "schemes_of", "verified", "verifier"]


@frozen
class Verified:
    """The content of a proof: the attributes with their values for each slot, and the others."""

    slots: list[list[tuple[str, str | None]]]
    extra: list[tuple[str, str | None]]
    not_revoked: frozenset[str] = frozenset()
    """The attributes whose credential is proved not to be revoked."""


class _Files:
    """Files of schemes in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, path: str) -> bytes:
        return self._files[path]


def schemes_of(files: Mapping[str, bytes], keys: Mapping[str, str] | None = None) -> Schemes:
    """Return schemes in memory, with the keys of the made-up schemes by default."""
    return Schemes(_Files(files), pinned=pinned() if keys is None else keys)


@cache
def made_schemes() -> Schemes:
    """Return both made-up schemes."""
    return schemes_of(scheme_files())


def verifier(schemes: Schemes | None = None, **options: Any) -> SignatureVerifier:
    """Return a verifier that also accepts keys of 1024 bits."""
    options = {"time_stamps": {STAMPS.url: [STAMPS.public_key]}, "min_key_bits": 1024, **options}
    return SignatureVerifier(schemes or made_schemes(), **options)


def moment(seconds: int) -> datetime:
    """Return a time, given Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def verified(proof: Proof, schemes: Schemes | None = None, **options: Any) -> Verified:
    """Return the content of a proof. The other arguments are for other schemes and options.

    Raises:
        ProofError: a check refuses it.
    """
    given, request, at = json.dumps(proof.json), proof.request, moment(proof.at)
    schemes = schemes or made_schemes()
    if proof.kind == "disclosure":
        assert request is not None
        asked = Asked(
            _condiscon(request["disclose"]),
            dict.fromkeys(request.get("revocation", ())),
            frozenset(request.get("skipExpiryCheck", ())),
        )
        proved = verify_disclosure(
            given,
            asked,
            schemes,
            nonce=_number(request["nonce"]),
            context=_number(request["context"]),
            at=at,
            min_key_bits=1024,
        )
        slots, extra = proved.slots, proved.extra
    else:
        by = verifier(schemes, **options)
        if request is None:
            signature = by.verify(given, at=at)
        else:
            signature = by.verify(
                given,
                SignatureRequest(request["message"], _condiscon(request["disclose"])),
                nonce=_number(request["nonce"]),
                context=_number(request["context"]),
                at=at,
            )
        slots, extra = dict(signature), signature.extra
    count = len(proof.json["indices"] if request is None else request["disclose"])
    answered = [tuple(slots.get(i, ())) for i in range(count)]
    everything = [each for slot in answered for each in slot] + list(extra)
    return Verified(
        [[_named(each) for each in slot] for slot in answered],
        [_named(each) for each in extra],
        frozenset(each.attribute for each in everything if each.not_revoked),
    )


def refusal(proof: Proof, schemes: Schemes | None = None, **options: Any) -> ProofError | None:
    """Return the error with which a proof is refused; None if it is accepted."""
    try:
        verified(proof, schemes, **options)
    except ProofError as error:
        return error
    return None


def _named(attribute: DisclosedAttribute) -> tuple[str, str | None]:
    return attribute.attribute, attribute.raw_value


def _condiscon(disclose: list[Any]) -> ConDisCon:
    return as_condiscon([[[_asked(each) for each in con] for con in slot] for slot in disclose])


def _asked(given: Any) -> Any:
    if isinstance(given, str):
        return given
    value, not_null = given.get("value"), given.get("notNull", False)
    return AttributeRequest(given["type"], value=value, not_null=not_null)


def _number(text: str) -> int:
    return int.from_bytes(base64.b64decode(text))
