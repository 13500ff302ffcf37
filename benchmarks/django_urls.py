"""The pages of the Django site that is measured."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

__all__ = ["urlpatterns"]


def bare(request: HttpRequest) -> JsonResponse:
    """Reply with JSON and do nothing else, for comparison."""
    return JsonResponse({})


urlpatterns = [path("bare", bare), path("irma/", include("irma_web_django.urls"))]
