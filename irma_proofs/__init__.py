"""Verify attribute-based signatures and disclosure proofs in Python, without a server.

This package does no I/O. `irma_backend.SchemeFolder` reads scheme files.
"""

from irma_core.models.verified_signatures import VerifiedSignature
from irma_proofs.schemes import SchemeFiles, Schemes
from irma_proofs.signature_verifier import SignatureVerifier
from irma_proofs.time_stamps import TimeStampKeys

__all__ = ["SchemeFiles", "Schemes", "SignatureVerifier", "TimeStampKeys", "VerifiedSignature"]
