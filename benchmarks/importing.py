"""Import `irma_core` in fresh processes, compared with an import of cattrs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.rounds import Effort, Row, ratios

__all__ = ["rows"]

OURS = "import irma_core"
YARDSTICK = "import cattrs.preconf.json"
CLASSES = (
    "import sys; before = set(sys.modules); " + OURS + "; import gc; "
    "print(len([c for c in gc.get_objects() if isinstance(c, type) "
    "and c.__module__.startswith('irma_core') and '__attrs_attrs__' in vars(c)]))"
)

_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""The environment with byte code enabled, as for an installed package: compiling is slow."""


def rows(effort: Effort) -> Iterator[Row]:
    """Return the CPU time of processes that import, minus that of a process that does not."""
    for code in (OURS, YARDSTICK):
        _cpu(code)  # to write the byte code
    ours: list[float] = []
    yardstick: list[float] = []
    for _ in range(effort.rounds):
        nothing = _cpu("pass")
        ours.append(max(_cpu(OURS) - nothing, 1e-6))
        yardstick.append(max(_cpu(YARDSTICK) - nothing, 1e-6))
    count = subprocess.run(
        [sys.executable, "-c", CLASSES], capture_output=True, text=True, check=True
    )
    name = f"import of the front ({count.stdout.strip()} attrs classes) / cattrs.preconf.json"
    yield Row(name, ratios(ours, yardstick), "x", 2.1)


def _cpu(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=_ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
