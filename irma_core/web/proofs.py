"""Keep proofs in a web session, so that a page can require a recent proof.

An `Answer` is never stored. A website keeps a `Proof` instead, sealed, in a session on its server.
A proof has the slots of the answer, and the time when the answer arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast, final

import attrs

from irma_core.errors import ConfigurationError, HandleError
from irma_core.json_text import JsonValue
from irma_core.models.answers import AnsweredSlot
from irma_core.models.arguments import as_utc, check_instance, check_string, check_timedelta
from irma_core.models.condiscon import Slot
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.holders import FrozenMapping, Hidden, hide_text
from irma_core.models.statuses import AttributeProofStatus
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer
from irma_core.web.web_answers import WebAnswer

__all__ = ["Proof", "Proofs", "check_max_age"]

_PURPOSE: Final = "proof:"
"""The prefix of the purpose for which a proof is sealed, so that no other sealed value is accepted
as a proof.
"""


def _frozen(slots: Mapping[Slot, AnsweredSlot]) -> FrozenMapping[Slot, AnsweredSlot]:
    return FrozenMapping(check_instance(slots, Mapping, "slots", "a mapping of slots"))


def _proved_at(value: datetime) -> datetime:
    return as_utc(value, "proved_at")


@final
@boundary
@attrs.frozen(eq=False)
class Proof(Mapping[Slot, AnsweredSlot]):
    """The slots of an earlier answer, as a mapping, and the time when that answer arrived.

    The mapping has no optional slot that the person left out.

    Args:
        proved_at: When the answer arrived, as an aware `datetime`, which is converted to UTC.

    Raises:
        UsageError: `proved_at` is not an aware time, or another argument has the wrong type.
    """

    proved_at: datetime = attrs.field(converter=_proved_at)
    _slots: Mapping[Slot, AnsweredSlot] = attrs.field(alias="slots", converter=_frozen, repr=False)
    _reference: Hidden[str] = attrs.field(alias="reference", converter=hide_text, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.reference, str, "reference", "a string")

    @property
    def reference(self) -> str:
        """The application's own reference; empty if there is none."""
        return self._reference.reveal()

    def __getitem__(self, slot: Slot) -> AnsweredSlot:
        return self._slots[slot]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __bool__(self) -> bool:
        return True  # even if the proof has no slots


@final
@boundary
class Proofs:
    """Seals answers for a server-side web session, and unseals them. Threads may share it.

    Args:
        keys: Sealing keys from `new_sealing_key`, the same in all processes.
        lifetime: How long a proof is valid, from the time when it is sealed.

    Raises:
        ConfigurationError: A key is invalid.
        UsageError: The lifetime is not a `timedelta` above zero.
    """

    def __init__(self, keys: Sequence[str], *, lifetime: timedelta) -> None:
        self._sealer = Sealer(keys)
        self._lifetime = check_timedelta(lifetime, "lifetime")

    def __repr__(self) -> str:
        return f"<Proofs for {self._lifetime}>"

    def seal(self, web_answer: WebAnswer, *, now: datetime) -> str:
        """Return the answer as a sealed string for the web session, which only this site can open.

        Args:
            web_answer: The answer that the application's login received.
            now: The current time, as an aware `datetime`.

        Raises:
            UsageError: The time is not aware, or the answer is too large to be sealed.
        """
        at = as_utc(now, "now").timestamp()
        slots = [[slot, _dumped(answered)] for slot, answered in web_answer.answer.items()]
        value = cast("JsonValue", [at, web_answer.reference, slots])
        return self._sealer.seal(
            value, purpose=_PURPOSE + web_answer.name, now=now, lifetime=self._lifetime
        )

    def unseal(
        self, text: object, name: str, *, now: datetime, max_age: timedelta | None = None
    ) -> Proof | None:
        """Return the proof in a sealed string.

        The result is None if the string is not a sealed proof, or if the proof is too old.

        Args:
            text: The string from the web session; None if the web session has no proof.
            name: The name of the question that the answer was for.
            now: The current time, as an aware `datetime`.
            max_age: How old the proof may be; None for the whole lifetime.

        Raises:
            ConfigurationError: `max_age` is not a `timedelta` above zero.
            UsageError: Another argument has the wrong type.
        """
        check_string(name, "name")
        check_max_age(max_age)
        try:
            value = self._sealer.unseal(text, purpose=_PURPOSE + name, now=now)
        except HandleError:
            return None
        match value:
            case [int() | float() as seconds, str() as reference, list() as slots]:
                proved_at = datetime.fromtimestamp(seconds, UTC)
            case _:
                return None
        if max_age is not None and now - proved_at >= max_age:
            return None
        return Proof(proved_at, _loaded_slots(slots), reference)


@boundary
def check_max_age(max_age: object) -> None:
    """Check a setting for the maximum age of a proof. None means that there is no maximum.

    Raises:
        ConfigurationError: The maximum age is not a `timedelta` above zero.
    """
    # With zero, no proof would ever be recent enough, and the visitor would be asked again and
    # again.
    if max_age is not None and (not isinstance(max_age, timedelta) or max_age <= timedelta(0)):
        raise ConfigurationError(
            "max_age: must be a timedelta, such as timedelta(hours=1), or None"
        )


def _dumped(answered: AnsweredSlot) -> list[Any]:
    return [answered.option, [_dumped_attribute(each) for each in answered]]


def _dumped_attribute(disclosed: DisclosedAttribute) -> list[Any]:
    shown = disclosed.translations
    return [
        *(disclosed.attribute, disclosed.raw_value, disclosed.status.value),
        *(disclosed.issued_at.timestamp(), disclosed.not_revoked),
        None if shown is None else dict(shown),
    ]


def _loaded_slots(slots: Sequence[Any]) -> dict[Slot, AnsweredSlot]:
    return {slot: AnsweredSlot(_loaded(attributes), option) for slot, (option, attributes) in slots}


def _loaded(attributes: Sequence[Any]) -> tuple[DisclosedAttribute, ...]:
    return tuple(
        DisclosedAttribute(
            identifier,
            value,
            status=AttributeProofStatus(status),
            issued_at=datetime.fromtimestamp(issued_at, UTC),
            not_revoked=not_revoked,
            translations=translations,
        )
        for identifier, value, status, issued_at, not_revoked, translations in attributes
    )
