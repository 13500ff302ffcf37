"""README's picture shows what the demo shows."""

from __future__ import annotations

from docs.tools.picture import PICTURE, draw, lines_of, played


def test_the_picture_shows_what_the_demo_shows_today() -> None:
    """The picture shows the output of the demo, apart from QR code, link and dates."""
    shown = lines_of(draw(played()))
    assert any("WrongValueError" in line for line in shown)
    assert lines_of(PICTURE.read_text(encoding="utf-8")) == shown


def test_the_picture_fetches_nothing() -> None:
    """The picture loads nothing from another server."""
    text = PICTURE.read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "href" not in text
