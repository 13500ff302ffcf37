"""What a person has proved of what was asked, slot by slot.

Belongs here: `Answer`, and the comparison of disclosed attributes with a request. Does not belong
here: whether the session and its proof are in order (`results`), which comes first. An `Answer` is
made by `SessionResult.answer_to` and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
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
from irma_core.models.identifiers import credential_type_of, scheme_of
from irma_core.models.statuses import AttributeProofStatus, SessionType
from irma_core.models.tokens import RequestorToken

__all__ = ["Answer", "AnsweredSlot", "Evidence", "answer_slots", "make_answer"]


_ATTRIBUTES_ONLY = frozenset({DisclosedAttribute})


class Evidence(Enum):
    """Whose word an answer is."""

    SIGNED = "signed"
    """The IRMA server's signature was verified."""
    TRANSPORT = "transport"
    """Whoever answered at the base URL: as good as the connection to it."""


@final
@attrs.frozen
class AnsweredSlot:
    """What was disclosed for one slot: all attributes of the option that was chosen.

    Args:
        attributes: In the order of the request. Nothing else that was disclosed is here.
        option: Which option of the slot it is, from 0.
    """

    attributes: tuple[DisclosedAttribute, ...]
    option: int

    def __attrs_post_init__(self) -> None:
        if (
            type(self.attributes) is tuple
            and {*map(type, self.attributes)} <= _ATTRIBUTES_ONLY
            and type(self.option) is int
        ):
            return  # at once, as an answer has many slots
        expected = "a tuple of DisclosedAttribute"
        for each in check_instance(self.attributes, tuple, "attributes", expected):
            check_instance(each, DisclosedAttribute, "attributes", expected)
        check_instance(self.option, int, "option", "a whole number")

    def __getitem__(self, identifier: str) -> DisclosedAttribute:
        """Give the attribute of that identifier.

        Raises:
            KeyError: It is not part of the option that was chosen.
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
        """The identifier of the only attribute.

        Raises:
            UsageError: The option has several: name the one by `slot["…"]`.
        """
        return self._only().attribute

    @property
    def value(self) -> str:
        """The value of the only attribute.

        Raises:
            UsageError: The option has several: name the one by `slot["…"]`.
            NullAttributeError: It has no value.
        """
        return self._only().value

    @property
    def is_null(self) -> bool:
        """Whether the only attribute has no value.

        Raises:
            UsageError: The option has several: name the one by `slot["…"]`.
        """
        return self._only().is_null

    def _only(self) -> DisclosedAttribute:
        if len(self.attributes) != 1:
            raise UsageError(
                f"this slot has {len(self.attributes)} attributes: take one by its identifier"
            )
        return self.attributes[0]


@final
class Answer(Mapping[Slot, AnsweredSlot]):
    """Everything that was asked, proved. It exists only after every check.

    A mapping of slots to what was disclosed for them; an optional slot that was left out is not in
    it, and reading it is a `KeyError`. It cannot be built, changed or unpickled, and is neither
    true nor false: that it exists is what it says. It proves what was asked and nothing else: of a
    value that was not demanded, only that an issuer gave it.

    Attributes:
        type: The kind of session.
        token: The session's requestor token.
        evidence: Whose word it is.
        signature: In a signature session, the signature; else None.
        next_session: In a chain, the requestor token of the session that follows; else None.
    """

    __slots__ = ("_slots", "evidence", "next_session", "signature", "token", "type")

    type: SessionType
    token: RequestorToken
    evidence: Evidence
    signature: AttributeBasedSignature | None
    next_session: RequestorToken | None
    _slots: Mapping[Slot, AnsweredSlot]

    def __new__(cls) -> Self:  # noqa: D102  # nobody calls it
        # Not in `__init__`, which unpickling goes round.
        raise UsageError("an Answer is made by SessionResult.answer_to() or get_answer() only")

    def __getitem__(self, slot: Slot) -> AnsweredSlot:
        return self._slots[slot]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes whose issuers are relied on."""
        return frozenset(
            scheme_of(disclosed.attribute) for slot in self.values() for disclosed in slot
        )

    def __bool__(self) -> NoReturn:
        raise UsageError("an Answer is neither true nor false: look at its slots")

    def __init_subclass__(cls) -> NoReturn:
        raise UsageError("an Answer has no subclasses: they could be built")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Answer cannot be changed: {name}")

    __delattr__ = None  # type: ignore[assignment]  # refuses by not being there

    def __copy__(self) -> Answer:
        return self

    def __deepcopy__(self, _memo: object) -> Answer:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise UsageError("an Answer cannot be pickled: store what you need of it")

    def __repr__(self) -> str:
        slots = ", ".join(repr(slot) for slot in self)
        return f"<Answer of session {self.token.fingerprint}: {slots or 'no slots'}>"


def make_answer(
    slots: Mapping[Slot, AnsweredSlot],
    *,
    type: SessionType,  # noqa: A002  # the wire's word
    token: RequestorToken,
    evidence: Evidence,
    signature: AttributeBasedSignature | None,
    next_session: RequestorToken | None,
) -> Answer:
    """Make an answer; for `results` alone, when all its checks are done."""
    answer = object.__new__(Answer)
    for name, value in (
        ("_slots", MappingProxyType(dict(slots))),
        ("type", type),
        ("token", token),
        ("evidence", evidence),
        ("signature", signature),
        ("next_session", next_session),
    ):
        object.__setattr__(answer, name, value)
    return answer


def answer_slots(
    asked: ConDisCon,
    disclosed: Sequence[Sequence[DisclosedAttribute] | None],
    *,
    not_revoked: frozenset[str],
    session: str,
) -> dict[Slot, AnsweredSlot]:
    """Compare what was disclosed with what was asked, list by list.

    Args:
        asked: The request's condiscon.
        disclosed: The result's lists; those beyond the slots are not looked at.
        not_revoked: Credential types that must have proved non-revocation.
        session: The fingerprint for errors.

    Returns:
        The slots that were answered.

    Raises:
        NotWhatWasAskedError: One of its subclasses, for the first slot that is not fulfilled.
    """
    answered: dict[Slot, AnsweredSlot] = {}
    for i, (slot, disjunction) in enumerate(zip(asked.slots, asked.disjunctions, strict=True)):
        given = disclosed[i] if i < len(disclosed) else None
        if given:
            try:
                answered[slot] = _answer_slot(disjunction, given, not_revoked)
            except _Mismatch as lack:
                words = f"slot {slot!r}: {lack.words}"
                raise lack.kind(session, words, slot=slot, attribute=lack.attribute) from None
        elif given is None or not disjunction.is_optional:
            raise SlotNotAnsweredError(session, f"slot {slot!r} was not answered", slot=slot)
    return answered


_Given: TypeAlias = dict[str, DisclosedAttribute | None]
"""By identifier; None for what was disclosed twice."""
_EXTRA, _NULL = AttributeProofStatus.EXTRA, AttributeProofStatus.NULL
"""Named here, as Python 3.11 takes long to find a member in its enum."""


class _Mismatch(Exception):  # noqa: N818  # it never leaves this module
    """An option is not fulfilled: by which attribute, and the error for it. Most are not told."""

    def __init__(self, kind: type[NotWhatWasAskedError], attribute: str | None, words: str) -> None:
        super().__init__()
        self.kind = kind
        self.attribute = attribute
        self.words = words if attribute is None else f"{attribute} {words}"


def _answer_slot(
    disjunction: DisCon, disclosed: Sequence[DisclosedAttribute], not_revoked: frozenset[str]
) -> AnsweredSlot:
    """Give the first option that is fulfilled whole; else raise what the nearest one lacks."""
    given: _Given = {}
    for each in disclosed:
        identifier = each.attribute
        # If one comes twice, neither counts: the server never sends that.
        given[identifier] = None if identifier in given else each
    nearest: _Mismatch | None = None
    most = -1.0
    for j, option in enumerate(disjunction.options):
        asked = option.attributes
        if not asked:
            continue
        try:
            return AnsweredSlot(_fulfilled(asked, given, not_revoked), j)
        except _Mismatch as lack:
            there = sum(each.type in given for each in asked) / len(asked)
            if there > most:
                nearest, most = lack, there
    if nearest is None:
        words = "something was disclosed where nothing is asked for"
        raise _Mismatch(AttributeMissingError, None, words)
    raise nearest


def _fulfilled(
    option: tuple[AttributeRequest, ...], given: _Given, not_revoked: frozenset[str]
) -> tuple[DisclosedAttribute, ...]:
    """Give what was asked; what was not disclosed at all is told before all else."""
    taken: list[DisclosedAttribute] = []
    first: _Mismatch | None = None
    for asked in option:
        kind = asked.type
        if kind not in given:
            raise _Mismatch(AttributeMissingError, kind, "was not disclosed")
        found = given[kind]
        if found is None:
            first = first or _Mismatch(AttributeMissingError, kind, "was disclosed twice")
            continue
        lack = _mismatch(asked, found, not_revoked)
        if lack is None:
            taken.append(found)
        else:
            first = first or _Mismatch(lack[0], kind, lack[1])
    if first is not None:
        raise first
    return tuple(taken)


def _mismatch(
    asked: AttributeRequest, given: DisclosedAttribute, not_revoked: frozenset[str]
) -> tuple[type[NotWhatWasAskedError], str] | None:
    status, value, demanded = given.status, given.raw_value, asked.value
    if status is _EXTRA:
        return AttributeMissingError, "was disclosed as an extra only"
    if (value is None) != (status is _NULL):
        return AttributeNullError, "has a value that denies its status"
    if value is None and (demanded is not None or asked.not_null):
        return AttributeNullError, "has no value"
    if demanded is not None and demanded != value:
        return WrongValueError, "has another value than demanded"
    if (
        not_revoked
        and credential_type_of(asked.type) in not_revoked
        and (not given.not_revoked or given.not_revoked_before is not None)
    ):
        return NonRevocationError, "has no proof of non-revocation that is recent enough"
    return None
