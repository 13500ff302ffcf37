"""Log the findings of `check_site` when a site starts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from irma_core.tracebacks import boundary
from irma_core.web.site_checks import Finding, Level

__all__ = ["log_findings"]

_LOGGER: Final = logging.getLogger("irma_backend")
_LEVELS: Final = {Level.ERROR: logging.ERROR, Level.WARNING: logging.WARNING}


@boundary
def log_findings(findings: Iterable[Finding]) -> None:
    """Write a line for each finding to the logger `irma_backend`, at the finding's level."""
    for each in findings:
        _LOGGER.log(_LEVELS[each.level], "%s: %s. %s", each.id, each.finding, each.remedy)
