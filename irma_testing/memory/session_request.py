"""What a requestor asks for, as the server holds it.

Does not belong here: how it is read (`request_reading`) and judged (`request_checks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, final

import attrs

from irma_core.models.arguments import check_flag, check_instance, check_optional

__all__ = ["ConDisCon", "Kind", "RequestedAttribute", "RequestedCredential", "StartRequest"]

Kind: TypeAlias = Literal["disclosing", "signing", "issuing"]
DEFAULT_VALIDITY = 120


@final
@attrs.frozen
class RequestedAttribute:
    """One attribute request; three parts in `type` ask for the credential alone."""

    type: str
    value: str | None = attrs.field(default=None, repr=False)
    not_null: bool = False

    def __attrs_post_init__(self) -> None:
        check_instance(self.type, str, "type", "a string")
        check_optional(self.value, str, "value", "a string")
        check_flag(self.not_null, "not_null")

    @property
    def credential_type(self) -> str:
        """The first three parts."""
        return ".".join(self.type.split(".")[:3])

    @property
    def name(self) -> str:
        """The fourth part, or an empty text."""
        return ".".join(self.type.split(".")[3:])

    def takes(self, value: str | None) -> bool:
        """Tell whether a value is one of those asked for."""
        check_optional(value, str, "value", "a string")
        if value is None:
            return not self.not_null and self.value is None
        return self.value is None or self.value == value


Con: TypeAlias = tuple[RequestedAttribute, ...]
DisCon: TypeAlias = tuple[Con, ...]
ConDisCon: TypeAlias = tuple[DisCon, ...]


@final
@attrs.frozen
class RequestedCredential:
    """One credential to be issued; `validity` in Unix seconds, None for six months."""

    type: str
    attributes: Mapping[str, str]
    validity: int | None = None
    revocation_key: str = ""
    key_counter: int = 0


@final
@attrs.frozen
class StartRequest:
    """A session request with its options; times in seconds, 0 for the server's default.

    `shown` is the session request in JSON, as the app gets it; `revocation` holds tolerances.
    """

    kind: Kind
    shown: Mapping[str, Any]
    context: str = attrs.field(kw_only=True)
    disclose: ConDisCon = ()
    credentials: tuple[RequestedCredential, ...] = ()
    message: str = ""
    revocation: Mapping[str, int] = attrs.field(factory=dict)
    skip_expiry_check: frozenset[str] = frozenset()
    host: str = ""
    client_return_url: str = ""
    augment_return_url: bool = False
    validity: int = DEFAULT_VALIDITY
    timeout: int = 0
    callback_url: str = ""
    next_url: str | None = None

    def attributes(self) -> Iterator[RequestedAttribute]:
        """Go through all attributes that are asked for."""
        for disjunction in self.disclose:
            for conjunction in disjunction:
                yield from conjunction

    def identifiers(self) -> list[str]:
        """Give every identifier in it: what is asked for, and what is to be issued."""
        issued = [
            f"{credential.type}.{name}"
            for credential in self.credentials
            for name in credential.attributes
        ]
        types = [credential.type for credential in self.credentials]
        return [*types, *issued, *(asked.type for asked in self.attributes())]
