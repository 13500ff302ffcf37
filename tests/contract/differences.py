"""What the two servers do not share, by name and in one place.

Where they differ, the official server is right. Nothing of this is skipped in silence: the suite
fails where a name of the interface is neither tried nor here.
"""

from __future__ import annotations

__all__ = ["NEVER_SAID", "NOT_HERE", "OTHER_WORDS"]

NEVER_SAID = frozenset(
    {
        "ATTRIBUTES_MISSING",
        "ATTRIBUTES_WRONG",
        "CANNOT_ISSUE",
        "INVALID_TIMESTAMP",
        "ISSUING_DISABLED",
        "MALFORMED_ISSUER_REQUEST",
        "MALFORMED_SIGNATURE_REQUEST",
        "MALFORMED_VERIFIER_REQUEST",
    }
)
"""Error names that irmago v1.3.0 defines and no line of it uses."""

NOT_HERE = {
    "ATTRIBUTES_EXPIRED": "in memory only: an issuance that asks for an expired credential",
    "EXPIRED": "in tests/realserver/test_answers.py, as the real wallet must be given one first",
    "INVALID_PROOFS": "in memory only: the real wallet makes no wrong commitments",
    "INVALID_TOKEN": "neither: it is about SD-JWT and the keyshare server",
    "ISSUANCE_FAILED": "neither: the signing itself fails, for want of an issuer's key",
    "KEYSHARE_PROOF_MISSING": "neither: needs a scheme with a keyshare server",
    "UNKNOWN_PUBLIC_KEY": "neither: needs a wallet whose scheme is newer than the server's",
    "UNKNOWN_REVOCATION_KEY": "in memory only: needs a credential with revocation in the scheme",
    "UNMATCHED_REQUEST": "in memory only: the real wallet answers the request it was given",
}
"""What is not tried at both servers, and why."""

OTHER_WORDS = {
    "a list": "names Go's type",
    "a context that is no text": "names Go's type",
    "an inner request that is none": "names Go's type",
    "an attribute that is a number": "names Go's type",
    "a condiscon that is a text": "names Go's type",
    "an attribute's value that is a number": "names Go's type",
    "a number of 5000 digits": "names Go's type",
    "a label at no place": "names Go's type",
    "a time-out with a fraction": "names Go's type",
    "attributes that do not exist": "asks the scheme's URL first, which is not there",
    "an issuer that does not exist": "asks the scheme's URL first, which is not there",
    "a credential that does not exist": "asks the scheme's URL first, which is not there",
    "an issuance of an unknown attribute": "asks the scheme's URL first, which is not there",
    "an issuance without a required attribute": "asks the scheme's URL first, which is not there",
}
"""Refusals of which the official server's words, and only they, are others; by the test's name."""
