"""The provider, which turns a person's proof into an allauth login."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.models import EmailAddress  # pyright: ignore[reportMissingTypeStubs]
from allauth.socialaccount.models import SocialAccount  # pyright: ignore[reportMissingTypeStubs]
from allauth.socialaccount.providers.base import Provider, ProviderAccount  # pyright: ignore[reportMissingTypeStubs]
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from irma_core.web.login_policy import pseudonym, verified_email
from irma_core.web.proofs import Proof
from irma_web_django import proof_sessions
from irma_web_django.allauth.provider_settings import PROVIDER, provider_settings
from irma_web_django.site_settings import current_settings

__all__ = ["IrmaProvider", "IrmaSocialAccount", "provider_classes"]


class IrmaSocialAccount(ProviderAccount):  # type: ignore[misc]  # allauth has no types
    """An account as allauth's pages show it, without its attributes."""

    def to_str(self) -> str:
        """Return the name of the provider."""
        return IrmaProvider.name


class IrmaProvider(Provider):  # type: ignore[misc]  # allauth has no types
    """Logs people in with Yivi.

    allauth identifies an account by a pseudonym of the attribute in the slot `ACCOUNT`. To keep
    more of an answer, a site overrides `extract_common_fields` in a subclass, and names the
    subclass in the setting `provider_class`. In all methods, `data` is the `Proof`.
    """

    id = PROVIDER
    name = "Yivi"
    account_class = IrmaSocialAccount
    uses_apps = False
    supports_redirect = True
    package = "irma_web_django.allauth"  # so that a subclass has the same URLs

    def get_login_url(self, request: HttpRequest, **kwargs: str) -> str:  # noqa: ARG002
        """Return the URL that begins a login."""
        url = reverse("irma_login")
        return f"{url}?{urlencode(kwargs)}" if kwargs else url

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Redirect the visitor to the page that asks the question and then returns to `callback`.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        question = provider_settings().question
        # An earlier proof in this browser must not log a person in.
        proof_sessions.forget(request, question)
        state = self.stash_redirect_state(request, process, next_url, data, **kwargs)
        callback = f"{reverse('irma_callback')}?{urlencode({'state': state})}"
        asking = f"{reverse('irma:ask', args=[question])}?{urlencode({'next': callback})}"
        return HttpResponseRedirect(asking)

    def extract_uid(self, data: Proof) -> str:
        """Return the pseudonym of the person.

        Raises:
            NullAttributeError: The attribute in the slot `ACCOUNT` has no value.
            SlotNotAnsweredError: The person left the slot `ACCOUNT` out.
        """
        slot = provider_settings().account
        newest, *older = [
            pseudonym(data, slot, key=key) for key in current_settings().pseudonym_keys
        ]
        # An account that was created with an older key gets a pseudonym from the newest key,
        # because the site may later remove the older key.
        known = SocialAccount.objects.filter(provider=self.sub_id)
        if older and not known.filter(uid=newest).exists():
            known.filter(uid__in=older).update(uid=newest)
        return newest

    def extract_extra_data(self, data: Proof) -> dict[str, Any]:  # noqa: ARG002
        """Return no data, because allauth would store the data unencrypted."""
        return {}

    def extract_email_addresses(self, data: Proof) -> list[EmailAddress]:
        """Return the verified address in the slot `EMAIL`, or an empty list if there is none.

        Raises:
            LoginRefusedError: The value in the slot is not an e-mail address.
        """
        slot = provider_settings().email
        if slot is None or slot not in data:
            return []
        return [EmailAddress(email=verified_email(data, slot), verified=True, primary=True)]


provider_classes = [IrmaProvider]
"""The providers of this module, under the name that allauth looks for."""
