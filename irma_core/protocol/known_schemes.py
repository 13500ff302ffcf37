"""The interface of an object that knows which attributes exist, such as `irma_proofs.Schemes`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol, runtime_checkable

__all__ = ["KnownSchemes"]


@runtime_checkable
class KnownSchemes(Protocol):
    """Knows the credential types and attributes of schemes.

    It is called in any thread. It may read files, but does no network I/O.
    """

    def credential_types(self) -> Iterable[str]:
        """Return the identifiers of all credential types, of three parts each."""
        ...

    def attribute_types(self, credential_type: str) -> Collection[str] | None:
        """Return the identifiers of the attributes of a credential type, of four parts each.

        Args:
            credential_type: The identifier of the credential type.

        Returns:
            The attributes that can be requested; None if there is no such credential type.

        Raises:
            ConfigurationError: A file of a scheme is missing or was changed.
        """
        ...
