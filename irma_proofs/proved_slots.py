"""Compare the attributes that proofs disclose with the requested ones.

Source: irmago `AttributeConDisCon.Satisfy` and `Disclosure.VerifyAgainstRequest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, final

import attrs

from irma_core.errors import ProofError
from irma_core.json_text import JsonValue
from irma_core.models.answers import AnsweredSlot
from irma_core.models.condiscon import AttributeRequest, ConDisCon, DisCon, Slot
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.session_requests import DisclosureRequest, SignatureRequest
from irma_core.models.statuses import AttributeProofStatus
from irma_core.models.validation import credential_type_of
from irma_proofs.credential_types import FIRST_ATTRIBUTE
from irma_proofs.disclosure_proof import METADATA, DisclosureProof
from irma_proofs.metadata import attribute_value
from irma_proofs.non_revocation import NonRevocationProof
from irma_proofs.proof_json import read_integer, read_list, read_members

__all__ = ["Asked", "Place", "ProvedSlots", "VerifiedProof", "prove_slots", "read_indices"]

_TOLERANCE: Final = timedelta(minutes=10)
"""The default maximum age of a proof of non-revocation, which is also the server's default."""
_MOST_INDEX: Final = 9999
_MOST_INDICES: Final = 1000


@final
@attrs.frozen
class Place:
    """The place of a disclosed attribute; irmago's `DisclosedAttributeIndex`.

    Args:
        proof: The index of the proof in the list.
        attribute: The index of the attribute in the proof.
        path: The JSON path of the entry that names this attribute, for error messages.
    """

    proof: int
    attribute: int
    path: str = attrs.field(default="", eq=False)


Places: TypeAlias = list[list[Place]]


@final
@attrs.frozen
class VerifiedProof:
    """A proof whose arithmetic has been completely verified.

    Args:
        proof: The disclosure proof.
        non_revocation: Its proof of non-revocation, or None.
    """

    proof: DisclosureProof
    non_revocation: NonRevocationProof | None


@final
@attrs.frozen
class Asked:
    """The parts of a request that proofs must satisfy.

    Args:
        disclose: The requested attributes.
        revocation: Credential types that need a proof of non-revocation, each with the maximum age
            of that proof; None stands for ten minutes.
        skip_expiry_check: The types whose credentials may have expired.
    """

    disclose: ConDisCon
    revocation: Mapping[str, timedelta | None]
    skip_expiry_check: frozenset[str]

    @classmethod
    def by(cls, request: SignatureRequest | DisclosureRequest) -> Asked:
        """Return the parts of this request that proofs must satisfy."""
        return cls(request.disclose, request.revocation, frozenset(request.skip_expiry_check))


@final
@attrs.frozen
class ProvedSlots:
    """The attributes that proofs disclose.

    Args:
        slots: The attributes that were disclosed for each slot of the request. Without a request,
            slots are the groups in which the app listed the attributes.
        extra: All other disclosed attributes.
    """

    slots: Mapping[Slot, AnsweredSlot]
    extra: tuple[DisclosedAttribute, ...]


def read_indices(value: JsonValue) -> Places:
    """Return the `indices` of a disclosure or signature: the places of each slot's attributes.

    Raises:
        ProofError: The indices do not have the right form.
    """
    lists = read_list(value, "indices")
    check_number_of_indices(lists)
    return [
        [
            _read_place(place, f"indices[{i}][{j}]")
            for j, place in enumerate(read_list(places, f"indices[{i}]"))
        ]
        for i, places in enumerate(lists)
    ]


def _read_place(value: JsonValue, path: str) -> Place:
    members = read_members(value, path, required=frozenset({"cred", "attr"}))
    return Place(
        read_integer(members["cred"], f"{path}.cred", most=_MOST_INDEX),
        read_integer(members["attr"], f"{path}.attr", most=_MOST_INDEX),
        path,
    )


def prove_slots(
    proofs: Sequence[VerifiedProof], indices: Places, *, asked: Asked | None, at: datetime
) -> ProvedSlots:
    """Return the attributes that proofs disclose, after checking them against the request.

    Args:
        proofs: The proofs.
        indices: For each slot, the places of its attributes in `proofs`.
        asked: The requirements of the request; None if the caller does not know the request.
        at: The time at which the credentials must be valid.

    Raises:
        ProofError: The proofs do not match the request, or a credential had expired at that time.
    """
    check_indices_disclosed(proofs, indices)
    disclosed = _all_attributes(proofs, {} if asked is None else asked.revocation, at)
    slots: dict[Slot, AnsweredSlot]
    if asked is None:
        counted = indices
        slots = {
            i: AnsweredSlot(tuple(disclosed[place] for place in places), 0)
            for i, places in enumerate(indices)
            if places
        }
    else:
        check_non_revocation_proved(proofs, asked)
        check_enough_indices(indices, asked.disclose)
        counted = indices[: len(asked.disclose)]
        slots = {}
        for slot, disjunction, places in zip(
            asked.disclose.slots, asked.disclose.disjunctions, counted, strict=True
        ):
            found = answered_slot(slot, disjunction, [disclosed[place] for place in places])
            if found.attributes:
                slots[slot] = found
        check_accumulator_age(slots.values(), asked)
    check_not_expired(proofs, asked, at)
    check_key_not_expired(proofs)
    named = {place for places in counted for place in places}
    extra = (
        _as_extra(attribute)
        for place, attribute in disclosed.items()
        if place not in named and place.attribute != METADATA
    )
    return ProvedSlots(slots, tuple(extra))


def _all_attributes(
    proofs: Sequence[VerifiedProof], tolerances: Mapping[str, timedelta | None], at: datetime
) -> dict[Place, DisclosedAttribute]:
    """Return all disclosed attributes by place. Each credential also counts as an attribute."""
    found: dict[Place, DisclosedAttribute] = {}
    for i, verified in enumerate(proofs):
        proof = verified.proof
        identifier = proof.credential_type.identifier
        tolerance = tolerances.get(identifier) or _TOLERANCE
        before = _not_revoked_before(verified.non_revocation, at, tolerance)
        for index in sorted(proof.disclosed):
            name, value = _name_and_value(proof, index)
            found[Place(i, index)] = DisclosedAttribute(
                name,
                value,
                status=AttributeProofStatus.NULL if value is None else AttributeProofStatus.PRESENT,
                issued_at=datetime.fromtimestamp(proof.metadata.signed_at, UTC),
                # Like the server's results, give the same value for each of these languages.
                translations=None if value is None else dict.fromkeys(("", "en", "nl"), value),
                not_revoked=verified.non_revocation is not None,
                not_revoked_before=before,
            )
    return found


def _not_revoked_before(
    given: NonRevocationProof | None, at: datetime, tolerance: timedelta
) -> datetime | None:
    """Return the time of a proof of non-revocation older than `tolerance`; otherwise None."""
    if given is None:
        return None
    time = datetime.fromtimestamp(given.time, UTC)
    return time if at - time > tolerance else None


def _name_and_value(proof: DisclosureProof, index: int) -> tuple[str, str | None]:
    credential_type = proof.credential_type.identifier
    if index == METADATA:
        return credential_type, "present"
    attribute = proof.credential_type.attributes[index - FIRST_ATTRIBUTE]
    value = attribute_value(
        proof.disclosed[index],
        version=proof.metadata.version,
        is_random_blind=attribute.is_random_blind,
    )
    # The revocation attribute has no name. The app never discloses it.
    return attribute.identifier or f"{credential_type}.", value


def _as_extra(given: DisclosedAttribute) -> DisclosedAttribute:
    return DisclosedAttribute(
        given.attribute,
        given.raw_value,
        status=AttributeProofStatus.EXTRA,
        issued_at=given.issued_at,
        translations=given.translations,
        not_revoked=given.not_revoked,
        not_revoked_before=given.not_revoked_before,
    )


def check_number_of_indices(lists: Sequence[JsonValue]) -> None:
    """Check that the indices have at most 1,000 lists and places in total.

    The indices are not signed, so anyone can repeat a large attribute, such as a photo, many times.

    Raises:
        ProofError: The check fails.
    """
    if sum(1 + len(each) if type(each) is list else 1 for each in lists) > _MOST_INDICES:
        raise ProofError(
            "indices",
            f"must have at most {_MOST_INDICES} lists and entries in total",
            check="number_of_indices",
        )


def check_indices_disclosed(proofs: Sequence[VerifiedProof], indices: Places) -> None:
    """Check that an attribute was disclosed at each place that the indices name.

    Raises:
        ProofError: The check fails.
    """
    for place in (place for places in indices for place in places):
        if place.proof >= len(proofs) or place.attribute not in proofs[place.proof].proof.disclosed:
            raise ProofError(
                place.path, "must point to a disclosed attribute", check="indices_disclosed"
            )


def check_non_revocation_proved(proofs: Sequence[VerifiedProof], asked: Asked) -> None:
    """Check that there is a proof of non-revocation for each credential whose type needs one.

    Raises:
        ProofError: The check fails.
    """
    for verified in proofs:
        identifier = verified.proof.credential_type.identifier
        if identifier in asked.revocation and verified.non_revocation is None:
            raise ProofError(
                verified.proof.path,
                "must have a proof of non-revocation, because the request requires one for "
                f"{identifier}",
                check="non_revocation_proved",
            )


def check_enough_indices(indices: Places, disclose: ConDisCon) -> None:
    """Check that the app sent a list of indices for each slot of the request.

    Raises:
        ProofError: The check fails.
    """
    if len(indices) < len(disclose):
        raise ProofError(
            "indices",
            f"expected {len(disclose)} lists, one for each slot, got {len(indices)}",
            check="enough_indices",
            status="MISSING_ATTRIBUTES",
        )


def answered_slot(
    slot: Slot, disjunction: DisCon, disclosed: Sequence[DisclosedAttribute]
) -> AnsweredSlot:
    """Return the answer to one slot of the request: the first option that matches.

    Raises:
        ProofError: No option matches.
    """
    for j, option in enumerate(disjunction):
        count = len(option)
        # Like the server, ignore any attributes that the app lists after those of the option.
        has_enough = len(disclosed) >= count if count else not disclosed
        if has_enough and all(map(fits, option, disclosed)):
            return AnsweredSlot(tuple(disclosed[:count]), j)
    raise ProofError(
        "indices",
        f"the attributes disclosed for slot {slot!r} match none of its options",
        check="answered_slot",
        status="MISSING_ATTRIBUTES",
    )


def fits(request: AttributeRequest, found: DisclosedAttribute) -> bool:
    """Return whether a disclosed attribute matches a request, including any required value."""
    if found.attribute != request.type or (request.not_null and found.is_null):
        return False
    return request.value in {None, found.raw_value}


def check_accumulator_age(slots: Iterable[AnsweredSlot], asked: Asked) -> None:
    """Check that no required proof of non-revocation is older than the request allows.

    Raises:
        ProofError: The check fails.
    """
    for attribute in (attribute for slot in slots for attribute in slot):
        identifier = credential_type_of(attribute.attribute)
        if identifier in asked.revocation and attribute.not_revoked_before is not None:
            raise ProofError(
                "",
                f"the proof of non-revocation for {identifier} is older than the request allows",
                check="accumulator_age",
            )


def check_not_expired(proofs: Sequence[VerifiedProof], asked: Asked | None, at: datetime) -> None:
    """Check that no credential had expired at the given time.

    A credential is still valid in the second in which it expires.

    Raises:
        ProofError: The check fails.
    """
    for proof in (verified.proof for verified in proofs):
        identifier = proof.credential_type.identifier
        may_be_expired = asked is not None and identifier in asked.skip_expiry_check
        if not may_be_expired and proof.metadata.expires_at < at.timestamp():
            raise ProofError(
                proof.path,
                f"the credential of type {identifier} had already expired",
                check="not_expired",
                status="EXPIRED",
            )


def check_key_not_expired(proofs: Sequence[VerifiedProof]) -> None:
    """Check that each credential was signed before its issuer's key expired.

    Raises:
        ProofError: The check fails.
    """
    for proof in (verified.proof for verified in proofs):
        if proof.metadata.signed_at > proof.key.expires_at:
            raise ProofError(
                proof.path,
                f"key {proof.key.counter} of {proof.key.issuer} had expired when the credential "
                "was issued",
                check="key_not_expired",
                status="EXPIRED",
            )
