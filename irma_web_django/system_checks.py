"""The system checks with which `manage.py check` finds wrong settings.

They include the checks of `irma_core.web.site_checks`, with their identifiers. Without `--deploy`,
those checks run only while `DEBUG` is on, and report their errors as warnings.

With `--deploy`, Django runs `check_site_settings` and `check_deployment`. A fault that both find is
reported once: by `check_site_settings` while `DEBUG` is on, and otherwise by `check_deployment`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's names
from django.db import DatabaseError
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from irma_core.errors import ConfigurationError
from irma_core.web.site_checks import (
    BrowserPackage,
    Finding,
    Level,
    SealingKeys,
    SiteFacts,
    check_site,
    facts_of,
)
from irma_web.browser_package import package_state
from irma_web_django.backends import IrmaBackend
from irma_web_django.irma_site import current_site
from irma_web_django.policies import csp
from irma_web_django.proving import DEMANDED
from irma_web_django.site_settings import SiteSettings, current_settings
from irma_web_django.tables import MISSING, are_tables_missing

__all__ = ["SCRIPT", "check_deployment", "check_site_settings"]

SCRIPT: Final = "irma_web/yivi.js"
"""The path of the official browser package among the static files."""
_IN_DJANGO: Final = {
    "`server_key`": '`IRMA["SERVER_KEY"]`',
    "`token`, or": '`IRMA["TOKEN"]`, or in `IRMA["CONNECT"]`',
    "`frontend_url`": '`frontend_url` in `IRMA["CONNECT"]`',
    "`plain_cookie=True`": '`DEBUG = True` and `IRMA["PLAIN_COOKIE"]`',
    "`allow`": '`allow` in `IRMA["CONNECT"]`',
    "the site's URL": '`IRMA["URL"]`',
    "let the framework trust that header": "set `SECURE_PROXY_SSL_HEADER`",
    "give the framework a random secret key": "give Django a random `SECRET_KEY`",
    "irma_web.page.csp_sources(server_url)": "irma_web_django.csp(IRMA)",
    "irma-backend browser-package DIRECTORY": (
        "manage.py irma_browser_package DIR, with a folder of static files as DIR"
    ),
}
"""Replacements that turn the remedies of `irma_core.web.site_checks` into advice for Django."""
_WEAK_KEY: Final = "django-insecure-"
"""The prefix of the keys that `startproject` generates."""
_SHORTEST_KEY: Final = 50


def check_site_settings(**_: Any) -> list[CheckMessage]:
    """Return the findings about this site's settings that matter even on a developer's machine."""
    try:
        settings = current_settings()
        errors = _errors(settings)
        found = _found_in_development(settings)
    except ConfigurationError as error:
        return [Error(str(error), hint="See docs/how-to/django.md.", id="irma_web_django.E001")]
    return [*errors, *(_message(each, Warning) for each in found)]


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return the findings about this site that matter in production."""
    try:
        settings = current_settings()
        said = {each.id for each in _found_in_development(settings)}
        found = check_site(_facts(settings, is_debug=False))
    except (ConfigurationError, NoReverseMatch):
        return []  # the other check reports these findings
    messages = [
        _message(each, Error if each.level is Level.ERROR else Warning)
        for each in found
        if each.id not in said
    ]
    return [*messages, *_table_errors(), *_limit_warnings(current_settings())]


def _found_in_development(settings: SiteSettings) -> tuple[Finding, ...]:
    # After such errors, for example if the URLs are missing, no further check can run.
    if not django_settings.DEBUG or _errors(settings):
        return ()
    return check_site(_facts(settings, is_debug=True))


def _limit_warnings(settings: SiteSettings) -> list[CheckMessage]:
    is_counted = settings.client_address is not None or settings.starts_per_minute is None
    if is_counted or django_settings.SECURE_PROXY_SSL_HEADER is None:
        return []
    return [
        Warning(
            "Session starts are not limited, because Django does not know visitors' addresses "
            "behind a proxy.",
            hint='Set IRMA["CLIENT_ADDRESS"], or set IRMA["STARTS_PER_MINUTE"] to None if the '
            "proxy limits starts.",
            id="irma_web_django.W009",
        )
    ]


def _table_errors() -> list[CheckMessage]:
    try:
        is_missing = are_tables_missing()
    except DatabaseError:
        return []  # the machine that runs the checks may have no database
    if not is_missing:
        return []
    return [Error(f"{MISSING.capitalize()}.", hint="manage.py migrate", id="irma_web_django.E007")]


def _message(finding: Finding, kind: type[Error | Warning]) -> CheckMessage:
    remedy = finding.remedy
    for name, ours in _IN_DJANGO.items():
        remedy = remedy.replace(name, ours)
    return kind(f"{finding.finding}.", hint=remedy, id=finding.id)


def _facts(settings: SiteSettings, *, is_debug: bool) -> SiteFacts:
    needed = csp(django_settings.IRMA)
    return attrs.evolve(
        facts_of(current_site().requestor.context, settings.questions),
        is_debug=is_debug,
        site_url=settings.url,
        posted_urls=current_site().posted_urls,
        origins=settings.origins,
        sealing_keys=_sealing_keys(settings),
        is_store_shared=settings.store is None or settings.store != "memory:",
        is_cookie_plain=settings.is_cookie_plain,
        browser_package=_browser_package(),
        content_policy=_content_policy(),
        needed_sources=needed,
        trusts_proxy=django_settings.SECURE_PROXY_SSL_HEADER is not None,
    )


def _sealing_keys(settings: SiteSettings) -> SealingKeys:
    key = django_settings.SECRET_KEY
    is_weak = key.startswith(_WEAK_KEY) or len(key) < _SHORTEST_KEY
    return SealingKeys.WEAK if is_weak and not settings.has_own_sealing_keys else SealingKeys.OWN


def _browser_package() -> BrowserPackage | None:
    if not apps.is_installed("django.contrib.staticfiles"):
        return None
    found = finders.find(SCRIPT)
    if not isinstance(found, str):
        return BrowserPackage.MISSING
    return BrowserPackage(package_state(Path(found)).value)


def _content_policy() -> Mapping[str, Sequence[str]] | None:
    """Return the policy of Django's own middleware or of django-csp; None if neither has one."""
    policy: object = getattr(django_settings, "SECURE_CSP", None)
    if not policy:
        of_package = getattr(django_settings, "CONTENT_SECURITY_POLICY", None)
        policy = of_package.get("DIRECTIVES") if isinstance(of_package, Mapping) else None
    if not isinstance(policy, Mapping):
        return None
    return {
        str(directive): [str(source) for source in sources]
        for directive, sources in policy.items()
        if isinstance(sources, list | tuple | set)
    }


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
                "The URL configuration does not include irma_web_django.urls.",
                hint='path("irma/", include("irma_web_django.urls"))',
                id="irma_web_django.E003",
            )
        )
    if settings.account is not None and not _has_backend():
        found.append(
            Error(
                f"The question {settings.login!r} logs people in, but no authentication backend "
                "accepts answers.",
                hint='AUTHENTICATION_BACKENDS = ["irma_web_django.backends.IrmaBackend"]',
                id="irma_web_django.E004",
            )
        )
    if missing := sorted(DEMANDED - settings.questions.keys()):
        found.append(
            Error(
                f"Views use @proved with names that are not questions: {', '.join(missing)}.",
                hint='Add each to IRMA["QUESTIONS"].',
                id="irma_web_django.E005",
            )
        )
    if django_settings.SESSION_ENGINE.endswith(".signed_cookies"):
        found.append(
            Error(
                "Django is configured to keep sessions only in cookies. If the response to a login "
                "is lost, the new session is lost with it, and a retry from the page cannot "
                "restore it.",
                hint='SESSION_ENGINE = "django.contrib.sessions.backends.db"',
                id="irma_web_django.E006",
            )
        )
    return found


def _has_backend() -> bool:
    backends = [import_string(path) for path in django_settings.AUTHENTICATION_BACKENDS]
    return any(issubclass(backend, IrmaBackend) for backend in backends)
