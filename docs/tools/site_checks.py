"""Generate the table of checks in `docs/explanation/site-checks.md` from the code."""

from __future__ import annotations

from pathlib import Path

from irma_core.web.site_checks import CHECKS

__all__ = ["PAGE", "drawn"]

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "site-checks.md"
_HEAD = "| id | finding | what to do | in development |\n| --- | --- | --- | --- |\n"


def drawn() -> str:
    """Return the page with an up-to-date table."""
    before, head, _table = PAGE.read_text(encoding="utf-8").partition(_HEAD)
    rows = (
        f"| `{check.id}` | {check.finding} | {check.remedy} | {'yes' if check.in_debug else ''} |\n"
        for check in CHECKS
    )
    return f"{before}{head}{''.join(rows)}"


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
