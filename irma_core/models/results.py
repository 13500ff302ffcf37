"""What the server says of a session, and the one way from there to an answer."""

from __future__ import annotations

from typing import NoReturn, final

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
    SignatureRequest,
    hash_of_message,
)
from irma_core.models.sessions import SessionReference, SessionWithRequest, StartedSession
from irma_core.models.statuses import ProofStatus, SessionStatus, SessionType
from irma_core.models.tokens import RequestorToken
from irma_core.tracebacks import boundary

__all__ = ["SessionResult", "signed_result"]


@final
@boundary
@attrs.frozen(getstate_setstate=False)
class SessionResult:
    """What the server *said* of a session; what is true of it, only `answer_to` tells.

    `status` being `DONE` proves nothing.

    Source: irmago `server.SessionResult`.

    Args:
        token: The session's requestor token.
        status: How far the session is.
        type: The kind of session.
        proof_status: Whether the proof holds; None before the end and after a cancel.
        unchecked_disclosed: `disclosed`, list by list as the server sent it; None for a list that
            answers nothing. Do not use it to let anybody in.
        unchecked_signature: `signature`; there even where the proof does not hold.
        error: What went wrong, where the app's proofs were refused.
        next_session: In a chain, the requestor token of the session that follows.

    Attributes:
        evidence: Whose word this is. It is no argument, and a changed copy loses it: `SIGNED` is
            set by the function that verified the signature, and by nothing else.
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
        raise UsageError("a SessionResult is not pickled: store what you need of its answer")

    def __attrs_post_init__(self) -> None:
        # Statuses are compared by identity: one that is a string would be equal to none.
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        check_instance(self.type, SessionType, "type", "a SessionType")
        check_optional(self.proof_status, ProofStatus, "proof_status", "a ProofStatus")
        expected = "a tuple of tuples of DisclosedAttribute"
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
        """Make the answer to what was asked in that session, after every check.

        In this order: same session and kind, finished, proof `VALID`, each slot fulfilled by one
        of its options, and the signature over the message that was sent.

        Raises:
            WrongSessionError: The result is of another session or kind.
            SessionNotFinishedError: The session still runs.
            SessionCancelledError: It was cancelled.
            SessionTimedOutError: It timed out.
            ProofNotValidError: The proof does not hold.
            NotWhatWasAskedError: One of its subclasses: the proof is not of what was asked.
        """
        self._check_session(session)
        self._check_status(SessionStatus.DONE)
        return self._answer(session.request)

    def answer_before_next_session(self, session: SessionWithRequest) -> Answer:
        """Make the answer while the server waits to be told of the next session of a chain.

        Only then it has an answer before its end: `CONNECTED`, with a proof that is `VALID`. All
        other checks are those of `answer_to`, and so are the errors.

        Raises:
            SessionNotFinishedError: The app has not come yet.
            WrongSessionError: It is not `CONNECTED` any more, or as above.
        """
        self._check_session(session)
        self._check_status(SessionStatus.CONNECTED)
        return self._answer(session.request)

    def _answer(self, asked: ExtendedRequest) -> Answer:
        request = asked.request
        slots = answer_slots(
            request.disclose,
            self.unchecked_disclosed,
            not_revoked=frozenset(request.revocation),
            session=self.token.fingerprint,
        )
        return make_answer(
            slots,
            type=self.type,
            token=self.token,
            evidence=self.evidence,
            signature=self._checked_signature(asked),
            next_session=self.next_session,
        )

    def _check_session(self, session: SessionWithRequest) -> None:
        expected_kind = "a StartedSession, which knows what was asked"
        check_instance(session, (StartedSession, SessionReference), "session", expected_kind)
        fingerprint = session.token.fingerprint
        if self.token != session.token:
            raise WrongSessionError(fingerprint, f"the result is of {self.token.fingerprint}")
        expected = session.request.request.session_type
        if self.type is not expected:
            raise WrongSessionError(
                fingerprint, f"the result is of a {self.type.value}, not a {expected.value} session"
            )

    def _check_status(self, expected: SessionStatus) -> None:
        fingerprint = self.token.fingerprint
        if self.status is SessionStatus.CANCELLED:
            raise SessionCancelledError(fingerprint, self.error.known_name if self.error else None)
        if self.status is SessionStatus.TIMEOUT:
            raise SessionTimedOutError(fingerprint)
        if self.status is not expected:
            if self.status is SessionStatus.DONE:
                raise WrongSessionError(fingerprint, "it has ended, and is before no other")
            raise SessionNotFinishedError(fingerprint, self.status.value)
        if self.proof_status is not ProofStatus.VALID:
            status = self.proof_status.value if self.proof_status else None
            raise ProofNotValidError(fingerprint, status)
        if self.error is not None:
            raise ProofNotValidError(fingerprint, self.error.known_name or "an unknown error")

    def _checked_signature(self, asked: ExtendedRequest) -> AttributeBasedSignature | None:
        if not isinstance(asked.request, SignatureRequest):
            return None
        signature = self.unchecked_signature
        if signature is None:
            raise SignatureMismatchError(self.token.fingerprint, "there is no signature")
        if hash_of_message(signature.message) != asked.request.message_sha256:
            lacks = "there is a signature over another message"
            raise SignatureMismatchError(self.token.fingerprint, lacks)
        return signature


def signed_result(result: SessionResult) -> SessionResult:
    """Return the result with `Evidence.SIGNED`; for `result_jwt` alone, after every check."""
    signed = attrs.evolve(result)
    object.__setattr__(signed, "evidence", Evidence.SIGNED)
    return signed
