"""Generate the table of settings in `docs/settings.md` from the table in the code."""

from __future__ import annotations

from pathlib import Path

from irma_backend.settings_table import SETTINGS

__all__ = ["PAGE", "drawn"]

PAGE = Path(__file__).parent.parent / "settings.md"
_HEAD = "| setting | environment | value | what it says |\n| --- | --- | --- | --- |\n"


def drawn() -> str:
    """Return the page with an up-to-date table."""
    before, head, _table = PAGE.read_text(encoding="utf-8").partition(_HEAD)
    rows = (
        f"| `{each.name.replace('*', 'NAME')}` | {f'`{each.variable}`' if each.variable else ''} "
        f"| {each.kind.expected} | {each.purpose} |\n"
        for each in SETTINGS
    )
    return f"{before}{head}{''.join(rows)}"


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
