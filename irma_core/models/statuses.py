"""Types and statuses of sessions, proofs and attributes.

The lists are complete: any other value in JSON is an error.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["AttributeProofStatus", "ProofStatus", "SessionStatus", "SessionType"]


class SessionType(Enum):
    """The type of a session. Source: irmago `Action`."""

    DISCLOSING = "disclosing"
    SIGNING = "signing"
    ISSUING = "issuing"
    REDIRECT = "redirect"
    """Used only in the pointer of a static session, whose real type is not known yet."""


class SessionStatus(Enum):
    """The progress of a session. `DONE` does not mean that a proof is valid.

    Source: irmago `ServerStatus`.
    """

    INITIALIZED = "INITIALIZED"
    PAIRING = "PAIRING"
    CONNECTED = "CONNECTED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"

    @property
    def is_final(self) -> bool:
        """Whether no other status can follow this one."""
        return self in _FINAL

    def may_become(self, later: SessionStatus) -> bool:
        """Return whether `later` can follow this status, directly or through other statuses."""
        return _RANK[later] > _RANK[self]


_FINAL = frozenset({SessionStatus.DONE, SessionStatus.CANCELLED, SessionStatus.TIMEOUT})
_RANK = {
    SessionStatus.INITIALIZED: 0,
    SessionStatus.PAIRING: 1,
    SessionStatus.CONNECTED: 2,
    SessionStatus.DONE: 3,
    SessionStatus.CANCELLED: 3,
    SessionStatus.TIMEOUT: 3,
}


class ProofStatus(Enum):
    """Whether the app's proof is valid; only `VALID` means that it is.

    Source: irmago `ProofStatus`.
    """

    VALID = "VALID"
    INVALID = "INVALID"
    INVALID_TIMESTAMP = "INVALID_TIMESTAMP"
    UNMATCHED_REQUEST = "UNMATCHED_REQUEST"
    MISSING_ATTRIBUTES = "MISSING_ATTRIBUTES"
    EXPIRED = "EXPIRED"


class AttributeProofStatus(Enum):
    """The status of a disclosed attribute. Source: irmago `AttributeProofStatus`."""

    PRESENT = "PRESENT"
    EXTRA = "EXTRA"
    """Disclosed, but not requested."""
    NULL = "NULL"
    """Requested, but without a value."""
