"""Disclosed attributes, and signatures made with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import final

import attrs

from irma_core.errors import NullAttributeError
from irma_core.models.arguments import as_utc, check_flag, check_instance, check_optional
from irma_core.models.holders import (
    FrozenMapping,
    Hidden,
    HiddenFields,
    hidden_fields,
    hide_fields,
    hide_text,
)
from irma_core.models.statuses import AttributeProofStatus
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["AttributeBasedSignature", "DisclosedAttribute", "checked_attribute"]


@final
class DisclosedAttribute(HiddenFields):
    """One attribute as the server reports it. It is immutable, and no `repr` shows its value.

    Source: irmago `DisclosedAttribute`.

    Args:
        attribute: The identifier (`id`). An identifier with three parts stands for possession of
            the credential.
        raw_value: The value (`rawvalue`); None if the attribute has no value.
        status: Whether the attribute was requested, and whether it has a value.
        issued_at: When the credential was issued, rounded down by the issuer to a whole week; an
            aware time, which is converted to UTC.
        translations: The value by language; None if the server sent no translations.
        not_revoked: Whether the app proved that the credential was not revoked.
        not_revoked_before: The time up to which non-revocation was proved, if that proof is older
            than the request allows; an aware time, which is converted to UTC.

    Raises:
        UsageError: An argument has the wrong type, or a time is not aware.
    """

    __slots__ = ()

    def __init__(
        self,
        attribute: str,
        raw_value: str | None,
        *,
        status: AttributeProofStatus,
        issued_at: datetime,
        translations: Mapping[str, str] | None = None,
        not_revoked: bool = False,
        not_revoked_before: datetime | None = None,
    ) -> None:
        # A result has many attributes, so one fast expression checks the usual types. If an
        # argument has another type, such as a subclass, all arguments are checked one by one.
        if not (
            type(attribute) is str
            and (raw_value is None or type(raw_value) is str)
            and type(status) is AttributeProofStatus
            and type(issued_at) is datetime
            and issued_at.tzinfo is UTC
            and (translations is None or type(translations) is dict)
            and type(not_revoked) is bool  # type: ignore[redundant-expr]  # not all run mypy
            and not_revoked_before is None
        ):
            check_instance(attribute, str, "attribute", "a string")
            check_optional(raw_value, str, "raw_value", "a string")
            check_instance(status, AttributeProofStatus, "status", "an AttributeProofStatus")
            issued_at = as_utc(issued_at, "issued_at")
            check_optional(translations, Mapping, "translations", "a mapping")
            check_flag(not_revoked, "not_revoked")
            if not_revoked_before is not None:
                not_revoked_before = as_utc(not_revoked_before, "not_revoked_before")
        copied = None if translations is None else dict(translations)
        fields = (attribute, raw_value, status, issued_at, copied, not_revoked, not_revoked_before)
        hide_fields(self, fields.__getitem__)

    @property
    def attribute(self) -> str:
        """The identifier."""
        field: str = self._field(0)
        return field

    @property
    def raw_value(self) -> str | None:
        """The value; None if the attribute has no value."""
        field: str | None = self._field(1)
        return field

    @property
    def status(self) -> AttributeProofStatus:
        """Whether the attribute was requested, and whether it has a value."""
        field: AttributeProofStatus = self._field(2)
        return field

    @property
    def issued_at(self) -> datetime:
        """When the credential was issued."""
        field: datetime = self._field(3)
        return field

    @property
    def translations(self) -> Mapping[str, str] | None:
        """The value by language; None if the server sent no translations."""
        own: dict[str, str] | None = self._field(4)
        return None if own is None else FrozenMapping(own, is_personal=True)

    @property
    def not_revoked(self) -> bool:
        """Whether the app proved that the credential was not revoked."""
        field: bool = self._field(5)
        return field

    @property
    def not_revoked_before(self) -> datetime | None:
        """The time up to which non-revocation was proved, if that proof is too old."""
        field: datetime | None = self._field(6)
        return field

    @property
    def is_null(self) -> bool:
        """Whether the attribute has no value."""
        return self.raw_value is None

    @property
    def value(self) -> str:
        """The value.

        Raises:
            NullAttributeError: The attribute has no value.
        """
        if self.raw_value is None:
            raise NullAttributeError(f"{self.attribute} has no value: check is_null first")
        return self.raw_value

    def __hash__(self) -> int:
        own: dict[str, str] | None = self._field(4)
        pairs = None if own is None else frozenset(own.items())
        return hash((*hidden_fields(self)[:4], pairs, *hidden_fields(self)[5:]))

    def __repr__(self) -> str:
        return (
            f"DisclosedAttribute(attribute={self.attribute!r}, status={self.status!r}, "
            f"issued_at={self.issued_at!r}, not_revoked={self.not_revoked!r}, "
            f"not_revoked_before={self.not_revoked_before!r})"
        )


def checked_attribute(
    fields: tuple[
        str,
        str | None,
        AttributeProofStatus,
        datetime,
        dict[str, str] | None,
        bool,
        datetime | None,
    ],
) -> DisclosedAttribute:
    """Make an attribute from fields that the reader of results has already checked.

    Args:
        fields: The seven arguments of `DisclosedAttribute`, in order. Their types must be correct,
            and nothing else may hold a reference to the translations.
    """
    attribute = object.__new__(DisclosedAttribute)
    hide_fields(attribute, fields.__getitem__)
    return attribute


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class AttributeBasedSignature(ValueObject):
    """A signature that anyone with the scheme can verify. Store its JSON unchanged.

    Source: irmago `SignedMessage`; IRMA documentation, "Attribute-based signatures".

    Args:
        json_text: The signature as JSON: the value that the server sent, with its keys in the same
            order.
        message: The signed message.
    """

    _json_text: Hidden[str] = attrs.field(alias="json_text", converter=hide_text, repr=False)
    _message: Hidden[str] = attrs.field(alias="message", converter=hide_text, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.json_text, str, "json_text", "a string")
        check_instance(self.message, str, "message", "a string")

    @property
    def json_text(self) -> str:
        """The whole signature, as JSON."""
        return self._json_text.reveal()

    @property
    def message(self) -> str:
        """The signed message."""
        return self._message.reveal()
