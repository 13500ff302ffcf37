"""Skip the tests that need Go on a machine without it, or fail them in CI."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.realserver.build import GoMissing

__all__ = ["build_or_skip"]

BuiltT = TypeVar("BuiltT")


def build_or_skip(build: Callable[[], BuiltT]) -> BuiltT:
    """Return the result of a function that builds; without Go, skip the test or, in CI, fail it."""
    try:
        return build()
    except GoMissing as missing:
        why = str(missing)
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
