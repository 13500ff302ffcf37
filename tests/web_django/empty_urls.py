"""A site without this application's URLs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
