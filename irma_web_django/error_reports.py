"""Keep the library's cookie and settings out of Django's error reports."""

from __future__ import annotations

from typing import Any, Final, final

from django.views.debug import SafeExceptionReporterFilter

from irma_core.web.browser_posts import COOKIE_NAMES

__all__ = ["ExceptionReporterFilter"]

_HIDDEN: Final = frozenset({*COOKIE_NAMES, "IRMA"})


@final
class ExceptionReporterFilter(SafeExceptionReporterFilter):
    """Hides the library's cookie and settings, and everything that Django's own filter hides.

    Set `DEFAULT_EXCEPTION_REPORTER_FILTER` to this class. E-mails to administrators and the debug
    page then show neither the cookie, which ties a login to its browser, nor `IRMA`.
    """

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return the value that a report may show for a setting, a header or a cookie."""
        if key in _HIDDEN:
            return self.cleansed_substitute
        return super().cleanse_setting(key, value)
