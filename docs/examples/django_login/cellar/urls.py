"""The pages of the shop."""

from django.urls import include, path

from cellar import views

urlpatterns = [
    path("", views.home),
    path("account/", views.account),
    path("wines/", views.wines),
    path("irma/", include("irma_web_django.urls")),
]
