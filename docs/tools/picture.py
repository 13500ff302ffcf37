"""The picture of `make demo` in README, which `make picture` draws from a run.

The QR code, the link and dates differ from run to run; the rest is what the demo prints today.
"""

from __future__ import annotations

import re
from html import unescape
from io import StringIO
from pathlib import Path

from rich.console import Console

from irma_backend.cli.demo import play

__all__ = ["PICTURE", "draw", "lines_of", "played"]

PICTURE = Path(__file__).parent.parent.parent / "docs" / "pictures" / "demo.svg"
WIDTH = 118
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Matches the declarations of fonts, which a viewer would have to fetch from another server."""
_TEXT = re.compile(r'<text [^>]*y="([0-9.]+)"[^>]*>(.*?)</text>')
_OF_THE_SESSION = re.compile("[\u2580-\u2588]|https:")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def played() -> Console:
    """Run the demo, and return a terminal that has recorded its output."""
    console = Console(
        file=StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        width=WIDTH,
        highlight=False,
        soft_wrap=True,
    )
    play(console, console)
    return console


def draw(console: Console) -> str:
    """Return the output of a console as a picture in SVG."""
    return _FONTS.sub("", console.export_svg(title="make demo", unique_id="demo"))


def lines_of(picture: str) -> list[str]:
    """Return the lines on a picture, without the parts that differ from run to run."""
    rows: dict[float, str] = {}
    for height, text in _TEXT.findall(picture):
        rows[float(height)] = rows.get(float(height), "") + unescape(text).replace("\xa0", " ")
    lines = [_DATE.sub("(date)", rows[height].rstrip()) for height in sorted(rows)]
    return [line for line in lines if not _OF_THE_SESSION.search(line)]


if __name__ == "__main__":
    PICTURE.write_text(draw(played()), encoding="utf-8")
