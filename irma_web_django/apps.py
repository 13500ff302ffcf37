"""The Django application."""

from __future__ import annotations

import logging

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from irma_backend.observers import RedactingFilter

__all__ = ["IrmaConfig"]


class IrmaConfig(AppConfig):
    """The application `irma_web_django`: its name for the admin pages, and its system checks."""

    name = "irma_web_django"
    verbose_name = _("IRMA")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and watch for tests that change the settings.

        The log of `runserver` shows the URL of each request, so a filter is added that removes the
        secrets from callback URLs.
        """
        # Modules that use the models can be imported only once the applications are loaded.
        from irma_web_django import forgetting, system_checks  # noqa: PLC0415

        checks.register(system_checks.check_site_settings, "irma")
        checks.register(system_checks.check_deployment, "irma", deploy=True)
        forgetting.watch_settings()
        logging.getLogger("django.server").addFilter(RedactingFilter())
