"""The pages on which a person plays the app: HTML and forms, without scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, final
from urllib.parse import parse_qsl

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from irma_backend.dev_server.guard import TOKEN_FIELD, ButtonGuard, is_visit, refusal
from irma_backend.dev_server.player import Player
from irma_backend.dev_server.waiting import request_body
from irma_core.errors import ConfigurationError
from irma_testing import AppError

__all__ = ["Pages"]

_Act: TypeAlias = Callable[[str, dict[str, str]], str]
_Show: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    # With `no-referrer`, browsers send `Origin: null` for our own forms, too.
    "referrer-policy": "same-origin",
}


@final
class Pages:
    """The pages of one player."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._guard = ButtonGuard()
        self._templates = Environment(
            loader=PackageLoader("irma_backend.dev_server"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def add_to(self, application: web.Application) -> None:
        """Add the paths of the pages, which the IRMA server does not use."""
        router = application.router
        router.add_get("/", _shown(self._home))
        router.add_get("/app/style.css", _shown(self._style))
        router.add_get("/app/{name}", _shown(self._session))
        router.add_post("/app/{name}/scan", self._button(self._scan))
        router.add_post("/app/{name}/accept", self._button(self._accept))
        router.add_post("/app/{name}/refuse", self._button(self._refuse))

    async def _home(self, _request: web.Request) -> web.Response:
        sessions = await asyncio.to_thread(self._player.list_sessions)
        held = self._player.list_credentials()
        return self._page("home.html", sessions=sessions, credentials=held)

    async def _style(self, _request: web.Request) -> web.Response:
        text = self._templates.get_template("style.css").render()
        return web.Response(text=text, content_type="text/css", headers=_HEADERS)

    async def _session(self, request: web.Request) -> web.Response:
        try:
            session = await asyncio.to_thread(self._player.show, request.match_info["name"])
        except AppError as error:
            return self._error_page(404, str(error))
        return self._page("session.html", session=session)

    def _button(self, act: _Act) -> _Show:
        async def press(request: web.Request) -> web.Response:
            try:
                form = _form_in(request)
            except ValueError:
                return self._error_page(400, "The form is malformed.")
            if not self._guard.is_own(request, form.get(TOKEN_FIELD, "")):
                return self._error_page(
                    403, "The button was not pressed on a page of this server. Reload the page."
                )
            try:
                name = await asyncio.to_thread(act, request.match_info["name"], form)
            except (AppError, ConfigurationError) as error:
                return self._error_page(409, str(error))
            return web.Response(status=303, headers={**_HEADERS, "location": f"/app/{name}"})

        return press

    def _scan(self, name: str, _form: dict[str, str]) -> str:
        self._player.scan(name)
        return name

    def _accept(self, name: str, form: dict[str, str]) -> str:
        return self._player.accept(name, form)

    def _refuse(self, name: str, _form: dict[str, str]) -> str:
        self._player.refuse(name)
        return name

    def _error_page(self, status: int, reason: str) -> web.Response:
        return self._page("error.html", status, reason=reason)

    def _page(self, template: str, status: int = 200, **shown: object) -> web.Response:
        text = self._templates.get_template(template).render(
            token=self._guard.token, token_field=TOKEN_FIELD, **shown
        )
        return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


def _shown(show: _Show) -> _Show:
    async def check(request: web.Request) -> web.Response:
        if is_visit(request):
            return await show(request)
        return refusal("A page of another origin requested this page. Open it in a tab of its own.")

    return check


def _form_in(request: web.Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form. Raise `ValueError` if they are not UTF-8."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(request_body().decode("ascii"), keep_blank_values=True, errors="strict"))
