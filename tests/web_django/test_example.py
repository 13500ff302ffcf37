"""The example project: its own tests, its settings, and how few lines it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from docs.tools.count_lines import Counts, count_lines, lines_about_irma

ROOT = Path(__file__).parent.parent.parent
PROJECT = ROOT / "docs" / "examples" / "django_login"


def manage(directory: Path, *arguments: str) -> str:
    """Run a command of a copy of the project, and return what it writes."""
    copy = directory / "django_login"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("db.sqlite3*", "static"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_its_own_tests_pass(tmp_path: Path) -> None:
    """`manage.py test` needs no phone, no network and no IRMA server."""
    assert "OK" in manage(tmp_path, "test")


def test_its_settings_have_no_errors(tmp_path: Path) -> None:
    """`manage.py check` finds nothing but that the browser package is still to be fetched."""
    found = manage(tmp_path, "check")
    assert found.count("irma.E013") == found.count("?: ") == 1


def test_a_login_is_a_dozen_lines() -> None:
    """The login takes 12 lines of Python, the page for adults 6 more, and the pages 2 of HTML."""
    assert count_lines() == Counts(login=12, with_adults=18, html=2)


def test_the_count_has_what_is_about_irma() -> None:
    """Settings and functions count as a whole, and of a list the lines that name IRMA."""
    source = '''"""About IRMA."""
import os
from irma_web_django import proved

# IRMA
IRMA = {
    "SERVER": "x",

}
urlpatterns = [
    path("", home),
    path("irma/", include("irma_web_django.urls")),
]

def home(request):
    return None

@proved("adult")
def wines(request):
    """About IRMA."""
    return None
'''
    found = [(line.strip(), is_of_adults) for line, is_of_adults in lines_about_irma(source)]
    assert found == [
        ("from irma_web_django import proved", True),
        ("IRMA = {", False),
        ('"SERVER": "x",', False),
        ("}", False),
        ('path("irma/", include("irma_web_django.urls")),', False),
        ('@proved("adult")', True),
        ("def wines(request):", True),
        ("return None", True),
    ]
