"""The credential types that the in-memory server knows, in a simplified form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.flows.request_names import nearest_name
from irma_core.models.arguments import check_flag, check_instance
from irma_core.tracebacks import boundary
from irma_testing.arguments import check_items

__all__ = ["EXAMPLE_SCHEME", "OPEN_SCHEME", "CredentialType", "Scheme"]

_IDENTIFIER = re.compile(r"\A[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2,3}")
_CREDENTIAL_PARTS = 3
_MOST_SUGGESTIONS = 3


def _optional_names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(check_items(names, str, "optional", "strings"))


def _attributes(names: Iterable[str]) -> tuple[str, ...]:
    return check_items(names, str, "attributes", "strings")


@final
@boundary
@attrs.frozen
class CredentialType:
    """A credential type.

    Args:
        identifier: `scheme.issuer.credential`.
        attributes: The names of its attributes, in order; empty to allow any name.
        optional: The attributes that an issuer may omit.
        singleton: Whether an app holds at most one such credential.
        revocation: Whether its credentials can be revoked. If so, an issuance request must contain
            a revocation key.

    Raises:
        ConfigurationError: The identifier is malformed, or `optional` names an attribute that is
            not in `attributes`.
    """

    identifier: str
    attributes: tuple[str, ...] = attrs.field(default=(), converter=_attributes)
    optional: frozenset[str] = attrs.field(
        default=frozenset(), converter=_optional_names, kw_only=True
    )
    singleton: bool = attrs.field(default=False, kw_only=True)
    revocation: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not issubclass(type(self.identifier), str):  # a proxy object may claim to be a str
            raise ConfigurationError("identifier: must be a string")
        parts = self.identifier.count(".") + 1
        if not _IDENTIFIER.fullmatch(self.identifier) or parts != _CREDENTIAL_PARTS:
            raise ConfigurationError("identifier: must be scheme.issuer.credential")
        check_flag(self.singleton, "singleton")
        check_flag(self.revocation, "revocation")
        if not self.optional <= set(self.attributes):
            raise ConfigurationError("optional: must name only attributes of the credential type")

    def has(self, attribute: str) -> bool:
        """Return whether the type has an attribute with this name."""
        check_instance(attribute, str, "attribute", "a string")
        return not self.attributes or attribute in self.attributes

    @property
    def required(self) -> frozenset[str]:
        """The attributes that an issuer must not omit."""
        return frozenset(self.attributes) - self.optional


@final
@boundary
@attrs.frozen
class Scheme:
    """The credential types that exist in one or more schemes.

    Args:
        credential_types: The descriptions of credential types.
        is_open: Whether any other well-formed identifier also counts as a credential type. Such a
            type accepts any attribute name, is not a singleton, and is revocable if the issuance
            request contains a revocation key.
    """

    credential_types: tuple[CredentialType, ...] = ()
    is_open: bool = False
    _by_identifier: dict[str, CredentialType] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        value: object = self.credential_types
        if not isinstance(value, tuple) or not all(
            isinstance(each, CredentialType) for each in value
        ):
            raise ConfigurationError("credential_types: must be a tuple of CredentialType objects")
        check_flag(self.is_open, "is_open")
        known = {described.identifier: described for described in self.credential_types}
        object.__setattr__(self, "_by_identifier", known)

    def find(self, credential_type: str) -> CredentialType | None:
        """Return the credential type with this identifier, or None if it does not exist."""
        described = self.described(credential_type)
        if described is None and self.is_open and _IDENTIFIER.fullmatch(credential_type):
            return CredentialType(credential_type)
        return described

    def described(self, credential_type: str) -> CredentialType | None:
        """Return the listed credential type with this identifier, or None. Ignore `is_open`."""
        check_instance(credential_type, str, "credential_type", "a string")
        return self._by_identifier.get(credential_type)

    def supports_revocation(self, credential_type: str) -> bool:
        """Return whether credentials of this type can be revoked."""
        described = self.described(credential_type)
        return self.is_open if described is None else described.revocation

    def knows_scheme(self, identifier: str) -> bool:
        """Return whether the scheme of an identifier exists."""
        check_instance(identifier, str, "identifier", "a string")
        scheme = identifier.partition(".")[0]
        return self.is_open or any(
            known.partition(".")[0] == scheme for known in self._by_identifier
        )

    def knows_issuer(self, identifier: str) -> bool:
        """Return whether the issuer with this identifier exists."""
        check_instance(identifier, str, "identifier", "a string")
        return self.is_open or identifier in self._issuers()

    def _issuers(self) -> set[str]:
        return {known.rpartition(".")[0] for known in self._by_identifier}

    def missing(self, identifiers: Iterable[str]) -> list[str]:
        """Return which schemes, issuers, types and attributes in these identifiers do not exist."""
        missing: dict[str, None] = {}
        for identifier in check_items(identifiers, str, "identifiers", "strings"):
            missing.update(dict.fromkeys(self._missing(identifier)))
        return sorted(missing, key=lambda name: (name.count("."), name))

    def suggestions(self, identifiers: Iterable[str]) -> list[str]:
        """Return existing identifiers that are similar to those given that do not exist."""
        missing = filter(self._missing, check_items(identifiers, str, "identifiers", "strings"))
        near = (
            nearest_name(identifier, self._by_identifier, self._attribute_types)
            for identifier in islice(
                missing, _MOST_SUGGESTIONS
            )  # computing a suggestion takes a while
        )
        return list(dict.fromkeys(filter(None, near)))

    def _attribute_types(self, credential_type: str) -> list[str]:
        found = self._by_identifier[credential_type]
        return [f"{credential_type}.{name}" for name in found.attributes]

    def _missing(self, identifier: str) -> list[str]:
        scheme, _, rest = identifier.partition(".")
        issuer, _, rest = rest.partition(".")
        credential, _, attribute = rest.partition(".")
        issuer_id, type_id = f"{scheme}.{issuer}", f"{scheme}.{issuer}.{credential}"
        if not self.knows_scheme(identifier):
            return [scheme, issuer_id, type_id]
        found = self.find(type_id)
        if found is None:
            return [*([] if issuer_id in self._issuers() else [issuer_id]), type_id]
        if identifier == type_id:
            return []
        exists = found.has(attribute) and _IDENTIFIER.fullmatch(identifier)
        return [] if exists else [identifier]


EXAMPLE_SCHEME = Scheme(
    (
        CredentialType("example.town.age", ("over12", "over18", "over65"), singleton=True),
        CredentialType(
            "example.town.resident",
            ("firstname", "familyname", "email", "phone"),
            optional=frozenset({"phone"}),
        ),
    )
)
"""The scheme that the recorded exchanges with the official server use."""

OPEN_SCHEME = Scheme(EXAMPLE_SCHEME.credential_types, is_open=True)
"""A scheme with the types of `EXAMPLE_SCHEME`, and every other well-formed type."""
