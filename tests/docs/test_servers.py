"""The page about official servers states what the tests expect of each version."""

from __future__ import annotations

from docs.tools.servers import PAGE, drawn
from tests.realserver.versions import VERSIONS


def test_the_table_matches_the_tests() -> None:
    """The page's table equals what `python -m docs.tools.servers` writes."""
    assert PAGE.read_text(encoding="utf-8") == drawn()


def test_the_oldest_and_newest_versions_are_named() -> None:
    """README and the title of the page name the oldest and the newest supported version."""
    span = f"{VERSIONS[0]} to {VERSIONS[-1]}"
    assert PAGE.read_text(encoding="utf-8").startswith(f"# Official servers, {span}\n")
    assert f"*{span}*" in (PAGE.parent.parent.parent / "README.md").read_text(encoding="utf-8")
