"""The interface for looking up which attributes exist; `irma_proofs.Schemes` implements it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol, runtime_checkable

__all__ = ["KnownSchemes"]


@runtime_checkable
class KnownSchemes(Protocol):
    """Lists the credential types and attributes of schemes.

    The library may call its methods in any thread. They may read files, but do no network I/O.
    """

    def credential_types(self) -> Iterable[str]:
        """Return the identifiers of all credential types; each has three parts."""
        ...

    def attribute_types(self, credential_type: str) -> Collection[str] | None:
        """Return the identifiers of a credential type's attributes; each has four parts.

        Args:
            credential_type: The identifier of the credential type.

        Returns:
            The attributes that can be requested; None if there is no such credential type.

        Raises:
            ConfigurationError: A file of a scheme is missing or has been changed.
        """
        ...
