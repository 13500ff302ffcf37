"""The contract of web adapters, with Django's own WSGI handler and a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import path

from irma_core import Answer, Risk, WebAnswer
from irma_testing import wsgi
from irma_testing.contracts import WebAdapterContract
from irma_testing.contracts.web_browser import Application
from irma_testing.contracts.web_site import ORIGIN, WebSite
from irma_web_django import signals
from irma_web_django.models import IrmaCallback
from tests.web_django.conftest import point
from tests.web_django.shop_urls import urlpatterns as shop

CURRENT: dict[str, Any] = {}
"""The website of the running test, and the settings that it changed."""


def who(request: HttpRequest) -> JsonResponse:
    """Return the application's facts about the visitor."""
    return JsonResponse({"email": request.session.get("email")})


urlpatterns = [*shop, path("who", who)]


def log_in(request: HttpRequest, name: str, answer: Answer, reference: str, **_: object) -> None:
    """Handle each question like the contract's application."""
    web_answer = WebAnswer(answer, name, reference=reference)
    request.session["email"] = CURRENT["site"].login(web_answer)


@pytest.fixture(autouse=True)
def _clean(database: Path) -> Iterator[None]:
    signals.answered.connect(log_in)
    CURRENT["file"] = database
    yield
    signals.answered.disconnect(log_in)
    CURRENT.pop("settings").disable()


def set_store_away(*, is_away: bool) -> None:
    """Let connections to the database fail, or let them work again."""
    point("default", Path("/nothing/there") if is_away else CURRENT["file"])


def _replay() -> Sequence[str]:
    out = StringIO()
    with closing(connections["default"]), suppress(CommandError):
        call_command("irma_replay_callbacks", stdout=out)
    lines = [line for line in out.getvalue().splitlines() if line.startswith("session ")]
    results = [line.partition(": ")[2] for line in lines]
    return ["" if each == "delivered" else each for each in results]


class TestDjango(WebAdapterContract):
    """The contract for the Django adapter."""

    csrf = ("csrftoken", "X-CSRFToken")

    def replay(self) -> Sequence[str]:
        """Run `manage.py irma_replay_callbacks` with connections of its own."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_replay).result()

    def stored(self) -> str:
        """Return the table of callbacks."""
        return f"{list(IrmaCallback.objects.values_list())}"

    def lose_callbacks(self) -> None:
        """Delete the rows of the table of callbacks."""
        IrmaCallback.objects.all().delete()

    def make_application(self, site: WebSite) -> Application:
        requestor = site.requestor()
        site.set_store_away = set_store_away  # type: ignore[method-assign]
        irma = {
            "SERVER": site.server.url,
            "SERVER_KEY": site.server.public_key_pem,
            "CONNECT": {
                "transport": getattr(requestor, "_transport"),  # noqa: B009  # no name for all
                "allow": [Risk.SIMULATED_PROOFS],
                "timeout": requestor.context.call_timeout,
            },
            "QUESTIONS": site.questions,
            "ACCOUNT": "email",
            "SEALING_KEYS": site.keys,
            "ORIGINS": site.origins,
            "URL": ORIGIN,
            "CALLBACK": site.session_ended,
            "NEXT_SESSION": site.choose_next,
        }
        changed = override_settings(IRMA=irma, ROOT_URLCONF=__name__)
        changed.enable()
        CURRENT.update(site=site, settings=changed)
        return wsgi(WSGIHandler())
