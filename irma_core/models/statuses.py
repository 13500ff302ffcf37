"""Kinds and statuses: three different questions, each with words of its own.

How far is the session, does its proof hold, and what is an attribute in it?

All are closed: a word that is not here is an error where JSON is read.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["AttributeProofStatus", "ProofStatus", "SessionStatus", "SessionType"]


class SessionType(Enum):
    """What a session does. Source: irmago `Action`."""

    DISCLOSING = "disclosing"
    SIGNING = "signing"
    ISSUING = "issuing"
    REDIRECT = "redirect"
    """Only in the pointer of a static session, before it is known which of the others follows."""


class SessionStatus(Enum):
    """How far the session is. `DONE` does not say that a proof holds. Source: `ServerStatus`."""

    INITIALIZED = "INITIALIZED"
    PAIRING = "PAIRING"
    CONNECTED = "CONNECTED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows it."""
        return self in _FINAL

    def may_become(self, later: SessionStatus) -> bool:
        """Whether `later` can be seen after this one, with others in between or not."""
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
    """Whether the app's proof holds; only `VALID` does. Source: irmago `ProofStatus`."""

    VALID = "VALID"
    INVALID = "INVALID"
    INVALID_TIMESTAMP = "INVALID_TIMESTAMP"
    UNMATCHED_REQUEST = "UNMATCHED_REQUEST"
    MISSING_ATTRIBUTES = "MISSING_ATTRIBUTES"
    EXPIRED = "EXPIRED"


class AttributeProofStatus(Enum):
    """What a disclosed attribute is. Source: irmago `AttributeProofStatus`."""

    PRESENT = "PRESENT"
    EXTRA = "EXTRA"
    """Disclosed without being asked for."""
    NULL = "NULL"
    """Asked for and shown to have no value."""
