"""The versions of the official server that the suite can build, and the selection for a run."""

from __future__ import annotations

import os

__all__ = ["EACH_RUN", "NEWEST", "VERSIONS", "key_of", "versions_to_try"]

VERSIONS = (
    "0.5.1",
    "0.6.1",
    "0.7.0",
    "0.9.0",
    "0.10.0",
    "0.12.6",
    "0.16.0",
    "0.19.2",
    "1.0.0",
    "1.3.0",
)
"""The versions on Go's module proxy, the oldest first."""
NEWEST = VERSIONS[-1]
EACH_RUN = (VERSIONS[0], "1.0.0", NEWEST)
"""The default versions of a run: two servers more than the newest, and a few seconds more."""
_ASKED = "IRMA_SERVERS"


def versions_to_try() -> tuple[str, ...]:
    """Read the setting `IRMA_SERVERS`: `all`, or a comma-separated list of versions."""
    asked = os.environ.get(_ASKED)
    if not asked:
        return EACH_RUN
    chosen = VERSIONS if asked == "all" else tuple(asked.split(","))
    if unknown := set(chosen) - set(VERSIONS):
        raise ValueError(f"{_ASKED}: no such version: {', '.join(sorted(unknown))}")
    return chosen


def key_of(version: str) -> tuple[int, ...]:
    """Return the sort key of a version."""
    return tuple(map(int, version.split(".")))
