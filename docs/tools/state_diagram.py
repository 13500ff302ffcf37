"""Generate the state diagram in `docs/explanation/how-it-works.md` from the table of statuses."""

from __future__ import annotations

import re
from pathlib import Path

from irma_core.models.statuses import SessionStatus

__all__ = ["PAGE", "drawn"]

PAGE = Path(__file__).parent.parent / "explanation" / "how-it-works.md"
_BLOCK = re.compile(r"```mermaid\n.*?```", re.DOTALL)


def drawn() -> str:
    """Return the page with an up-to-date diagram."""
    block = "\n".join(("```mermaid", "stateDiagram-v2", *_transitions(), "```"))
    return _BLOCK.sub(lambda _: block, PAGE.read_text(encoding="utf-8"))


def _transitions() -> list[str]:
    lines = ["    [*] --> INITIALIZED"]
    for status in SessionStatus:
        lines += [
            f"    {status.value} --> {later.value}"
            for later in SessionStatus
            if status.may_become(later)
        ]
        if status.is_final:
            lines.append(f"    {status.value} --> [*]")
    return lines


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
