"""The differences between the in-memory server and the official server, with reasons.

Where they differ, the official server is right. The suite fails if a name of the interface is
neither tested nor listed here.
"""

from __future__ import annotations

__all__ = [
    "NEVER_SENT",
    "NOT_TESTED_WITH_BOTH",
    "OTHER_MESSAGES",
    "OTHER_OVER_HTTP",
    "OTHER_REPLIES",
    "OTHER_WORDING",
]

NEVER_SENT = frozenset(
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
"""Error names that irmago v1.3.0 defines but never uses."""

NOT_TESTED_WITH_BOTH = {
    "ATTRIBUTES_EXPIRED": "in memory only: an issuance that asks for an expired credential",
    "EXPIRED": "in tests/realserver/test_answers.py: the real wallet first needs such a card",
    "INVALID_PROOFS": "in memory only: the real wallet makes no wrong commitments",
    "INVALID_TOKEN": "neither: it is about SD-JWT and the keyshare server",
    "ISSUANCE_FAILED": "neither: the signing itself fails, because the issuer's key is missing",
    "KEYSHARE_PROOF_MISSING": "neither: needs a scheme with a keyshare server",
    "UNKNOWN_PUBLIC_KEY": "neither: needs a wallet whose scheme is newer than the server's",
    "UNKNOWN_REVOCATION_KEY": "in memory only: needs a credential with revocation in the scheme",
    "UNMATCHED_REQUEST": "in memory only: the real wallet answers the request that it got",
}
"""Names of the interface that are not tested with both servers, and the reasons."""

OTHER_WORDING = {
    "a list": "names Go's type",
    "a context that is not a string": "names Go's type",
    "an inner request that is a string": "names Go's type",
    "an attribute that is a number": "names Go's type",
    "a condiscon that is a string": "names Go's type",
    "an attribute's value that is a number": "names Go's type",
    "a label whose key is not a number": "names Go's type",
    "a time-out with a fraction": "names Go's type",
    "attributes that do not exist": "asks the scheme's URL first, which does not exist",
    "an issuer that does not exist": "asks the scheme's URL first, which does not exist",
    "a credential that does not exist": "asks the scheme's URL first, which does not exist",
    "an issuance of an unknown attribute": "asks the scheme's URL first, which does not exist",
    "an issuance without a required attribute": "asks the scheme's URL first, which does not exist",
}
"""Refusals that differ at the official server only in wording, by name, and the reasons."""

_UPDATES = "asks the scheme's URL for updates first, which does not exist"

OTHER_MESSAGES = {
    "credential, keyCounter: 1": _UPDATES,
    "credential, keyCounter: 10^19": _UPDATES,
    "credential, attributes: null": _UPDATES,
    "credential, attributes: an empty object": _UPDATES,
    'credential, attributes as "attributes "': _UPDATES,
    'credential, attributes as " attributes"': _UPDATES,
    'credential, attributes as "attributés"': _UPDATES,
    'credential, attributes as "attr\u0131butes"': _UPDATES,
    'an attribute\'s name as "OVER18"': _UPDATES,
    'an attribute\'s name as "Over18"': _UPDATES,
    'an attribute\'s name as "over18 "': _UPDATES,
    'an attribute\'s name as " over18"': _UPDATES,
    'an attribute\'s name as "ovér18"': _UPDATES,
    "bytes: invalid UTF-8 in an attribute's name": _UPDATES,
    "disclose: a space in it": _UPDATES,
    "disclose in a signature: a space in it": _UPDATES,
    "disclose in an issuance: a space in it": _UPDATES,
    "disclose: a nameless attribute": _UPDATES,
    "disclose in a signature: a nameless attribute": _UPDATES,
    "disclose in an issuance: a nameless attribute": _UPDATES,
    "issuance: no attributes": _UPDATES,
}
"""Inputs that both servers refuse with different values of `message`, by name, and the reasons."""

_NO_COOKIES = "the server in memory sends no cookies when it follows a redirect"
_DECOMPRESSED = (
    "the function that delivers a post in memory may have decompressed the reply already"
)
_SILENT_STREAM = "a stream that stays silent without a revocation database; not simulated"

OTHER_REPLIES = {
    "GET /irma/revocation/example.town.age/updateevents": _SILENT_STREAM,
    "next: an unknown attribute": _UPDATES,
    "next: an issuance without a required attribute": _UPDATES,
    "next, body: invalid gzip": _DECOMPRESSED,
    "next, 307 with a cookie": _NO_COOKIES,
}
"""Inputs to which the servers reply differently, by name, and the reasons."""

_METHOD = "aiohttp refuses a method that it does not know before our code sees the request"
_PAGES = "the development server lets no page from another origin use what requestors use"
_LARGE = "the development server reads at most 1 MiB of a reply"
_ENCODED = "the development server asks for no content encoding and refuses a body that has one"
_TWICE = "aiohttp refuses a request with two Content-Types before our code sees it"

OTHER_OVER_HTTP = {
    "get /health": _METHOD,
    "FOO /health": _METHOD,
    "get /session": _METHOD,
    "FOO /session": _METHOD,
    "get /irma/x": _METHOD,
    "FOO /irma/x": _METHOD,
    "get /irma/session/abc": _METHOD,
    "FOO /irma/session/abc": _METHOD,
    "open: two content types": _TWICE,
    "open: two content types, the other way": _TWICE,
    "known: two content types": _TWICE,
    "known: two content types, the other way": _TWICE,
    "GET /session/{token}/statusevents": _PAGES,
    "below a prefix": _PAGES,
    "next, body: four megabytes of whitespace": _LARGE,
    "next, body: four megabytes of a word": _LARGE,
    "next, body: four megabytes of a string": _LARGE,
    "next, status: 500 with megabytes": _LARGE,
    "next, body: another encoding": _ENCODED,
    "next, body: gzip": _ENCODED,
    "next, body: gzip cut off": _ENCODED,
    "next, body: gzip in an error": _ENCODED,
    "next, body: gzip in capitals": _ENCODED,
    "next, body: gzip of nothing": _ENCODED,
}
"""Inputs to which only the development server replies differently, by name, and the reasons.

With a 403, it also refuses every other input that has an `Origin` and a path outside `/irma/`.
"""
