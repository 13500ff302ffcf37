"""A Django project that a how-to shows in pieces, and its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from irma_testing import InMemoryServer
from tests.docs.pages import ROOT, blocks

__all__ = ["manage", "write_project"]

STARTED = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-secret-key-of-the-tests-that-is-long-enough-0123456789"
DEBUG = True
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
"""The settings that `django-admin startproject` writes and that these tests need."""


def write_project(
    page: str, directory: Path, *, more_settings: str = "", before: str | None = None
) -> None:
    """Write the project of a page; the pieces of a file are joined in the order of the page.

    `before` is a command: everything that the page shows after this command is left out.
    """
    package = directory / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(STARTED + more_settings)
    starts = {"python": r"# (\S+)\n", "html": r"<!-- (\S+) -->\n"}
    for block in blocks(page):
        if before is not None and block.language == "sh" and before in block.source:
            break
        if block.language in starts:
            name = re.match(starts[block.language], block.source)
            assert name is not None
            path = directory / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as opened:
                opened.write(block.source[name.end() :])
    (directory / "irma-server.pem").write_text(InMemoryServer().public_key_pem)


def manage(directory: Path, *arguments: str) -> str:
    """Run a command of the project, and return its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", *arguments],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{directory}",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    return shown
