"""Identifiers: `scheme.issuer.credential.attribute` and its beginnings.

They are plain texts throughout the library; here is what their form must be. Whether they exist,
only the server can tell.
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
    """Give the identifier back: four parts, or three to ask for the credential alone.

    Raises:
        RequestError: It is something else.
    """
    if not isinstance(identifier, str) or not _ATTRIBUTE_TYPE.fullmatch(identifier):
        raise RequestError(
            path, "an attribute is named scheme.issuer.credential.attribute (or without attribute)"
        )
    return identifier


def check_credential_type(identifier: object, path: str) -> str:
    """Give the identifier back: exactly three parts.

    Raises:
        RequestError: It is something else.
    """
    if not isinstance(identifier, str) or not _CREDENTIAL_TYPE.fullmatch(identifier):
        raise RequestError(path, "a credential type is named scheme.issuer.credential")
    return identifier


def check_attribute_name(name: object, path: str) -> str:
    """Give back the name of an attribute to be issued: its fourth part alone.

    Raises:
        RequestError: It is something else.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RequestError(path, "an attribute's name is its fourth part alone")
    return name


def credential_type_of(attribute_type: str) -> str:
    """Give the first three parts."""
    return ".".join(attribute_type.split(".", 3)[:3])


def scheme_of(identifier: str) -> str:
    """Give the first part."""
    return identifier.partition(".")[0]
