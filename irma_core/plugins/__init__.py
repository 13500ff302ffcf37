"""Plugins: signers, status backends and stores that the scheme of a URI selects."""
