"""The two modes of the library, for tests that run in both."""

import pytest

__all__ = ["MODES"]

MODES = pytest.mark.parametrize("mode", ["sync", "async"])
"""Runs a test once in each mode, with the argument `mode`."""
