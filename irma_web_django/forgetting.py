"""When a test changes the settings, discard all objects that were made from them."""

from __future__ import annotations

from typing import Any, Final

from django.core.signals import setting_changed

from irma_web_django import irma_site, site_settings

__all__ = ["watch_settings"]

_READ: Final = {"IRMA", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "DEBUG", "ROOT_URLCONF"}


def watch_settings() -> None:
    """Connect to the signal that Django sends when `override_settings` changes a setting."""
    setting_changed.connect(_forget, dispatch_uid="irma_web_django")


def _forget(*, setting: str, **_: Any) -> None:
    if setting in _READ:
        site_settings.current_settings.cache_clear()
        irma_site.close_site()
