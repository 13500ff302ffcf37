"""The project in the how-to on django-allauth runs unchanged, with its own tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.docs.django_projects import manage, write_project
from tests.docs.pages import ROOT, check_style, code_of, runs

PAGE = "docs/how-to/django-allauth.md"
ALLAUTH = """
INSTALLED_APPS += ["django.contrib.messages", "allauth", "allauth.account", "allauth.socialaccount"]
MIDDLEWARE += [
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_REDIRECT_URL = "/"
"""
"""The settings that allauth's quick start adds to a new project."""


@runs(PAGE, python=3)
def test_the_project_runs(tmp_path: Path) -> None:
    """The test on the page passes, and so do the provider's own tests."""
    write_project(PAGE, tmp_path, more_settings=ALLAUTH)
    more = ROOT / "tests" / "web_django" / "allauth_tests.py"
    shutil.copy(more, tmp_path / "shop" / "test_provider.py")
    assert "no issues" not in manage(tmp_path, "check")  # the browser package is not installed
    shown = manage(tmp_path, "test", "shop", "--pattern", "test*.py")
    assert "Ran 13 tests" in shown


def test_the_blocks_are_in_our_style(tmp_path: Path) -> None:
    """Each block is formatted and linted like our own code."""
    for number, source in enumerate(code_of(PAGE)):
        if "shop/settings.py" not in source:
            (tmp_path / f"block{number}.py").write_text(source)
    check_style(tmp_path, '"irma_core","irma_testing","irma_web_django","shop"', rules="E,F,I,UP")
