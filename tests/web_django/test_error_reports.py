"""Django's error reports, with and without the filter for them."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory, override_settings
from django.utils.module_loading import import_string
from django.views.debug import ExceptionReporter

FILTER = "irma_web_django.error_reports.ExceptionReporterFilter"
BINDING = "bF3kq0N8sYx2Vt7LwZr5Jm1Hc9Pd4Ga6Ue0Ri8Ob2TnQ"
IRMA = {"SERVER": "https://irma.example", "QUESTIONS": {"adult": "shop.questions.adult"}}


def reports(cookie: str, *, is_filtered: bool, **settings: Any) -> tuple[str, str]:
    """Return the reports about an error in a view, as text and as HTML."""
    request = RequestFactory().get("/")
    request.COOKIES = {cookie: BINDING, "theme": "dark-blue"}
    chosen = {"DEFAULT_EXCEPTION_REPORTER_FILTER": FILTER} if is_filtered else {}
    with override_settings(IRMA=IRMA, **chosen, **settings):
        # On first use of the setting, Django does the same, and keeps the filter ever after.
        name = django_settings.DEFAULT_EXCEPTION_REPORTER_FILTER
        vars(request)["exception_reporter_filter"] = import_string(name)()
        reporter = ExceptionReporter(request, ZeroDivisionError, ZeroDivisionError(), None)
        return str(reporter.get_traceback_text()), str(reporter.get_traceback_html())


@pytest.mark.parametrize("cookie", ["__Host-irma", "irma"])
def test_the_filter_hides_our_cookie_and_our_settings(cookie: str) -> None:
    """With the filter, a report about any view shows the site's cookies and settings, not ours."""
    for report in reports(cookie, is_filtered=True):
        assert BINDING not in report
        assert "shop.questions.adult" not in report
        assert "dark-blue" in report


def test_django_alone_shows_both() -> None:
    """Without the filter, a report shows them, so the test above cannot pass by chance."""
    for report in reports("__Host-irma", is_filtered=False):
        assert BINDING in report
        assert "shop.questions.adult" in report


def test_the_filter_hides_what_django_hides() -> None:
    """The filter still hides Django's own secrets."""
    for report in reports("irma", is_filtered=True, A_TOKEN="zq-17-secret"):
        assert "zq-17-secret" not in report
