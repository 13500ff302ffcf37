"""The URLs of this application: `path("irma/", include("irma_web_django.urls"))`."""

from __future__ import annotations

from django.urls import path

from irma_web_django import views

__all__ = ["app_name", "urlpatterns"]

app_name = "irma"
# These routes accept any string as a name, so that even an unknown name gets a JSON reply.
urlpatterns = [
    path("start/<path:name>", views.start, name="start"),
    path("finish/<path:name>", views.finish, name="finish"),
    path("status/<path:name>", views.status, name="status"),
    path("cancel/<path:name>", views.cancel, name="cancel"),
    path("ask/<slug:name>/", views.ask, name="ask"),
    path("callback/<path:sealed>", views.callback, name="callback"),
    path("next/<path:sealed>", views.next_session, name="next_session"),
]
