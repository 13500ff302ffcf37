"""Session results, and the checks that turn a result into an answer."""

from __future__ import annotations

from types import NoneType
from typing import Final, NoReturn, final

import attrs

from irma_core.errors import (
    ProofNotValidError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
    SignatureMismatchError,
    UsageError,
    WrongSessionError,
)
from irma_core.models.answers import Answer, Evidence, answer_slots, make_answer
from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.remote_errors import RemoteError
from irma_core.models.session_requests import (
    ExtendedRequest,
    SessionRequest,
    SignatureRequest,
    hash_of_message,
)
from irma_core.models.sessions import SessionReference, SessionWithRequest, StartedSession
from irma_core.models.statuses import ProofStatus, SessionStatus, SessionType
from irma_core.models.tokens import RequestorToken
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["SessionResult", "signed_result"]

# The types and values of most results, which need no further check.
_KINDS: Final = (RequestorToken, SessionStatus, SessionType)
_NO_OTHERS: Final = (None, None, None)
_PROOF_STATUS: Final = frozenset({ProofStatus, NoneType})
_LISTS: Final = frozenset({tuple, NoneType})


@final
@boundary
@attrs.frozen(eq=False, repr=False, getstate_setstate=False)
class SessionResult(ValueObject):
    """The server's claims about a session. Only `answer_to` checks them.

    A status of `DONE` proves nothing.

    Source: irmago `server.SessionResult`.

    Args:
        token: The session's requestor token.
        status: The session's status.
        type: The type of session.
        proof_status: Whether the proof is valid; None before the end and after a cancellation.
        unchecked_disclosed: The disclosed attributes as the server sent them: one list for each
            slot, or None for a slot that the person left out. Never use this to decide whether to
            let a person in.
        unchecked_signature: The field `signature`, which is present even if the proof is not valid.
        error: Why the server refused the app's proofs, if it did.
        next_session: In a chain, the requestor token of the session that follows.

    Attributes:
        evidence: The evidence for this result. It is not an argument, and `attrs.evolve` resets it.
            Only the function that verifies the signature sets `SIGNED`.
    """

    token: RequestorToken
    status: SessionStatus
    type: SessionType = attrs.field(kw_only=True)
    proof_status: ProofStatus | None = attrs.field(default=None, kw_only=True)
    unchecked_disclosed: tuple[tuple[DisclosedAttribute, ...] | None, ...] = attrs.field(
        default=(), kw_only=True, repr=False
    )
    unchecked_signature: AttributeBasedSignature | None = attrs.field(
        default=None, kw_only=True, repr=False
    )
    error: RemoteError | None = attrs.field(default=None, kw_only=True)
    next_session: RequestorToken | None = attrs.field(default=None, kw_only=True)
    evidence: Evidence = attrs.field(init=False, default=Evidence.TRANSPORT)

    def __copy__(self) -> SessionResult:
        return self

    def __deepcopy__(self, _memo: object) -> SessionResult:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a SessionResult cannot be pickled: store the values that you need from its answer"
        )

    def __attrs_post_init__(self) -> None:
        # Statuses are compared by identity, so a string would never match.
        kinds = (type(self.token), type(self.status), type(self.type))
        others = (self.unchecked_signature, self.error, self.next_session)
        if (
            kinds != _KINDS
            or type(self.proof_status) not in _PROOF_STATUS
            or type(self.unchecked_disclosed) is not tuple
            or not _LISTS.issuperset(map(type, self.unchecked_disclosed))
            or others != _NO_OTHERS
        ):
            self._check_types()

    def _check_types(self) -> None:
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        check_instance(self.type, SessionType, "type", "a SessionType")
        check_optional(self.proof_status, ProofStatus, "proof_status", "a ProofStatus")
        expected = "a tuple of tuples of DisclosedAttribute objects"
        lists = check_instance(self.unchecked_disclosed, tuple, "unchecked_disclosed", expected)
        for each in lists:
            check_optional(each, tuple, "unchecked_disclosed", expected)
        check_optional(
            self.unchecked_signature,
            AttributeBasedSignature,
            "unchecked_signature",
            "an AttributeBasedSignature",
        )
        check_optional(self.error, RemoteError, "error", "a RemoteError")
        check_optional(self.next_session, RequestorToken, "next_session", "a RequestorToken")

    def answer_to(self, session: SessionWithRequest) -> Answer:
        """Check this result against a session's request, and return the answer.

        The checks run in this order: the result belongs to the session and has its type; the
        session has finished; the proof status is `VALID`; the disclosed attributes match an option
        of each slot; in a signature session, the signature is over the requested message.

        Raises:
            WrongSessionError: The result belongs to another session, or has another type of
                session.
            SessionNotFinishedError: The session is still running.
            SessionCancelledError: The session was cancelled.
            SessionTimedOutError: The session timed out.
            ProofNotValidError: The proof is not valid.
            NotWhatWasAskedError: The proof does not match the request; the error is of a subclass.
        """
        self._check_session(session)
        self._check_status(SessionStatus.DONE)
        return self._answer(session.request)

    def answer_before_next_session(self, session: SessionWithRequest) -> Answer:
        """Return the session's answer while the server asks for the next session of a chain.

        At that point the session has not ended: its status is `CONNECTED`, and its proof is
        `VALID`. The other checks and errors are those of `answer_to`.

        Raises:
            SessionNotFinishedError: No app has connected yet.
            WrongSessionError: As for `answer_to`, or the session has already finished.
        """
        self._check_session(session)
        self._check_status(SessionStatus.CONNECTED)
        return self._answer(session.request)

    def _answer(self, extended: ExtendedRequest) -> Answer:
        request = extended.request
        slots = answer_slots(
            request.disclose,
            self.unchecked_disclosed,
            not_revoked=frozenset(request.revocation),
            session=self.token,
        )
        return make_answer(
            slots,
            type=self.type,
            token=self.token,
            evidence=self.evidence,
            signature=self._checked_signature(request),
            next_session=self.next_session,
        )

    def _check_session(self, session: SessionWithRequest) -> None:
        expected_kind = "a StartedSession, which has the request"
        check_instance(session, (StartedSession, SessionReference), "session", expected_kind)
        if self.token != session.token:
            raise WrongSessionError(
                session.token.fingerprint,
                f"the result belongs to another session, {self.token.fingerprint}",
            )
        expected = session.request.request.session_type
        if self.type is not expected:
            raise WrongSessionError(
                session.token.fingerprint,
                f"expected session type {expected.value}, got {self.type.value}",
            )

    def _check_status(self, expected: SessionStatus) -> None:
        if self.status is SessionStatus.CANCELLED:
            reason = self.error.known_name if self.error else None
            raise SessionCancelledError(self.token.fingerprint, reason)
        if self.status is SessionStatus.TIMEOUT:
            raise SessionTimedOutError(self.token.fingerprint)
        if self.status is not expected:
            if self.status is SessionStatus.DONE:
                raise WrongSessionError(
                    self.token.fingerprint,
                    "the session has already finished; choose a next session while the session "
                    "is CONNECTED",
                )
            raise SessionNotFinishedError(self.token.fingerprint, self.status.value)
        if self.proof_status is not ProofStatus.VALID:
            status = self.proof_status.value if self.proof_status else None
            raise ProofNotValidError(self.token.fingerprint, status)
        if self.error is not None:
            reason = self.error.known_name or "an unknown error"
            raise ProofNotValidError(self.token.fingerprint, reason)

    def _checked_signature(self, request: SessionRequest) -> AttributeBasedSignature | None:
        if not isinstance(request, SignatureRequest):
            return None
        signature = self.unchecked_signature
        if signature is None:
            raise SignatureMismatchError(self.token.fingerprint, "there is no signature")
        if hash_of_message(signature.message) != request.message_sha256:
            raise SignatureMismatchError(
                self.token.fingerprint, "the signature is over a different message"
            )
        return signature


def signed_result(result: SessionResult) -> SessionResult:
    """Return a copy of the result whose evidence is `Evidence.SIGNED`.

    Only `result_jwt` may call this, after it has verified the JWT.
    """
    signed = attrs.evolve(result)
    object.__setattr__(signed, "evidence", Evidence.SIGNED)
    return signed
