"""Verify attribute-based signatures.

Source: irmago `SignedMessage.Verify`; IRMA documentation, "Attribute-based signatures".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, final

import attrs

from irma_core.errors import ConfigurationError, ProofError
from irma_core.json_text import JsonValue
from irma_core.models.arguments import as_utc, check_instance, check_optional
from irma_core.models.disclosed import AttributeBasedSignature
from irma_core.models.session_requests import SignatureRequest, hash_of_message
from irma_core.models.verified_signatures import VerifiedSignature
from irma_core.tracebacks import boundary
from irma_proofs.challenge import signature_nonce
from irma_proofs.disclosure_proof import DisclosureProof, read_proofs
from irma_proofs.proof_json import read_members, read_proof_json
from irma_proofs.proved_slots import Asked, Places, prove_slots, read_indices
from irma_proofs.schemes import Schemes
from irma_proofs.time_stamps import (
    TimeStamp,
    TimeStampKeys,
    check_not_before,
    read_time_stamp,
    read_time_stamp_keys,
    same_server,
    time_stamp_server,
    verify_time_stamp,
)
from irma_proofs.verification import read_any_number, verify_proofs

__all__ = ["SignatureVerifier", "read_stamp_of"]

_SECOND_FORM: Final = "https://irma.app/ld/signature/v2"
_SHORTEST_KEY: Final = 1024
_UNMATCHED: Final = "UNMATCHED_REQUEST"
_REQUIRED: Final = frozenset({"signature", "nonce", "context", "message"})
_OPTIONAL: Final = frozenset({"@context", "indices", "timestamp"})
"""The members that a signature may lack. The form that was used until 2019 has no `@context` and no
`indices`, and not every signature has a time stamp."""


@final
@attrs.frozen
class _Signature:
    """The contents of a signature's JSON. The form of all but the proofs has been checked."""

    proofs: JsonValue = attrs.field(repr=False)
    indices: Places = attrs.field(repr=False)
    nonce: int
    context: int
    message: str = attrs.field(repr=False)
    stamp: TimeStamp | None
    is_first_form: bool


@final
@boundary
class SignatureVerifier:
    """Verifies attribute-based signatures, without a server.

    It implements `irma_core.interfaces.SignatureVerifier`. Threads may share an instance. Verifying
    takes tens of milliseconds for each credential, or a few milliseconds with gmpy2 (the extra
    `proofs`), so an event loop should run it on a thread.

    Args:
        schemes: The schemes whose credentials are accepted.
        time_stamps: The keys of time-stamping servers, by the URL that the scheme names. Get them
            from a source that you trust, because a scheme does not contain these keys.
        min_key_bits: The minimum length of an issuer's key: 1024, 2048 or 4096 bits. Demonstrations
            use keys of 1024 bits.

    Raises:
        ConfigurationError: A key or `min_key_bits` is invalid.
        UsageError: An argument has the wrong type.
    """

    def __init__(
        self, schemes: Schemes, *, time_stamps: TimeStampKeys, min_key_bits: int = 2048
    ) -> None:
        self._schemes = check_instance(schemes, Schemes, "schemes", "Schemes")
        self._keys = read_time_stamp_keys(time_stamps)
        self._min_key_bits = check_instance(min_key_bits, int, "min_key_bits", "a number of bits")
        if min_key_bits < _SHORTEST_KEY:
            raise ConfigurationError(f"min_key_bits: must be at least {_SHORTEST_KEY}")

    def __repr__(self) -> str:
        return f"<SignatureVerifier of {self._schemes!r}>"

    def verify(
        self,
        signature: AttributeBasedSignature | str | bytes,
        request: SignatureRequest | None = None,
        *,
        nonce: int | None = None,
        context: int | None = None,
        not_before: datetime | None = None,
        at: datetime | None = None,
    ) -> VerifiedSignature:
        """Return what a signature proves, after it has passed every check.

        The checks run in this order: the form, the requested message, the time stamp, the proofs,
        the requested attributes, and the validity of the credentials.

        Args:
            signature: The signature, or its JSON.
            request: The request that the signature must answer: the same message, and an option for
                each slot. None to accept any message and any attributes, which the caller must then
                check.
            nonce: The nonce that the signature must have, if the caller knows the session's nonce.
            context: The context that the signature must have, if the caller knows the session's
                context.
            not_before: The earliest time at which the signature may have been made, such as the
                start of the session.
            at: The time at which a signature without a time stamp must be valid. By default such a
                signature is refused, because nothing else shows when it was made.

        Raises:
            ProofError: The signature did not pass a check; the error says which one, and where.
            ConfigurationError: A scheme file is missing, has been changed, or is malformed.
            UsageError: An argument has the wrong type, or a time has no time zone.
        """
        check_optional(request, SignatureRequest, "request", "a SignatureRequest")
        check_optional(nonce, int, "nonce", "a number")
        check_optional(context, int, "context", "a number")
        start = None if not_before is None else as_utc(not_before, "not_before")
        judged_at = None if at is None else as_utc(at, "at")
        signed = _read_signature(_json_of(signature))
        if request is not None:
            check_message(signed.message, request)
        check_nonce(signed.nonce, nonce)
        check_context(signed.context, context)
        proofs = read_proofs(
            signed.proofs, "signature", schemes=self._schemes, min_key_bits=self._min_key_bits
        )
        check_some_proof(proofs)
        signed_at = self._time(signed, proofs, start, judged_at)
        verified = verify_proofs(
            proofs,
            self._schemes,
            context=signed.context,
            nonce=signature_nonce(
                signed.nonce,
                signed.message,
                None if signed.stamp is None else signed.stamp.signature,
            ),
            is_signature=True,
        )
        asked = None if request is None else Asked.by(request)
        proved = prove_slots(verified, signed.indices, asked=asked, at=signed_at)
        return VerifiedSignature(
            proved.slots,
            message=signed.message,
            signed_at=signed_at,
            is_time_stamped=signed.stamp is not None,
            extra=proved.extra,
        )

    def _time(
        self,
        signed: _Signature,
        proofs: Sequence[DisclosureProof],
        not_before: datetime | None,
        at: datetime | None,
    ) -> datetime:
        """Return the time at which a signature must be valid, after verifying its time stamp."""
        stamp = signed.stamp
        if stamp is None:
            return time_without_stamp(at, not_before)
        server = time_stamp_server(proofs, self._schemes)
        verify_time_stamp(
            stamp,
            proofs,
            signed.message,
            keys=self._keys.get(same_server(server), frozenset()),
            server=server,
            is_first_form=signed.is_first_form,
        )
        if not_before is not None:
            check_not_before(stamp, not_before)
        return datetime.fromtimestamp(stamp.time, UTC)


@boundary
def read_stamp_of(signature: AttributeBasedSignature | str | bytes) -> TimeStamp:
    """Return the time stamp in a signature, without verifying anything.

    Raises:
        ProofError: The signature is malformed, or has no time stamp.
        UsageError: The argument has the wrong type.
    """
    stamp = _read_signature(_json_of(signature)).stamp
    if stamp is None:
        raise ProofError("timestamp", "is missing", status="INVALID_TIMESTAMP")
    return stamp


def _json_of(signature: AttributeBasedSignature | str | bytes) -> str | bytes:
    if isinstance(signature, AttributeBasedSignature):
        return signature.json_text
    expected = "an AttributeBasedSignature, or its JSON"
    check_instance(signature, (str, bytes), "signature", expected)
    return signature


def _read_signature(data: str | bytes) -> _Signature:
    members = read_members(read_proof_json(data), "", required=_REQUIRED, optional=_OPTIONAL)
    form = members.get("@context", "")
    check_form(form)
    message = members["message"]
    if type(message) is not str:
        raise ProofError("message", "must be a string")
    stamp = members.get("timestamp")
    return _Signature(
        proofs=members["signature"],
        indices=read_indices(members.get("indices")),
        nonce=read_any_number(members["nonce"], "nonce"),
        context=read_any_number(members["context"], "context"),
        message=message,
        stamp=None if stamp is None else read_time_stamp(stamp, "timestamp"),
        is_first_form=not form,
    )


def check_form(form: JsonValue) -> None:
    """Check that `@context` has its only known value, or is absent, as in old signatures.

    Raises:
        ProofError: The check fails.
    """
    if form not in ("", _SECOND_FORM):  # not every JSON value can be in a set
        raise ProofError("@context", f"must be {_SECOND_FORM}", check="form")


def check_message(message: str, request: SignatureRequest) -> None:
    """Check that the signed message is the requested one.

    Raises:
        ProofError: The check fails.
    """
    if hash_of_message(message) != request.message_sha256:
        raise ProofError(
            "message", "is not the requested message", check="message", status=_UNMATCHED
        )


def check_nonce(found: int, expected: int | None) -> None:
    """Check that the signature has the session's nonce, if the caller passed that nonce.

    Raises:
        ProofError: The check fails.
    """
    if expected is not None and found != expected:
        raise ProofError("nonce", "is not the session's nonce", check="nonce", status=_UNMATCHED)


def check_context(found: int, expected: int | None) -> None:
    """Check that the signature has the session's context, if the caller passed that context.

    Raises:
        ProofError: The check fails.
    """
    if expected is not None and found != expected:
        raise ProofError(
            "context", "is not the session's context", check="context", status=_UNMATCHED
        )


def check_some_proof(proofs: Sequence[DisclosureProof]) -> None:
    """Check that the signature contains at least one proof.

    Raises:
        ProofError: The check fails.
    """
    if not proofs:
        raise ProofError("signature", "must have at least one proof", check="some_proof")


def time_without_stamp(at: datetime | None, not_before: datetime | None) -> datetime:
    """Return the time at which a signature without a time stamp must be valid.

    Raises:
        ProofError: The caller passed no `at`, or passed `not_before`, which requires a time stamp.
    """
    if at is None or not_before is not None:
        raise ProofError(
            "timestamp",
            "is missing; to verify a signature without a time stamp, pass at= and leave out "
            "not_before=",
            check="time_without_stamp",
            status="INVALID_TIMESTAMP",
        )
    return at
