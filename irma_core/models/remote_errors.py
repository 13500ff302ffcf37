"""The server's own account of an error, in a response's body or in a result.

Names of errors are open: later servers have others. The constants are those that this library acts
on or that its users ask for. What a name means is said in words of this library's, since the server
is not the only one who writes JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final

import attrs

from irma_core.models.arguments import check_instance
from irma_core.tracebacks import boundary

__all__ = [
    "ATTRIBUTES_EXPIRED",
    "DESCRIPTIONS",
    "INTERNAL_ERROR",
    "INVALID_PROOFS",
    "NOT_KNOWN",
    "SESSION_UNKNOWN",
    "RemoteError",
]

SESSION_UNKNOWN: Final = "SESSION_UNKNOWN"
INTERNAL_ERROR: Final = "INTERNAL_ERROR"
INVALID_PROOFS: Final = "INVALID_PROOFS"
ATTRIBUTES_EXPIRED: Final = "ATTRIBUTES_EXPIRED"

# A part of an identifier (`pbdf.…`) may have 20 letters too; a full stop at its end makes none.
_TOKENLIKE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9A-Za-z]\.)[0-9A-Za-z]{20}(?!\.?[0-9A-Za-z])|eyJ[\w.-]{20,}", re.ASCII
)
_LONGEST = 300


def _printable(text: str) -> str:
    """Give a text without what looks like a secret, on one line and not too long."""
    check_instance(text, str, "error and description", "strings")
    line = "".join(letter if letter.isprintable() else " " for letter in _TOKENLIKE.sub("…", text))
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


DESCRIPTIONS: Final[Mapping[str, str]] = {
    "ATTRIBUTES_EXPIRED": "a disclosed attribute has expired",
    "ATTRIBUTES_MISSING": "not every attribute that was asked for is there",
    "ATTRIBUTES_WRONG": "the attributes do not belong to their credential type",
    "CANNOT_ISSUE": "the server cannot issue this credential",
    "EXCEPTION": "the server met an unexpected problem: its log says more",
    "INTERNAL_ERROR": "the server failed: its log says more",
    "INVALID_PROOFS": "the app's proofs do not hold",
    "INVALID_REQUEST": "the server does not take the request",
    "INVALID_TIMESTAMP": "a time is not on the boundary of an epoch",
    "INVALID_TOKEN": "the server does not take the token",
    "ISSUANCE_FAILED": "the credential could not be made",
    "ISSUING_DISABLED": "the server does not issue credentials",
    "KEYSHARE_PROOF_MISSING": "the keyshare server's part of the proof is missing",
    "MALFORMED_INPUT": "the server cannot read what it was sent",
    "MALFORMED_ISSUER_REQUEST": "the server cannot read the issuance request",
    "MALFORMED_SIGNATURE_REQUEST": "the server cannot read the signature request",
    "MALFORMED_VERIFIER_REQUEST": "the server cannot read the disclosure request",
    "NEXT_SESSION": "the next session could not be started",
    "PAIRING_REQUIRED": "the session must be paired first",
    "PROTOCOL_VERSION": "app and server have no version of the protocol in common",
    "REVOCATION": "the server cannot revoke",
    "SESSION_UNKNOWN": "the server does not know the session, or no longer",
    "SSE_DISABLED": "the server sends no events: its option is `sse`",
    "UNAUTHORIZED": "the server does not permit this requestor, or does not know the token: "
    "compare `authentication` with the server's setting `requestors`",
    "UNEXPECTED_REQUEST": "the session is past the point for this, or not yet there",
    "UNKNOWN_PUBLIC_KEY": "the attributes were issued with a key that the server does not know",
    "UNKNOWN_REVOCATION_KEY": "no credential was issued with this revocation key",
    "UNSUPPORTED": "the server does not support this, or is not configured for it",
}
"""irmago's names of errors, and what each means in words of this library's."""

NOT_KNOWN: Final = "request could not be authenticated"
"""What irmago says, under `INVALID_REQUEST`, where it does not know the requestor."""
_ADVICE: Final = tuple(
    (re.compile(form, re.DOTALL), advice)
    for form, advice in {
        NOT_KNOWN: "compare `authentication` with the server's setting `requestors`; a server that "
        "runs with `no_auth` takes none",
        r"Unknown requestor: .*": "the server's setting `requestors` has no requestor of this name "
        "and kind of key",
        r"signature is invalid": "the server has another key for this requestor",
        r"jwt too old": "the JWT was signed too long ago, or the clocks differ: sign it again",
        r"token used before issued": "this machine's clock is ahead of the server's",
        r"Unknown identifiers: .*": "it names a scheme, issuer, credential or attribute that the "
        "server's schemes do not have",
        r"Error type: transport\n.*": "it names what the server's schemes do not have, and the "
        "server could not update them: check each identifier",
        r"requestor not allowed to use the requested host": "the server's setting `requestors` "
        "does not permit this `host`",
        r"No issuer permissions configured": "the server's setting `issue_perms` has nothing for "
        "this requestor",
        r"augmenting client return url not enabled in server configuration": "the server's setting "
        "`augment_client_return_url` is off",
        r"http: request body too large": "the request is over the server's limit of size",
        r"callbackUrl provided but no JWT private key is installed.*": "the server has no JWT key "
        "to sign callbacks with: install one, or enable its `allow_unsigned_callbacks`",
        r"JWT signing not supported": "the server has no JWT key: its setting is `jwt_privkey`",
        r"cannot issue expired credentials": "a credential's validity ends before now",
        r"nextSession provided with empty URL": "the URL of `next_session` is empty",
        r"Within inner conjunctions, .*": "attributes of one credential must stand side by side",
        r"cannot request nonrevocation proof for .*": "a credential of `revocation` cannot be "
        "revoked in its scheme",
        r"cannot revoke .*": "the server's setting `revocation_settings` lacks this credential",
        r"Pairing was not enabled": "pairing is off for this session: call set_pairing first",
        r"Frontend options can only be updated .*": "an app has connected already",
    }.items()
)
"""irmago's messages, and what to do about each."""


def _shown_name(name: str) -> str:
    return name if name in DESCRIPTIONS else "<another>"


@final
@boundary
@attrs.frozen
class RemoteError:
    """What the server says went wrong. Source: irmago `RemoteError`.

    Gateways and firewalls that answer in its place may quote what they refused: a token, a key, an
    attribute's value. So nothing of it is in a `repr` or in the text of an error but a name that is
    known here.

    Args:
        status: The HTTP status that goes with it.
        error: The error's name, such as `SESSION_UNKNOWN`.
        description: What that name means.
        message: On this case; may quote what was sent.
        stacktrace: From a server in verbose mode; never printed.
    """

    status: int
    error: str = attrs.field(converter=_printable, repr=_shown_name)
    description: str = attrs.field(default="", converter=_printable, repr=False)
    message: str = attrs.field(default="", kw_only=True, repr=False)
    stacktrace: str = attrs.field(default="", kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.status, int, "status", "a whole number")
        check_instance(self.message, str, "message", "a string")
        check_instance(self.stacktrace, str, "stacktrace", "a string")

    @property
    def known_name(self) -> str | None:
        """Its name if it is one of irmago's, which may be shown; else None."""
        return self.error if self.error in DESCRIPTIONS else None

    @property
    def meaning(self) -> str:
        """What its name means, in words of this library's; empty if the name is not known."""
        return DESCRIPTIONS.get(self.error, "")

    def advice(self) -> str:
        """Return what is to be done about its message, if that is one of irmago's own; or ""."""
        for form, advice in _ADVICE:
            if form.fullmatch(self.message):
                return advice
        return ""

    def printable_message(self) -> str:
        """Return the message on one line and not too long, without what looks like a secret."""
        return _printable(self.message)
