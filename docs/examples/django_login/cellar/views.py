"""The shop: a home page, an account, and wine."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from irma_web_django import proved


def home(request: HttpRequest) -> HttpResponse:
    """Show the button to log in."""
    return render(request, "cellar/home.html")


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show who is logged in."""
    return render(request, "cellar/account.html")


@proved("adult", max_age=timedelta(hours=1))
def wines(request: HttpRequest) -> HttpResponse:
    """Show the wines, to adults only."""
    return render(request, "cellar/wines.html")
