"""URLs of a site whose every path begins with a language."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(path("irma/", include("irma_web_django.urls")))
