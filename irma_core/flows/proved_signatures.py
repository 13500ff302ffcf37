"""Verify the signature of a signature session with the requestor's own verifier.

The server chooses the nonce of a session, so a dishonest server could present an old signature over
the same message. Therefore the signature's time stamp must not be earlier than the session's start.
"""

from __future__ import annotations

from irma_core.errors import ProofError, ProofNotValidError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, verify_signature
from irma_core.models.answers import Answer, proved_answer
from irma_core.models.session_requests import SignatureRequest
from irma_core.models.sessions import SessionWithRequest, StartedSession

__all__ = ["proved_signature_flow"]


def proved_signature_flow(
    context: RequestorContext, session: SessionWithRequest, answer: Answer, deadline: float
) -> Flow[Answer]:
    """Verify the signature in an answer, and return the answer with the facts that it proves.

    Without a verifier, or without a signature, return the answer unchanged.

    Raises:
        ProofNotValidError: The signature did not pass a check; the cause says which one.
        VerifierError: The verifier failed, or took too long.
        ConfigurationError: A file that the verifier needs is missing or has been changed.
    """
    verifier, signature = context.signature_verifier, answer.signature
    request = session.request.request
    if verifier is None or signature is None or not isinstance(request, SignatureRequest):
        return answer
    started = session.started_at if isinstance(session, StartedSession) else session.started_after
    try:
        verified = yield from verify_signature(
            verifier,
            signature,
            request,
            not_before=started,
            deadline=min(deadline, context.deadline()),
        )
    except ProofError as error:
        raise ProofNotValidError(answer.token.fingerprint, error.status) from error
    return proved_answer(answer, verified)
