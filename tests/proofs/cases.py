"""The vectors of proofs, and the schemes that they were made with."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from irma_proofs import Schemes

__all__ = ["CASES", "FOLDER", "Files", "schemes"]

FOLDER: Final = Path(__file__).parent.parent / "vectors" / "proofs"
CASES: Final[dict[str, Any]] = {
    case["name"]: case for case in json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
}
"""Each vector by its name."""


class Files:
    """The schemes of the vectors, with some files replaced or left out.

    Args:
        changed: Contents by path; None for a file that is missing.
    """

    def __init__(self, changed: dict[str, bytes | None] | None = None) -> None:
        self.changed = changed or {}
        self.paths: list[str] = []
        """The paths that were read, in order."""

    def read(self, path: str) -> bytes:
        self.paths.append(path)
        if path in self.changed:
            content = self.changed[path]
            if content is None:
                raise FileNotFoundError(path)
            return content
        return (FOLDER / "schemes" / path).read_bytes()


def pinned(*names: str) -> dict[str, bytes]:
    """Return the keys of schemes, as a caller pins them."""
    return {name: (FOLDER / "schemes" / name / "pk.pem").read_bytes() for name in names}


@cache
def schemes(*names: str) -> Schemes:
    """Return schemes of the vectors, read once in this process."""
    return Schemes(Files(), pinned=pinned(*names))
