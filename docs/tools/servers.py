"""Generate the table of official servers in `docs/explanation/servers.md` from the tests."""

from __future__ import annotations

from pathlib import Path

from tests.realserver.old_servers import gaps, releases

__all__ = ["PAGE", "drawn"]

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "servers.md"
_HEAD = "| server | released | what it lacks |\n| --- | --- | --- |\n"


def drawn() -> str:
    """Return the page with an up-to-date table."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(_HEAD)
    _table, end, after = rest.partition("\n\n")
    return f"{before}{begin}{_rows()}{end}{after}"


def _rows() -> str:
    return "\n".join(
        f"| {version} | {day} | {_lacking(version)} |" for version, day in releases().items()
    )


def _lacking(version: str) -> str:
    return (
        "; ".join(gap.what for gap in gaps() if gap.is_feature and gap.is_at(version)) or "nothing"
    )


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
