"""The pages of the shop that the tests visit."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views import View

from irma_web_django import ProvedRequest, proved


def home(request: HttpRequest) -> HttpResponse:
    """Show the button."""
    return render(request, "shop/home.html")


@proved("adult", max_age=timedelta(hours=1))
def wines(request: ProvedRequest, year: int) -> HttpResponse:
    """Show wine to adults."""
    proof = request.proved["adult"]
    return HttpResponse(f"{year} {proof['age'].value} {proof.proved_at:%Y}")


@proved("login")
@proved("adult")
async def spirits(request: ProvedRequest) -> HttpResponse:
    """Show spirits to adults who have just logged in."""
    return HttpResponse(" ".join(sorted(request.proved)))


@proved("adult")
class Beers(View):
    """Shows beer to adults."""

    def get(self, request: ProvedRequest) -> HttpResponse:
        return HttpResponse(request.proved["adult"]["age"].value)


@proved("adult")
class Ciders(View):
    """Shows cider to adults, asynchronously."""

    async def get(self, request: ProvedRequest) -> HttpResponse:
        return HttpResponse(request.proved["adult"]["age"].value)


@proved("adlut")
def misspelt(request: HttpRequest) -> HttpResponse:
    """Demand a proof of an unknown question."""
    return HttpResponse()


urlpatterns = [
    path("", home),
    path("wines/<int:year>/", wines),
    path("spirits/", spirits),
    path("beers/", Beers.as_view()),
    path("ciders/", Ciders.as_view()),
    path("misspelt/", misspelt),
    path("irma/", include("irma_web_django.urls")),
    path("admin/", admin.site.urls),
]
