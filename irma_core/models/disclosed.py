"""A disclosed attribute, and the signature made with some."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import final

import attrs

from irma_core.errors import NullAttributeError
from irma_core.models.statuses import AttributeProofStatus

__all__ = ["AttributeBasedSignature", "DisclosedAttribute"]


@final
@attrs.frozen(slots=False)  # results have many, and one with slots takes half as long again to make
class DisclosedAttribute:
    """One attribute as the server reports it. Its value is in no `repr`.

    Source: irmago `DisclosedAttribute`.

    Args:
        attribute: Its identifier (`id`); three parts where only possession was shown.
        raw_value: The value (`rawvalue`); None without one.
        status: Whether it was asked for, and has a value.
        issued_at: When its credential was issued, aware; rounded down to a week by the issuer.
        translations: The value by language; None without one.
        not_revoked: Whether non-revocation was proved.
        not_revoked_before: If that proof is older than was tolerated: up to when it holds, aware.
    """

    attribute: str = attrs.field(metadata={"wire": "id"})
    raw_value: str | None = attrs.field(repr=False, metadata={"wire": "rawvalue"})
    status: AttributeProofStatus = attrs.field(kw_only=True)
    issued_at: datetime = attrs.field(kw_only=True, metadata={"wire": "issuancetime"})
    translations: Mapping[str, str] | None = attrs.field(
        default=None, repr=False, kw_only=True, metadata={"wire": "value"}
    )
    not_revoked: bool = attrs.field(default=False, kw_only=True, metadata={"wire": "notrevoked"})
    not_revoked_before: datetime | None = attrs.field(
        default=None, kw_only=True, metadata={"wire": "notrevokedbefore"}
    )

    @property
    def is_null(self) -> bool:
        """Whether it was shown to have no value."""
        return self.raw_value is None

    @property
    def value(self) -> str:
        """The value.

        Raises:
            NullAttributeError: It has none.
        """
        if self.raw_value is None:
            raise NullAttributeError(f"{self.attribute} has no value: ask is_null first")
        return self.raw_value


@final
@attrs.frozen
class AttributeBasedSignature:
    """A signature that anybody with the scheme can verify; keep its text whole.

    Source: irmago `SignedMessage`; IRMA documentation, "Attribute-based signatures".

    Args:
        json_text: All of it, equal as JSON to what the server sent, keys in that order.
        message: What was signed.
    """

    json_text: str = attrs.field(repr=False)
    message: str = attrs.field(repr=False)
