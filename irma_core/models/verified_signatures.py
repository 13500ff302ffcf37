"""Signatures that this program itself has verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NoReturn, final

import attrs

from irma_core.errors import UsageError
from irma_core.models.answers import AnsweredSlot
from irma_core.models.arguments import as_utc, check_flag, check_instance
from irma_core.models.condiscon import Slot
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.holders import FrozenMapping, Hidden, hide_text
from irma_core.models.validation import scheme_of
from irma_core.tracebacks import boundary

__all__ = ["VerifiedSignature"]


def _frozen(slots: Mapping[Slot, AnsweredSlot]) -> Mapping[Slot, AnsweredSlot]:
    return FrozenMapping(check_instance(slots, Mapping, "slots", "a mapping of slots"))


@final
@boundary
@attrs.frozen(eq=False)
class VerifiedSignature(Mapping[Slot, AnsweredSlot]):
    """An attribute-based signature that has passed every check.

    Like an `Answer`, it is a mapping of slots to `AnsweredSlot`, and raises an error if it is used
    as a condition. If the signature was verified without a request, the slots are numbered, and
    each slot is a group of attributes as the app listed them.

    Args:
        slots: What was disclosed for each slot.
        message: The signed message.
        signed_at: The time in the time stamp or, without one, the time that the caller passed to
            the verification; an aware time, which is converted to UTC.
        is_time_stamped: Whether a time-stamping server vouches for `signed_at`.
        extra: The attributes that were disclosed in addition to the requested ones.

    Raises:
        UsageError: An argument has the wrong type.
    """

    _slots: Mapping[Slot, AnsweredSlot] = attrs.field(alias="slots", converter=_frozen, repr=False)
    _message: Hidden[str] = attrs.field(
        alias="message", converter=hide_text, repr=False, kw_only=True
    )
    signed_at: datetime = attrs.field(kw_only=True)
    is_time_stamped: bool = attrs.field(kw_only=True)
    extra: tuple[DisclosedAttribute, ...] = attrs.field(default=(), repr=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for slot in self._slots.values():
            check_instance(
                slot, AnsweredSlot, "slots", "a mapping from slots to AnsweredSlot objects"
            )
        check_instance(self.message, str, "message", "a string")
        object.__setattr__(self, "signed_at", as_utc(self.signed_at, "signed_at"))
        check_flag(self.is_time_stamped, "is_time_stamped")
        expected = "a tuple of DisclosedAttribute objects"
        for attribute in check_instance(self.extra, tuple, "extra", expected):
            check_instance(attribute, DisclosedAttribute, "extra", expected)

    @property
    def message(self) -> str:
        """The signed message."""
        return self._message.reveal()

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes of the issuers that this signature relies on."""
        slots = (attribute for slot in self.values() for attribute in slot)
        return frozenset(scheme_of(each.attribute) for each in (*slots, *self.extra))

    def __getitem__(self, slot: Slot) -> AnsweredSlot:
        return self._slots[slot]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __bool__(self) -> NoReturn:
        raise UsageError("a VerifiedSignature has no truth value: look at its slots")
