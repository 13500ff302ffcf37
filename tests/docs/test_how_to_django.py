"""The project in the how-to on Django runs as it stands there, with its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from irma_testing import InMemoryServer
from irma_web_django.site_settings import SETTINGS
from tests.docs.pages import ROOT, check_style, code_of, runs

PAGE = "docs/how-to/django.md"
STARTED = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-secret-key-of-the-tests-that-is-long-enough-0123456789"
ALLOWED_HOSTS = ["shop.example"]
ROOT_URLCONF = "shop.urls"
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"]
        },
    }
]
"""
"""What `startproject` writes, as far as it matters here."""


def write_project(directory: Path) -> None:
    """Write the project; a file that the page shows in pieces grows by each."""
    package = directory / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(STARTED)
    for language, start in (("python", r"# (\S+)\n"), ("html", r"<!-- (\S+) -->\n")):
        for source in code_of(PAGE, language):
            name = re.match(start, source)
            assert name is not None
            path = directory / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as opened:
                opened.write(source[name.end() :])
    (directory / "irma-server.pem").write_text(InMemoryServer().public_key_pem)


@runs(PAGE, python=9, html=1)
def test_the_project_runs(tmp_path: Path) -> None:
    """The tests that the page shows pass, and Django's checks find no error."""
    write_project(tmp_path)
    shown = ""
    for command in (["check"], ["test", "shop"]):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "django", *command],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{tmp_path}",
                "DJANGO_SETTINGS_MODULE": "shop.settings",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        shown += done.stdout + done.stderr
        assert done.returncode == 0, shown
    assert "Ran 4 tests" in shown


def test_the_blocks_are_written_as_our_code_is(tmp_path: Path) -> None:
    """Each block is formatted and linted; pieces of one file are looked at one by one."""
    for number, source in enumerate(code_of(PAGE)):
        if "shop/settings.py" not in source:
            (tmp_path / f"block{number}.py").write_text(source)
    check_style(tmp_path, '"irma_core","irma_testing","irma_web_django","shop"', rules="E,F,I,UP")


def test_the_table_has_every_setting() -> None:
    """The page names each setting, and no other."""
    table = (ROOT / PAGE).read_text(encoding="utf-8").partition("## Settings")[2]
    names = re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
    assert sorted(names) == sorted(SETTINGS)
