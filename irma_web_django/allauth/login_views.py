"""The pages of a login: its start, and the return from the page that asks the question."""

from __future__ import annotations

from typing import Any, cast

from allauth.socialaccount.adapter import get_adapter  # pyright: ignore[reportMissingTypeStubs]
from allauth.socialaccount.helpers import complete_social_login, render_authentication_error  # pyright: ignore[reportMissingTypeStubs]
from allauth.socialaccount.providers.base.views import BaseLoginView  # pyright: ignore[reportMissingTypeStubs]
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from irma_core.errors import AnswerError, LoginRefusedError
from irma_web_django import proof_sessions
from irma_web_django.allauth.provider_settings import PROVIDER, provider_settings

__all__ = ["callback", "login"]


class _LoginView(BaseLoginView):  # type: ignore[misc]  # allauth has no types
    provider_id = PROVIDER


login = login_not_required(_LoginView.as_view())


@require_safe
@login_not_required
def callback(request: HttpRequest) -> HttpResponse:
    """Let allauth log in the person who has just answered the question in this browser.

    Raises:
        PermissionDenied: This login was not begun in the browser's session, or is already complete.
        ConfigurationError: A setting is wrong.
    """
    provider = get_adapter().get_provider(request, PROVIDER)
    state = provider.unstash_redirect_state(request, request.GET.get("state", ""))
    proof = proof_sessions.proof_of(request, provider_settings().question)
    if proof is None:
        return _refuse(request, provider)
    try:
        found = provider.sociallogin_from_response(request, proof)
    except (AnswerError, LoginRefusedError) as error:
        return _refuse(request, provider, error)
    found.state = state
    reply: Any = complete_social_login(request, found)
    return cast("HttpResponse", reply)


def _refuse(request: HttpRequest, provider: object, error: Exception | None = None) -> HttpResponse:
    reply: HttpResponse = render_authentication_error(request, provider, exception=error)
    return reply
