"""Coverage in the processes that tests start: only the commands that the fork server runs.

Coverage doubles the CPU time of a new process, and starting Python and importing the library take
most of that time. The fork server of `tests/cli` imports the library once. Tests in the process of
pytest cover the code of all other processes.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

__all__ = ["measuring", "without_coverage"]

_VARIABLE: Final = "COVERAGE_PROCESS_CONFIG"
"""The environment variable that makes a new process measure its coverage."""
_configuration: Final = os.environ.get(_VARIABLE)


@contextmanager
def without_coverage() -> Generator[None]:
    """Run a block whose new processes measure no coverage."""
    if _configuration is None:
        yield
        return
    del os.environ[_VARIABLE]
    try:
        yield
    finally:
        os.environ[_VARIABLE] = _configuration


def measuring() -> dict[str, str]:
    """Return the environment variable for a process that measures its coverage."""
    return {} if _configuration is None else {_VARIABLE: _configuration}
