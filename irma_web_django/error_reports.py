"""Keep the cookie and the settings of the pages out of Django's error reports."""

from __future__ import annotations

from typing import Any, Final, final

from django.views.debug import SafeExceptionReporterFilter

from irma_core.web.browser_posts import COOKIE_NAMES

__all__ = ["ExceptionReporterFilter"]

_HIDDEN: Final = frozenset({*COOKIE_NAMES, "IRMA"})


@final
class ExceptionReporterFilter(SafeExceptionReporterFilter):
    """Hides what Django's own filter hides, and the cookie and the settings of the pages.

    Name this class in the setting `DEFAULT_EXCEPTION_REPORTER_FILTER`. Mails to administrators and
    the debug page then show neither the cookie, which ties a login to its browser, nor `IRMA`.
    """

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return what a report may show of a setting, a header or a cookie."""
        if key in _HIDDEN:
            return self.cleansed_substitute
        return super().cleanse_setting(key, value)
