"""The Django example for gunicorn and uvicorn, which records each login in a file."""

from __future__ import annotations

from typing import Any

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from tests.load.logins import note_login

application = get_wsgi_application()
asgi_application = get_asgi_application()

from irma_web_django import signals  # noqa: E402  # it needs Django's settings


def _note(user: Any, **_more: object) -> None:
    note_login(user.get_username())


signals.logged_in.connect(_note)
