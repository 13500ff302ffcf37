"""Descriptions of schemes and credential types, from the XML files of a scheme.

Source: irmago `Scheme`, `CredentialType` and `AttributeType`; IRMA documentation, "Schemes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final

import attrs

from irma_core.models.holders import FrozenMapping
from irma_proofs.scheme_xml import XmlFile, read_xml

__all__ = [
    "FIRST_ATTRIBUTE",
    "AttributeType",
    "CredentialType",
    "Scheme",
    "parse_credential_type",
    "parse_issuer_name",
    "parse_scheme",
]

FIRST_ATTRIBUTE: Final = 2
"""The index of the first attribute in a proof. Index 0 is the secret key, and 1 the metadata."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TIME_DIGITS: Final = 12
_MOST_ATTRIBUTES: Final = 1000


@final
@attrs.frozen
class Scheme:
    """The description of a scheme.

    Args:
        identifier: The scheme's name, such as `pbdf`.
        time_stamp_server: The URL of its time-stamping server; empty if it has none.
        is_distributed: Whether the scheme has a keyshare server, which holds a part of each secret
            key.
        is_demo: Whether anyone can issue the scheme's credentials, because its private keys are
            public.
    """

    identifier: str
    time_stamp_server: str
    is_distributed: bool
    is_demo: bool


@final
@attrs.frozen
class AttributeType:
    """One attribute of a credential type.

    Args:
        identifier: The identifier, in four parts; empty for the revocation attribute.
        is_optional: Whether the issuer may leave the attribute out.
        is_random_blind: Whether the attribute is a random number that the issuer does not know.
        is_revocation: Whether this is the attribute that proofs of non-revocation use.
        name: The name in each language.
        description: The description in each language.
    """

    identifier: str
    is_optional: bool
    is_random_blind: bool
    is_revocation: bool
    name: Mapping[str, str]
    description: Mapping[str, str]


@final
@attrs.frozen
class CredentialType:
    """A credential type of a scheme.

    Args:
        identifier: The identifier, in three parts.
        attributes: Its attributes in the order of a proof, including the revocation attribute.
        is_singleton: Whether a person can have only one credential of this type.
        deprecated_since: When the type was deprecated, in Unix seconds, or None. Deprecated
            credentials are no longer issued.
        name: The name in each language.
        description: The description in each language.
    """

    identifier: str
    attributes: tuple[AttributeType, ...]
    is_singleton: bool
    deprecated_since: int | None
    name: Mapping[str, str]
    description: Mapping[str, str]

    @property
    def scheme(self) -> str:
        """The name of the scheme, such as `pbdf`."""
        return self.identifier.split(".")[0]

    @property
    def issuer(self) -> str:
        """The issuer's identifier, `scheme.issuer`."""
        return self.identifier.rpartition(".")[0]

    @property
    def number_of_indices(self) -> int:
        """The number of indices in a proof: the secret key, the metadata and the attributes."""
        return len(self.attributes) + FIRST_ATTRIBUTE

    @property
    def revocation_index(self) -> int | None:
        """The index of the revocation attribute in a proof, or None."""
        for i, attribute in enumerate(self.attributes):
            if attribute.is_revocation:
                return i + FIRST_ATTRIBUTE
        return None


def parse_scheme(data: bytes, *, scheme: str, path: str) -> Scheme:
    """Return a scheme's description, from its `description.xml`.

    Args:
        data: The file's content.
        scheme: The name of the scheme's folder.
        path: The path of the file, for error messages.

    Raises:
        ConfigurationError: The file is not a valid description, or describes a different scheme.
    """
    root = read_xml(data, path, "SchemeManager")
    if root.text_of("Id") != scheme:
        raise root.fault("Id must be the name of the folder")
    return Scheme(
        identifier=scheme,
        time_stamp_server=root.text_of("TimestampServer"),
        is_distributed=bool(root.text_of("KeyshareServer")),
        is_demo=root.text_of("Demo") == "true",
    )


def parse_issuer_name(data: bytes, path: str) -> Mapping[str, str]:
    """Return an issuer's name in each language, from its `description.xml`.

    Args:
        data: The file's content.
        path: The path of the file, for error messages.

    Raises:
        ConfigurationError: The file is not a valid description.
    """
    return FrozenMapping(read_xml(data, path, "Issuer").translations("Name"))


def parse_credential_type(data: bytes, *, identifier: str, path: str) -> CredentialType:
    """Return a credential type's description, from its `description.xml`.

    Args:
        data: The file's content.
        identifier: The identifier that the folder names imply.
        path: The path of the file, for error messages.

    Raises:
        ConfigurationError: The file is not a valid description, or describes a different type.
    """
    root = read_xml(data, path, "IssueSpecification")
    parts = [root.text_of(name) for name in ("SchemeManager", "IssuerID", "CredentialID")]
    if ".".join(parts) != identifier:
        raise root.fault(
            "SchemeManager, IssuerID and CredentialID must be the names of the file's folders"
        )
    attributes = tuple(_attribute(each, identifier) for each in root.get("Attributes").children())
    if not 0 < len(attributes) <= _MOST_ATTRIBUTES:
        raise root.fault(f"Attributes must have between 1 and {_MOST_ATTRIBUTES} attributes")
    names = [each.identifier for each in attributes]
    if len(set(names)) < len(names):
        raise root.fault("Attributes must have different ids, and at most one revocation attribute")
    since = root.find("DeprecatedSince")
    return CredentialType(
        identifier=identifier,
        attributes=attributes,
        is_singleton=root.text_of("ShouldBeSingleton") == "true",
        deprecated_since=(
            None if since is None else root.number("DeprecatedSince", digits=_TIME_DIGITS)
        ),
        name=FrozenMapping(root.translations("Name")),
        description=FrozenMapping(root.translations("Description")),
    )


def _attribute(element: XmlFile, credential_type: str) -> AttributeType:
    if element.name != "Attribute":
        raise element.fault("Attributes must contain only elements named Attribute")
    name = element.attribute("id") or ""
    is_revocation = element.flag("revocation")
    if bool(_NAME.fullmatch(name)) == is_revocation or (name and is_revocation):
        raise element.fault("an Attribute must either have an id or be the revocation attribute")
    return AttributeType(
        identifier=f"{credential_type}.{name}" if name else "",
        is_optional=element.flag("optional"),
        is_random_blind=element.flag("randomblind"),
        is_revocation=is_revocation,
        name=FrozenMapping(element.translations("Name")),
        description=FrozenMapping(element.translations("Description")),
    )
