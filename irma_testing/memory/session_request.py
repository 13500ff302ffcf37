"""Session requests, as the server stores them after it has read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, final

import attrs

from irma_core.models.arguments import check_flag, check_instance, check_optional

__all__ = ["ConDisCon", "RequestedAttribute", "RequestedCredential", "SessionKind", "StartRequest"]

SessionKind: TypeAlias = Literal["disclosing", "signing", "issuing"]
DEFAULT_VALIDITY = 120


@final
@attrs.frozen
class RequestedAttribute:
    """One attribute request; a `type` of three parts requests only the credential."""

    type: str
    value: str | None = attrs.field(default=None, repr=False)
    not_null: bool = False

    def __attrs_post_init__(self) -> None:
        check_instance(self.type, str, "type", "a string")
        check_optional(self.value, str, "value", "a string")
        check_flag(self.not_null, "not_null")

    @property
    def credential_type(self) -> str:
        """The credential type: the first three parts of the identifier."""
        return ".".join(self.type.split(".")[:3])

    @property
    def name(self) -> str:
        """The attribute's name: the fourth part of the identifier, or an empty string."""
        return ".".join(self.type.split(".")[3:])

    def accepts(self, value: str | None) -> bool:
        """Return whether a value satisfies the attribute request."""
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
    """One credential to issue; `validity` is its expiry in Unix seconds, or None for six months."""

    type: str
    attributes: Mapping[str, str]
    validity: int | None = None
    revocation_key: str = ""
    key_counter: int = 0


@final
@attrs.frozen
class StartRequest:
    """A session request with its options; times are in seconds, where 0 means the server's default.

    `app_json` is the session request as the app receives it. `revocation` maps each credential type
    that needs a proof of non-revocation to the maximum age of that proof.
    """

    kind: SessionKind
    app_json: Mapping[str, Any]
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
        """Iterate over all attribute requests."""
        for disjunction in self.disclose:
            for conjunction in disjunction:
                yield from conjunction

    def identifiers(self) -> list[str]:
        """Return the identifiers of everything that the request asks for or issues."""
        issued = [
            f"{credential.type}.{name}"
            for credential in self.credentials
            for name in credential.attributes
        ]
        types = [credential.type for credential in self.credentials]
        return [*types, *issued, *(attribute.type for attribute in self.attributes())]
