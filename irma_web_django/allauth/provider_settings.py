"""The settings of the provider: `SOCIALACCOUNT_PROVIDERS = {"irma": {…}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import attrs
from allauth.socialaccount import app_settings  # pyright: ignore[reportMissingTypeStubs]

from irma_core.errors import ConfigurationError
from irma_web_django.site_settings import check_slot, current_settings

__all__ = ["PROVIDER", "ProviderSettings", "provider_settings"]

PROVIDER: Final = "irma"
"""The identifier of the provider, in settings and in allauth's tables."""
_PLACE: Final = f'SOCIALACCOUNT_PROVIDERS["{PROVIDER}"]'


@final
@attrs.frozen
class ProviderSettings:
    """The question that the provider asks, and its slots.

    Args:
        question: The name of the question.
        account: The slot whose attribute identifies the account.
        email: The slot with an e-mail address for the account, or None.
    """

    question: str
    account: str
    email: str | None


def provider_settings() -> ProviderSettings:
    """Return the provider's settings on this site.

    Raises:
        ConfigurationError: A setting is missing or invalid.
    """
    given: object = app_settings.PROVIDERS.get(PROVIDER, {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{_PLACE}: must be a dictionary")
    question, account = given.get("QUESTION", "allauth"), given.get("ACCOUNT")
    if not isinstance(account, str):
        raise ConfigurationError(
            f'{_PLACE}["ACCOUNT"]: must be the name of the slot whose attribute identifies the '
            'account, such as "email"'
        )
    email = given.get("EMAIL")
    if email is not None and not isinstance(email, str):
        raise ConfigurationError(f'{_PLACE}["EMAIL"]: must be the name of a slot, or None')
    site = current_settings()
    if not isinstance(question, str) or question not in site.questions:
        raise ConfigurationError(
            f'{_PLACE}["QUESTION"]: must be the name of a question in IRMA["QUESTIONS"]; the '
            f"default is 'allauth'"
        )
    if question == site.login:
        raise ConfigurationError(
            f'{_PLACE}["QUESTION"]: must not be IRMA["LOGIN"], which logs people in without '
            "allauth; give the provider its own question"
        )
    check_slot(site.questions[question], account, f'{_PLACE}["ACCOUNT"]')
    if email is not None:
        check_slot(site.questions[question], email, f'{_PLACE}["EMAIL"]')
    return ProviderSettings(question, account, email)
