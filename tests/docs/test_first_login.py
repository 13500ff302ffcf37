"""The logins in README and in the tutorial run in a project that Django itself makes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.docs.pages import ROOT, code_of, runs

TUTORIAL = "docs/tutorial.md"
TESTS = """
from django.conf import settings
from django.test import TestCase, override_settings

from irma_testing import InMemoryServer, Login


class FirstLogin(TestCase):
    def setUp(self):
        server = InMemoryServer()
        irma = {
            **settings.IRMA,
            "SERVER": server.url,
            "CONNECT": {"transport": server.transport()},
        }
        changed = override_settings(IRMA=irma)
        changed.enable()
        self.addCleanup(changed.disable)
        self.log_in = Login(server)

    def test_account(self):
        asking = self.client.get("/account/", secure=True)
        self.assertEqual(asking["Location"], "/irma/ask/login/?next=/account/")
        self.assertContains(self.client.get(asking["Location"], secure=True), "data-irma")
        self.log_in(self.client)
        self.assertContains(self.client.get("/account/", secure=True), "Welcome, irma-")
"""
WINES = """
    def test_wines(self):
        self.assertEqual(self.client.get("/wines/", secure=True).status_code, 302)
        self.log_in(self.client, "adult")
        self.assertContains(self.client.get("/wines/", secure=True), "Welcome to our wines.")
"""
VIEW = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import include

account = login_required(lambda request: HttpResponse(f"Welcome, {request.user}"))
urlpatterns += [path("account/", account)]
"""
"""A view with its URL, as a reader of README already has in a site."""


def django(directory: Path, *arguments: str) -> str:
    """Run a command of Django in a directory, with warnings as errors; return its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{directory}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def start_project(directory: Path) -> None:
    """Make a project as the tutorial does."""
    assert "django-admin startproject shop .\n" in code_of(TUTORIAL, "sh")
    django(directory, "startproject", "shop", ".")


def add(directory: Path, pieces: Iterable[tuple[str, str]]) -> None:
    """Write pieces to their files: a piece with a place in the file is appended to it."""
    for name, source in pieces:
        file, _, place = name.partition(", ")
        with (directory / file).open("a" if place else "w", encoding="utf-8") as opened:
            opened.write(source)


def assert_tested(directory: Path, tests: str, count: int) -> None:
    """Check that the project has no errors, and that its tests pass."""
    (directory / "shop" / "tests.py").write_text(tests)
    found = django(directory, "check", "--settings=shop.settings")
    assert set(re.findall(r"irma\.\w+", found)) <= {"irma.E013"}  # the package is not fetched here
    assert f"Ran {count} test" in django(directory, "test", "shop", "--settings=shop.settings")


@runs(TUTORIAL, python=6)
def test_the_login_of_the_tutorial(tmp_path: Path) -> None:
    """In the tutorial's project a login opens the account, and a proof of age opens the wines."""
    start_project(tmp_path)
    blocks = [source.partition("\n")[::2] for source in code_of(TUTORIAL)]
    add(tmp_path, [(head[2:], rest) for head, rest in blocks if head.startswith("# shop/")])
    assert_tested(tmp_path, TESTS + WINES, 2)


@runs("README.md", python=1)
def test_the_login_of_readme(tmp_path: Path) -> None:
    """The lines in README add a login to an existing site."""
    start_project(tmp_path)
    settings, _, urls = code_of("README.md")[0].partition("\n# urls.py, at the end\n")
    assert settings.startswith("# settings.py, at the end\n")
    add(
        tmp_path,
        [
            ("shop/settings.py, at the end", settings),
            ("shop/urls.py, at the end", VIEW),
            ("shop/urls.py, at the end", urls),
        ],
    )
    assert_tested(tmp_path, TESTS, 1)
