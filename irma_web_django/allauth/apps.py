"""The Django application of the provider, which has no database tables."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks

from irma_core.errors import ConfigurationError

__all__ = ["AllauthConfig"]


class AllauthConfig(AppConfig):
    """The application `irma_web_django.allauth`, and its system check."""

    name = "irma_web_django.allauth"
    label = "irma_allauth"
    verbose_name = "IRMA (allauth)"

    def ready(self) -> None:
        """Register the system check."""
        checks.register(_check_provider, "irma")


def _check_provider(**_: Any) -> list[checks.CheckMessage]:
    # Modules that use the models can be imported only once the applications are loaded.
    from irma_web_django.allauth.provider_settings import provider_settings  # noqa: PLC0415

    try:
        provider_settings()
    except ConfigurationError as error:
        hint = "See docs/how-to/django.md, and the other findings."
        return [checks.Error(str(error), hint=hint, id="irma_web_django.E008")]
    return []
