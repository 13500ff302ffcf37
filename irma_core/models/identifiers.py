"""Check the form of identifiers: `scheme.issuer.credential.attribute` and its beginnings.

Identifiers are plain strings throughout the library. Only the server knows which ones exist.
"""

from __future__ import annotations

import re

from irma_core.errors import RequestError

__all__ = [
    "check_attribute_name",
    "check_attribute_type",
    "check_credential_type",
    "credential_type_of",
    "scheme_of",
]

_PART = r"[A-Za-z0-9_-]+"
_NAME = re.compile(_PART)
_CREDENTIAL_TYPE = re.compile(rf"\A{_PART}\.{_PART}\.{_PART}")
_ATTRIBUTE_TYPE = re.compile(rf"\A{_PART}\.{_PART}\.{_PART}(\.{_PART})?")


def check_attribute_type(identifier: object, path: str) -> str:
    """Return an attribute's identifier: four parts, or three for the credential itself.

    Raises:
        RequestError: The value is not such an identifier.
    """
    if not isinstance(identifier, str) or not _ATTRIBUTE_TYPE.fullmatch(identifier):
        raise RequestError(
            path, "must have the form scheme.issuer.credential.attribute, or without the attribute"
        )
    return identifier


def check_credential_type(identifier: object, path: str) -> str:
    """Return a credential type: an identifier of exactly three parts.

    Raises:
        RequestError: The value is not such an identifier.
    """
    if not isinstance(identifier, str) or not _CREDENTIAL_TYPE.fullmatch(identifier):
        raise RequestError(path, "must have the form scheme.issuer.credential")
    return identifier


def check_attribute_name(name: object, path: str) -> str:
    """Return the name of an attribute to issue: only the fourth part of its identifier.

    Raises:
        RequestError: The value is not such a name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RequestError(path, "must name each attribute by the fourth part of its identifier")
    return name


def credential_type_of(attribute_type: str) -> str:
    """Return the first three parts."""
    return ".".join(attribute_type.split(".", 3)[:3])


def scheme_of(identifier: str) -> str:
    """Return the scheme, which is the first part of an identifier."""
    return identifier.partition(".")[0]
