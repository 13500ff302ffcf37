"""Verify the signature of a signature session with the requestor's own verifier.

The server chooses the nonce of a session. So a dishonest one could show an old signature over the
same message again: the time stamp must not be from before the session.
"""

from __future__ import annotations

from datetime import datetime

from irma_core.errors import ProofError, ProofNotValidError, UsageError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, verify_signature
from irma_core.models.answers import Answer, proved_answer
from irma_core.models.session_requests import SignatureRequest
from irma_core.models.sessions import SessionWithRequest, StartedSession

__all__ = ["proved_signature_flow"]


def proved_signature_flow(
    context: RequestorContext, session: SessionWithRequest, answer: Answer, deadline: float
) -> Flow[Answer]:
    """Return the answer with what its signature proves, once it is verified.

    Without a verifier, or without a signature, it is the answer itself.

    Raises:
        ProofNotValidError: The signature did not pass a check; the cause says which one.
        VerifierError: The verifier failed, or took too long.
        ConfigurationError: The verifier lacks a file, or what it has was changed.
        UsageError: Nothing says when the session was started.
    """
    verifier, signature = context.signature_verifier, answer.signature
    request = session.request.request
    if verifier is None or signature is None or not isinstance(request, SignatureRequest):
        return answer
    if isinstance(session, StartedSession):
        started: datetime | None = session.started_at
    else:
        started = session.started_after
    if started is None:
        raise UsageError("session: started_after is needed to verify its signature")
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
