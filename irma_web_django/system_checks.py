"""System checks: what `manage.py check` says about the settings."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's names
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from irma_core.errors import ConfigurationError
from irma_web_django.backends import IrmaBackend
from irma_web_django.proving import DEMANDED
from irma_web_django.site_settings import SiteSettings, current_settings

__all__ = ["check_site_settings"]

_SCRIPT: Final = "irma_web/yivi.js"


def check_site_settings(**_: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of this site."""
    try:
        settings = current_settings()
    except ConfigurationError as error:
        return [Error(str(error), hint="See docs/how-to/django.md.", id="irma_web_django.E001")]
    return [*_errors(settings), *_warnings()]


def _errors(settings: SiteSettings) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not apps.is_installed("irma_web"):
        found.append(
            Error(
                "INSTALLED_APPS has no 'irma_web', whose static files the page needs.",
                hint='INSTALLED_APPS += ["irma_web", "irma_web_django"]',
                id="irma_web_django.E002",
            )
        )
    try:
        reverse("irma:start", args=["login"])
    except NoReverseMatch:
        found.append(
            Error(
                "The URLs of this application are not included.",
                hint='path("irma/", include("irma_web_django.urls"))',
                id="irma_web_django.E003",
            )
        )
    if settings.account is not None and not _has_backend():
        found.append(
            Error(
                f"{settings.login!r} logs people in, and no authentication backend takes answers.",
                hint='AUTHENTICATION_BACKENDS = ["irma_web_django.backends.IrmaBackend"]',
                id="irma_web_django.E004",
            )
        )
    if missing := sorted(DEMANDED - settings.questions.keys()):
        found.append(
            Error(
                f"Views are @proved by {', '.join(missing)}, which is no question.",
                hint='Add it to IRMA["QUESTIONS"].',
                id="irma_web_django.E005",
            )
        )
    return found


def _warnings() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if finders.find(_SCRIPT) is None:
        found.append(
            Warning(
                f"The browser package is missing: no static file is called {_SCRIPT}.",
                hint="manage.py irma_browser_package DIR, with a folder of static files as DIR",
                id="irma_web_django.W001",
            )
        )
    return found


def _has_backend() -> bool:
    backends = [import_string(path) for path in django_settings.AUTHENTICATION_BACKENDS]
    return any(issubclass(backend, IrmaBackend) for backend in backends)
