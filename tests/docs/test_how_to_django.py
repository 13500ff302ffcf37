"""The project in the how-to on Django runs unchanged, with its own tests."""

from __future__ import annotations

import re
from pathlib import Path

from irma_web_django.site_settings import SETTINGS
from tests.docs.django_projects import manage, write_project
from tests.docs.pages import ROOT, check_style, code_of, runs

PAGE = "docs/how-to/django.md"


@runs(PAGE, python=12, html=1)
def test_the_project_runs(tmp_path: Path) -> None:
    """The tests that the page shows pass, and Django's checks find no error."""
    write_project(PAGE, tmp_path)
    manage(tmp_path, "check")
    assert "Ran 4 tests" in manage(tmp_path, "test", "shop")


def test_files_come_before_the_commands_that_need_them(tmp_path: Path) -> None:
    """A reader who follows the page from the top has every file that the first command needs."""
    write_project(PAGE, tmp_path, before="manage.py irma_browser_package")
    manage(tmp_path, "check")
    manage(tmp_path, "migrate", "--verbosity=0")


def test_the_blocks_are_in_our_style(tmp_path: Path) -> None:
    """Each block is formatted and linted like our own code, even if it is a piece of a file."""
    for number, source in enumerate(code_of(PAGE)):
        if "shop/settings.py" not in source:
            (tmp_path / f"block{number}.py").write_text(source)
    check_style(tmp_path, '"irma_core","irma_testing","irma_web_django","shop"', rules="E,F,I,UP")


def test_the_table_has_every_setting() -> None:
    """The page's table names exactly the settings that exist."""
    table = (ROOT / PAGE).read_text(encoding="utf-8").partition("## Settings")[2]
    names = re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
    assert sorted(names) == sorted(SETTINGS)
