"""Errors that the server reports, in a response's body or in a result.

Later servers may use names that are not listed here. The descriptions are this library's own,
because a proxy may send JSON of the same form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final

import attrs

from irma_core.models.arguments import check_instance
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

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

# This does not match the parts of an identifier (`pbdf.…`), which may also have 20 letters.
_TOKENLIKE: Final = (
    r"(?<![0-9A-Za-z])(?<![0-9A-Za-z]\.)[0-9A-Za-z]{20}(?!\.?[0-9A-Za-z])|eyJ[\w.-]{20,}"
)
_LONGEST = 300


def _printable(text: str) -> str:
    """Return a string shortened to one line, without anything that looks like a secret."""
    check_instance(text, str, "error and description", "strings")
    harmless = re.sub(_TOKENLIKE, "…", text, flags=re.ASCII)
    line = "".join(char if char.isprintable() else " " for char in harmless)
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


DESCRIPTIONS: Final[Mapping[str, str]] = {
    "ATTRIBUTES_EXPIRED": "a disclosed attribute has expired",
    "ATTRIBUTES_MISSING": "a requested attribute is missing",
    "ATTRIBUTES_WRONG": "the attributes do not belong to their credential type",
    "CANNOT_ISSUE": "the server cannot issue this credential",
    "EXCEPTION": "the server had an unexpected problem: see its log",
    "INTERNAL_ERROR": "the server failed: see its log",
    "INVALID_PROOFS": "the app's proofs are not valid",
    "INVALID_REQUEST": "the server rejects the request",
    "INVALID_TIMESTAMP": "a time is not at the boundary of an epoch",
    "INVALID_TOKEN": "the server rejects the token",
    "ISSUANCE_FAILED": "the credential could not be made",
    "ISSUING_DISABLED": "the server does not issue credentials",
    "KEYSHARE_PROOF_MISSING": "the keyshare server's part of the proof is missing",
    "MALFORMED_INPUT": "the server cannot read what it was sent",
    "MALFORMED_ISSUER_REQUEST": "the server cannot read the issuance request",
    "MALFORMED_SIGNATURE_REQUEST": "the server cannot read the signature request",
    "MALFORMED_VERIFIER_REQUEST": "the server cannot read the disclosure request",
    "NEXT_SESSION": "the next session could not be started",
    "PAIRING_REQUIRED": "pairing must be completed first",
    "PROTOCOL_VERSION": "app and server have no protocol version in common",
    "REVOCATION": "the server cannot revoke",
    "SESSION_UNKNOWN": "the server does not know the session, or no longer knows it",
    "SSE_DISABLED": "the server sends no events: enable its option `sse`",
    "UNAUTHORIZED": "the server does not permit this requestor, or does not know the token: "
    "compare `authentication` with the server's setting `requestors`",
    "UNEXPECTED_REQUEST": "the session is not in a state that allows this",
    "UNKNOWN_PUBLIC_KEY": "the attributes were issued with a key that the server does not know",
    "UNKNOWN_REVOCATION_KEY": "no credential was issued with this revocation key",
    "UNSUPPORTED": "the server does not support this, or is not configured for it",
}
"""The error names that irmago uses, each with a description."""

NOT_KNOWN: Final = "request could not be authenticated"
"""The message that irmago sends with `INVALID_REQUEST` if no requestor in its settings matches."""
_ADVICE: Final[Mapping[str, str]] = {
    NOT_KNOWN: "compare `authentication` with the server's setting `requestors`; a server that "
    "runs with `no_auth` accepts no token and no key",
    "Unknown requestor: *": "the server's setting `requestors` has no requestor with this "
    "name and type of key",
    "signature is invalid": "the server has another key for this requestor",
    "jwt too old": "the JWT was signed too long ago, or the clocks differ: sign it again",
    "token used before issued": "this machine's clock is ahead of the server's",
    "Unknown identifiers: *": "the server's schemes do not have this scheme, issuer, "
    "credential or attribute",
    "Error type: transport\n*": "an identifier is not in the server's schemes, and the "
    "server could not update them: check each identifier",
    "requestor not allowed to use the requested host": "the server's setting `requestors` "
    "does not permit this `host`",
    "No issuer permissions configured": "the server's setting `issue_perms` lacks this requestor",
    "augmenting client return url not enabled in server configuration": "the server's setting "
    "`augment_client_return_url` is off",
    "http: request body too large": "the request is larger than the server's limit",
    "callbackUrl provided but no JWT private key is installed*": "the server has no JWT key "
    "to sign callbacks with: install one, or enable its `allow_unsigned_callbacks`",
    "JWT signing not supported": "the server has no JWT key: set its `jwt_privkey`",
    "cannot issue expired credentials": "a credential's validity ends before now",
    "nextSession provided with empty URL": "the URL of `next_session` is empty",
    "Within inner conjunctions, *": "attributes of the same credential must be adjacent",
    "cannot request nonrevocation proof for *": "`revocation` names a credential that does not "
    "support revocation in its scheme",
    "cannot revoke *": "the server's setting `revocation_settings` lacks this credential",
    "Pairing was not enabled": "pairing is off for this session: call set_pairing first",
    "Frontend options can only be updated *": "an app has connected already",
}
"""Messages that irmago sends, each with advice. An asterisk stands for the rest of a message."""


def _shown_name(name: str) -> str:
    return name if name in DESCRIPTIONS else "<another>"


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class RemoteError(ValueObject):
    """An error that the server reports. Source: irmago `RemoteError`.

    A gateway or firewall may respond in place of the server, and quote what it refused: a token, a
    key or an attribute value. So a `repr` or an error message contains only the error's name, and
    only if irmago uses that name.

    Args:
        status: The HTTP status.
        error: The name, such as `SESSION_UNKNOWN`.
        description: The server's description of that name.
        message: The server's message about this failure, which may quote the request.
        stacktrace: The stack trace from a server in verbose mode; never printed.
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
        """The name if irmago uses it, so that it is safe to show; else None."""
        return self.error if self.error in DESCRIPTIONS else None

    @property
    def meaning(self) -> str:
        """This library's description of the error's name; empty if the name is unknown."""
        return DESCRIPTIONS.get(self.error, "")

    def advice(self) -> str:
        """Return this library's advice on the server's message; empty if it has none."""
        for form, advice in _ADVICE.items():
            begins_so = form.endswith("*") and self.message.startswith(form[:-1])
            if begins_so or self.message == form:
                return advice
        return ""

    def printable_message(self) -> str:
        """Return the message shortened to one line, without anything that looks like a secret."""
        return _printable(self.message)
