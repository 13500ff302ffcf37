"""Search schemes for attributes by keywords."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import attrs

from irma_backend.scheme_types import described_types
from irma_proofs import Schemes
from irma_proofs.credential_types import AttributeType, CredentialType

__all__ = ["FoundAttribute", "find_attributes"]


@attrs.frozen
class FoundAttribute:
    """An attribute that can be requested.

    Args:
        identifier: The identifier, in four parts.
        title: The name of the credential type and the name of the attribute.
        issuer: The name of the issuer.
        is_optional: Whether the issuer may leave the attribute out.
        is_random_blind: Whether the attribute is a random number that the issuer does not know.
        is_revocable: Whether the issuer can revoke the credential.
        deprecated_since: When the credential type was deprecated, or None.
    """

    identifier: str
    title: str
    issuer: str
    is_optional: bool
    is_random_blind: bool
    is_revocable: bool
    deprecated_since: datetime | None


def find_attributes(schemes: Schemes, words: Sequence[str]) -> list[FoundAttribute]:
    """Return the attributes that match every word, sorted by identifier.

    Args:
        schemes: The schemes.
        words: The words to find. Each must be part of the attribute's identifier, or of a name or
            description in any language. Case is ignored.

    Raises:
        ConfigurationError: A scheme file is missing, has been changed, or is malformed.
    """
    wanted = [word.casefold() for word in words]
    found = [
        _found(schemes, credential, attribute)
        for credential in described_types(schemes)
        for attribute in credential.attributes
        if not attribute.is_revocation
        and all(word in _text(credential, attribute) for word in wanted)
    ]
    return sorted(found, key=lambda each: each.identifier)


def _text(credential: CredentialType, attribute: AttributeType) -> str:
    texts = (credential.name, credential.description, attribute.name, attribute.description)
    return "\n".join((attribute.identifier, *_values(texts))).casefold()


def _values(translations: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for each in translations:
        yield from each.values()


def _found(
    schemes: Schemes, credential: CredentialType, attribute: AttributeType
) -> FoundAttribute:
    since = credential.deprecated_since
    *_, name = attribute.identifier.split(".")
    issuer = schemes.issuer_name(credential.issuer) or {}
    return FoundAttribute(
        identifier=attribute.identifier,
        title=f"{_english(credential.name, credential.identifier)}: "
        f"{_english(attribute.name, name)}",
        issuer=_english(issuer, credential.issuer),
        is_optional=attribute.is_optional,
        is_random_blind=attribute.is_random_blind,
        is_revocable=credential.revocation_index is not None,
        deprecated_since=None if since is None else datetime.fromtimestamp(since, UTC),
    )


def _english(translations: Mapping[str, str], otherwise: str) -> str:
    """Return the English name, or else a name in another language; `otherwise` if all are empty."""
    name = translations.get("en") or next(iter(translations.values()), "")
    return " ".join(name.split()) or otherwise
