"""The URLs of the provider, which `allauth.urls` includes."""

from __future__ import annotations

from django.urls import path

from irma_web_django.allauth import login_views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("irma/login/", login_views.login, name="irma_login"),
    path("irma/login/callback/", login_views.callback, name="irma_callback"),
]
