"""The interface of a signature verifier, such as `irma_proofs.SignatureVerifier`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from irma_core.models.disclosed import AttributeBasedSignature
from irma_core.models.session_requests import SignatureRequest
from irma_core.models.verified_signatures import VerifiedSignature

__all__ = ["SignatureVerifier"]


@runtime_checkable
class SignatureVerifier(Protocol):
    """Verifies attribute-based signatures without the IRMA server.

    The library may call `verify` in any thread. A call may take seconds, but does no network I/O.
    """

    def verify(
        self,
        signature: AttributeBasedSignature,
        request: SignatureRequest,
        *,
        not_before: datetime,
    ) -> VerifiedSignature:
        """Check a signature, and return what it proves.

        Args:
            signature: The signature, as the server sent it.
            request: The request that the signature must answer.
            not_before: The earliest time at which the signature may have been made: the session's
                start.

        Raises:
            ProofError: The signature did not pass a check.
            ConfigurationError: A file that the verifier needs is missing or has been changed.
        """
        ...
