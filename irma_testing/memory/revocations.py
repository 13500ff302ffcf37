"""Which credentials were issued under which revocation key, and which of them are revoked.

Source: irmago `Revoke` in `irma/revocation.go`.
"""

from __future__ import annotations

from typing import final

import attrs

from irma_testing.memory.refusals import UNKNOWN_REVOCATION_KEY, Refusal

__all__ = ["Revocations"]


@final
@attrs.define
class _Issued:
    credential_type: str
    key: str
    at: int
    is_revoked: bool = False


@final
class Revocations:
    """The server's records, by the credential's serial."""

    def __init__(self) -> None:
        self._issued: dict[str, _Issued] = {}

    def record(self, serial: str, credential_type: str, key: str, at: int) -> None:
        """Remember a credential that can be revoked; `at` in nanoseconds."""
        self._issued[serial] = _Issued(credential_type, key, at)

    def revoke(self, credential_type: str, key: str, at: int) -> None:
        """Revoke those issued under a key; if `at` is not 0, only the one issued then.

        Raises:
            Refusal: None was.
        """
        found = [
            issued
            for issued in self._issued.values()
            if (issued.credential_type, issued.key) == (credential_type, key)
            and not issued.is_revoked
            and at in (0, issued.at)
        ]
        if not found:
            raise Refusal(UNKNOWN_REVOCATION_KEY)
        for issued in found:
            issued.is_revoked = True

    def is_revoked(self, serial: str) -> bool:
        """Tell whether the credential of that serial is revoked."""
        return serial in self._issued and self._issued[serial].is_revoked
