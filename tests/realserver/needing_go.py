"""Skip the tests that need Go on a machine without it, or fail them in CI."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.realserver.build import GoMissing

__all__ = ["built"]

BuiltT = TypeVar("BuiltT")


def built(build: Callable[[], BuiltT]) -> BuiltT:
    """Return what a function builds. Without Go the test is skipped, and fails if `CI=true`."""
    try:
        return build()
    except GoMissing as missing:
        why = str(missing)
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
