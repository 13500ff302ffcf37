"""Compare disclosed attributes with a request, slot by slot, and make an `Answer`.

Applications get an `Answer` only from code that has checked the session and its proof, such as
`SessionResult.answer_to`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import zip_longest
from types import MappingProxyType
from typing import NoReturn, Self, TypeAlias, final

import attrs

from irma_core.errors import (
    AttributeMissingError,
    AttributeNullError,
    NonRevocationError,
    NotWhatWasAskedError,
    SlotNotAnsweredError,
    UsageError,
    WrongValueError,
)
from irma_core.models.arguments import check_instance
from irma_core.models.condiscon import AttributeRequest, ConDisCon, DisCon, Slot
from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.holders import hidden_fields
from irma_core.models.statuses import AttributeProofStatus, SessionType
from irma_core.models.tokens import RequestorToken
from irma_core.models.validation import credential_type_of, scheme_of
from irma_core.value_object import ValueObject

__all__ = ["Answer", "AnsweredSlot", "Evidence", "answer_slots", "make_answer", "proved_answer"]


_ATTRIBUTES_ONLY = frozenset({DisclosedAttribute})


class Evidence(Enum):
    """The kind of evidence that supports an answer."""

    SIGNED = "signed"
    """The IRMA server's signature on the result, which the library has verified."""
    TRANSPORT = "transport"
    """No signature: only the connection to the server at the base URL vouches for the result."""
    PROOF = "proof"
    """The proofs in an attribute-based signature, which the requestor's own `signature_verifier`
    verified. The server could not have forged them."""


@final
@attrs.frozen(eq=False, repr=False)
class AnsweredSlot(ValueObject):
    """The attributes disclosed for one slot: all attributes of the option that the person chose.

    Args:
        attributes: The attributes of that option, in the order of the request.
        option: The index of the option in the slot.
    """

    attributes: tuple[DisclosedAttribute, ...]
    option: int

    def __attrs_post_init__(self) -> None:
        if (
            type(self.attributes) is tuple
            and {*map(type, self.attributes)} <= _ATTRIBUTES_ONLY
            and type(self.option) is int
        ):
            return  # the fast path, because an answer may have many slots
        expected = "a tuple of DisclosedAttribute objects"
        for each in check_instance(self.attributes, tuple, "attributes", expected):
            check_instance(each, DisclosedAttribute, "attributes", expected)
        check_instance(self.option, int, "option", "a whole number")

    def __getitem__(self, identifier: str) -> DisclosedAttribute:
        """Return the attribute with the given identifier.

        Raises:
            KeyError: The attribute is not part of the chosen option.
        """
        for disclosed in self.attributes:
            if disclosed.attribute == identifier:
                return disclosed
        raise KeyError(identifier)

    def __contains__(self, identifier: object) -> bool:
        return any(disclosed.attribute == identifier for disclosed in self.attributes)

    def __iter__(self) -> Iterator[DisclosedAttribute]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)

    @property
    def attribute(self) -> str:
        """The identifier of the slot's only attribute.

        Raises:
            UsageError: The option has several attributes: use `slot["…"]`.
        """
        return self._only().attribute

    @property
    def value(self) -> str:
        """The value of the slot's only attribute.

        Raises:
            UsageError: The option has several attributes: use `slot["…"]`.
            NullAttributeError: The attribute has no value.
        """
        return self._only().value

    @property
    def is_null(self) -> bool:
        """Whether the slot's only attribute has no value.

        Raises:
            UsageError: The option has several attributes: use `slot["…"]`.
        """
        return self._only().is_null

    def _only(self) -> DisclosedAttribute:
        if len(self.attributes) != 1:
            raise UsageError(
                f"this slot has {len(self.attributes)} attributes: select one by its identifier"
            )
        return self.attributes[0]


@final
class Answer(Mapping[Slot, AnsweredSlot]):
    """Proof of everything that a request asks for. It exists only if all checks have passed.

    An answer is a mapping of each answered slot to an `AnsweredSlot`. It omits an optional slot
    that the person left out; reading that slot raises a `KeyError`. An answer cannot be
    constructed, changed or unpickled. Using it as a condition (`if answer`) raises an error,
    because an answer exists only if every check has passed. An answer proves no more than the
    request demands: if the request demands no particular value, the answer proves only that an
    issuer issued the disclosed value.

    Attributes:
        type: The type of session.
        token: The session's requestor token.
        evidence: The evidence for the answer.
        signature: The signature of a signature session; else None.
        next_session: In a chain, the requestor token of the session that follows; else None.
    """

    __slots__ = ("_slots", "evidence", "next_session", "signature", "token", "type")

    type: SessionType
    token: RequestorToken
    evidence: Evidence
    signature: AttributeBasedSignature | None
    next_session: RequestorToken | None
    _slots: Mapping[Slot, AnsweredSlot]

    def __new__(cls) -> Self:  # noqa: D102  # not to be called
        # Unpickling bypasses `__init__`.
        raise UsageError(
            "an Answer cannot be constructed: use SessionResult.answer_to() or get_answer()"
        )

    def __getitem__(self, slot: Slot) -> AnsweredSlot:
        return self._slots[slot]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes of the issuers that this answer relies on."""
        return frozenset(
            scheme_of(disclosed.attribute) for slot in self.values() for disclosed in slot
        )

    def __bool__(self) -> NoReturn:
        raise UsageError("an Answer has no truth value: look at its slots")

    def __init_subclass__(cls) -> NoReturn:
        raise UsageError("an Answer cannot be subclassed")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Answer cannot be changed: {name}")

    __delattr__ = None  # type: ignore[assignment]  # so that `del` fails

    def __copy__(self) -> Answer:
        return self

    def __deepcopy__(self, _memo: object) -> Answer:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise UsageError("an Answer cannot be pickled: store the values that you need")

    def __repr__(self) -> str:
        slots = ", ".join(repr(slot) for slot in self)
        return f"<Answer of session {self.token.fingerprint}: {slots or 'no slots'}>"


def make_answer(
    slots: Mapping[Slot, AnsweredSlot],
    *,
    type: SessionType,  # noqa: A002  # the protocol's name
    token: RequestorToken,
    evidence: Evidence,
    signature: AttributeBasedSignature | None,
    next_session: RequestorToken | None,
) -> Answer:
    """Make an answer. Only `proved_answer` and the checks in `results` may call this."""
    answer = object.__new__(Answer)
    set_field = object.__setattr__
    set_field(answer, "_slots", MappingProxyType(dict(slots)))
    set_field(answer, "type", type)
    set_field(answer, "token", token)
    set_field(answer, "evidence", evidence)
    set_field(answer, "signature", signature)
    set_field(answer, "next_session", next_session)
    return answer


def proved_answer(answer: Answer, slots: Mapping[Slot, AnsweredSlot]) -> Answer:
    """Return a copy of an answer with the slots that its signature proves.

    The evidence of the copy is `Evidence.PROOF`. Only `proved_signatures` may call this, after it
    has verified the signature.
    """
    return make_answer(
        slots,
        type=answer.type,
        token=answer.token,
        evidence=Evidence.PROOF,
        signature=answer.signature,
        next_session=answer.next_session,
    )


def answer_slots(
    requested: ConDisCon,
    disclosed: Sequence[Sequence[DisclosedAttribute] | None],
    *,
    not_revoked: frozenset[str],
    session: RequestorToken,
) -> dict[Slot, AnsweredSlot]:
    """Match the disclosed attributes with the requested ones, and return the answered slots.

    Args:
        requested: The request's condiscon.
        disclosed: The attributes in the result, as one list for each slot. Lists beyond the last
            slot are ignored.
        not_revoked: Credential types that need a proof of non-revocation.
        session: The requestor token. Errors show its fingerprint.

    Raises:
        NotWhatWasAskedError: A slot does not match. The error is of one of the subclasses, and
            names the first such slot.
    """
    answered: dict[Slot, AnsweredSlot] = {}
    by_slot = zip_longest(disclosed[: len(requested)], requested.slots, requested.disjunctions)
    for attributes, slot, disjunction in by_slot:
        if attributes:
            if not not_revoked and _is_just(disjunction.options[0].attributes, attributes):
                answered[slot] = _answered(tuple(attributes), 0)
                continue
            try:
                answered[slot] = _answer_slot(disjunction, attributes, not_revoked)
            except _Mismatch as mismatch:
                reason = f"slot {slot!r}: {mismatch.reason}"
                raise mismatch.kind(
                    session.fingerprint, reason, slot=slot, attribute=mismatch.attribute
                ) from None
        elif attributes is None or not disjunction.is_optional:
            raise SlotNotAnsweredError(
                session.fingerprint, f"slot {slot!r} was not answered", slot=slot
            )
    return answered


_ById: TypeAlias = dict[str, DisclosedAttribute | None]
"""Disclosed attributes by identifier; None for an attribute that was disclosed twice."""
_EXTRA, _NULL, _PRESENT = (
    AttributeProofStatus.EXTRA,
    AttributeProofStatus.NULL,
    AttributeProofStatus.PRESENT,
)
"""These members are looked up once, because looking up an enum's member is slow in Python 3.11."""


class _Mismatch(Exception):  # noqa: N818  # it never leaves this module
    """Why one option did not match. Only the closest mismatch is reported."""

    def __init__(
        self, kind: type[NotWhatWasAskedError], attribute: str | None, reason: str
    ) -> None:
        super().__init__()
        self.kind = kind
        self.attribute = attribute
        self.reason = reason if attribute is None else f"{attribute} {reason}"


def _answer_slot(
    disjunction: DisCon, disclosed: Sequence[DisclosedAttribute], not_revoked: frozenset[str]
) -> AnsweredSlot:
    """Return the answered slot, with the first option that matches completely.

    If no option matches, raise the error for the option that comes closest.
    """
    by_id: _ById = {hidden_fields(each)[0]: each for each in disclosed}
    if len(by_id) < len(disclosed):
        # The server never sends an identifier twice. If one does occur twice, neither attribute
        # counts.
        counts = Counter(each.attribute for each in disclosed)
        by_id.update((identifier, None) for identifier, count in counts.items() if count > 1)
    closest: _Mismatch | None = None
    most = -1.0
    for j, option in enumerate(disjunction.options):
        requests = option.attributes
        if not requests:
            continue
        try:
            return _answered(_match(requests, by_id, not_revoked), j)
        except _Mismatch as mismatch:
            share = sum(each.type in by_id for each in requests) / len(requests)
            if share > most:
                closest, most = mismatch, share
    if closest is None:
        reason = "an attribute was disclosed, although none was requested"
        raise _Mismatch(AttributeMissingError, None, reason)
    raise closest


def _is_just(
    requests: tuple[AttributeRequest, ...], disclosed: Sequence[DisclosedAttribute]
) -> bool:
    """Return whether exactly the requested attributes were disclosed, and any value is acceptable.

    The attributes must have values, and be in the order of the request. Most options are this
    simple. `_match` would give the same result, but take twice as long.
    """
    if len(requests) != len(disclosed):
        return False
    for request, found in zip(requests, disclosed):  # noqa: B905  # a flag takes twice as long
        identifier, value, status, _, _, _, _ = hidden_fields(found)
        if (
            identifier != request.type
            or status is not _PRESENT
            or value is None
            or not request.accepts_any
        ):
            return False
    return True


def _answered(attributes: tuple[DisclosedAttribute, ...], option: int) -> AnsweredSlot:
    # This skips the constructor's checks, because both arguments have already been checked.
    slot = object.__new__(AnsweredSlot)
    _set_attributes(slot, attributes)
    _set_option(slot, option)
    return slot


_set_attributes = vars(AnsweredSlot)["attributes"].__set__
_set_option = vars(AnsweredSlot)["option"].__set__


def _match(
    option: tuple[AttributeRequest, ...], by_id: _ById, not_revoked: frozenset[str]
) -> tuple[DisclosedAttribute, ...]:
    """Return the disclosed attributes of an option, or raise an error if one does not match.

    The error is about the first attribute that was not disclosed at all, if there is one; otherwise
    it is about the first mismatch.
    """
    matching: list[DisclosedAttribute] = []
    first: _Mismatch | None = None
    for request in option:
        identifier = request.type
        if identifier not in by_id:
            raise _Mismatch(AttributeMissingError, identifier, "was not disclosed")
        found = by_id[identifier]
        if found is None:
            first = first or _Mismatch(AttributeMissingError, identifier, "was disclosed twice")
            continue
        mismatch = _mismatch(request, found, not_revoked)
        if mismatch is None:
            matching.append(found)
        else:
            first = first or _Mismatch(mismatch[0], identifier, mismatch[1])
    if first is not None:
        raise first
    return tuple(matching)


def _mismatch(
    request: AttributeRequest, found: DisclosedAttribute, not_revoked: frozenset[str]
) -> tuple[type[NotWhatWasAskedError], str] | None:
    value, status = found.raw_value, found.status
    if status is _EXTRA:
        return AttributeMissingError, "was disclosed only as an extra attribute"
    if (value is None) != (status is _NULL):
        return AttributeNullError, "has a value that contradicts its status"
    if not request.accepts_any:
        if value is None:
            return AttributeNullError, "has no value"
        if request.value not in (None, value):
            return WrongValueError, "does not have the required value"
    if (
        not_revoked
        and credential_type_of(request.type) in not_revoked
        and (not found.not_revoked or found.not_revoked_before is not None)
    ):
        return NonRevocationError, "has no sufficiently recent proof of non-revocation"
    return None
