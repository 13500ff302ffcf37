"""README's picture shows what the demo shows."""

from __future__ import annotations

from docs.tools.picture import PICTURE, draw, lines_of, played


def test_the_picture_shows_what_the_demo_shows_today() -> None:
    """But for QR, link and dates; `make picture` draws it anew."""
    shown = lines_of(draw(played()))
    assert any("WrongValueError" in line for line in shown)
    assert lines_of(PICTURE.read_text(encoding="utf-8")) == shown


def test_the_picture_fetches_nothing() -> None:
    """Whoever looks at it tells nobody."""
    text = PICTURE.read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "href" not in text
