"""Verify attribute-based signatures and disclosure proofs in Python, without a server.

This package does no I/O. `irma_backend.scheme_folder` reads the files of schemes.
"""

from irma_proofs.schemes import SchemeFiles, Schemes

__all__ = ["SchemeFiles", "Schemes"]
