"""Verify IRMA proofs and attribute-based signatures in Python, without a server."""
