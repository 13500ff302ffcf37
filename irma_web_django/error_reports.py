"""Keep the cookie and the settings of the pages out of Django's error reports."""

from __future__ import annotations

import re
from typing import Final, final

from django.views.debug import SafeExceptionReporterFilter

from irma_core.web.browser_posts import COOKIE_NAMES

__all__ = ["ExceptionReporterFilter"]

_OURS: Final = "|".join(rf"\A{re.escape(name)}\Z" for name in COOKIE_NAMES)


@final
class ExceptionReporterFilter(SafeExceptionReporterFilter):
    """Hides what Django's own filter hides, and the cookie and the settings of the pages.

    Name this class in the setting `DEFAULT_EXCEPTION_REPORTER_FILTER`. Mails to administrators and
    the debug page then show neither the cookie, which ties a login to its browser, nor `IRMA`.
    """

    # Django looks for this pattern in names of cookies, headers and settings.
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|{_OURS}", re.IGNORECASE
    )
