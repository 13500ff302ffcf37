"""README's picture shows the current output of the demo."""

from __future__ import annotations

from docs.tools.picture import PICTURE, draw, lines_of, played


def test_the_picture_matches_the_demo() -> None:
    """README's picture shows the output of the demo, apart from the QR code, the link and dates."""
    shown = lines_of(draw(played()))
    assert any("WrongValueError" in line for line in shown)
    assert lines_of(PICTURE.read_text(encoding="utf-8")) == shown


def test_the_picture_fetches_nothing() -> None:
    """README's picture loads nothing from another server."""
    text = PICTURE.read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "href" not in text
