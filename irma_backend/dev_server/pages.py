"""The pages on which a person plays the app: HTML and forms.

A script updates the parts that have changed. Without scripts, the pages reload every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias, final
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
_Show: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_FILES: Final = {"style.css": "text/css", "page.js": "text/javascript"}
# How long it may take until a page shows a change, in seconds.
_EVENT_INTERVAL: Final = 0.25
# Bytes. An attribute may hold a photo, but nobody types a photo.
_LARGEST_FORM: Final = 256 * 1024
_FOREIGN: Final = "The form was not sent from a page of this server. Reload the page."
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    # With `no-referrer`, browsers would send `Origin: null` even for our own forms.
    "referrer-policy": "same-origin",
}


@final
class Pages:
    """Serves the pages on which a person plays the apps of one `Player`.

    Args:
        player: The player.
    """

    def __init__(self, player: Player) -> None:
        self._player = player
        self._home_path = "/"
        self._folder = "/app"
        self._is_closing = False
        self._guard = ButtonGuard()
        self._templates = Environment(
            loader=PackageLoader("irma_backend.dev_server"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def add_to(self, application: web.Application, home: str, folder: str) -> None:
        """Add the pages to an application, at paths that the IRMA server does not use.

        Args:
            application: The application.
            home: The path of the list of sessions, with a trailing slash.
            folder: The path of all other pages, without a trailing slash.
        """
        self._home_path, self._folder = home, folder
        router = application.router
        router.add_get(self._home_path, _shown(self._home))
        for name, content_type in _FILES.items():
            router.add_get(f"{folder}/{name}", _shown(self._file(name, content_type)))
        router.add_get(f"{folder}/events", _shown(self._events))
        router.add_post(f"{folder}/wallet", self._button(self._pick))
        router.add_get(f"{folder}/{{name}}", _shown(self._session))
        for action, act in (
            ("scan", self._scan),
            ("accept", self._accept),
            ("refuse", self._refuse),
            ("lie", self._cheating("wrong-value")),
            ("invalid", self._cheating("invalid")),
            ("time-out", self._time_out),
        ):
            router.add_post(f"{folder}/{{name}}/{action}", self._button(act))

    def close(self) -> None:
        """End the streams of events."""
        self._is_closing = True

    async def _home(self, _request: web.Request) -> web.StreamResponse:
        player = self._player
        sessions = await asyncio.to_thread(player.list_sessions)
        return self._page(
            "home.html",
            server=player.server_url,
            version=await asyncio.to_thread(player.version, ""),
            sessions=sessions,
            wallets=player.list_wallets(),
            credentials=player.list_credentials(),
        )

    def _file(self, name: str, content_type: str) -> _Show:
        async def show(_request: web.Request) -> web.StreamResponse:
            text = self._templates.get_template(name).render()
            return web.Response(text=text, content_type=content_type, headers=_HEADERS)

        return show

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Send the version of a page at once, and again whenever it changes."""
        name = request.query.get("of", "")
        response = web.StreamResponse(headers={**_HEADERS, "content-type": "text/event-stream"})
        sent = ""
        # A reset means that the browser has closed the page.
        with suppress(ConnectionResetError):
            while not self._is_closing:
                try:
                    version = await asyncio.to_thread(self._player.version, name)
                except AppError as error:
                    return self._error_page(404, str(error))
                if not response.prepared:
                    await response.prepare(request)
                if version != sent:
                    await response.write(f"data: {version}\n\n".encode())
                    sent = version
                if request.transport is None or request.transport.is_closing():
                    break
                await asyncio.sleep(_EVENT_INTERVAL)
        return response

    async def _session(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        try:
            version = await asyncio.to_thread(self._player.version, name)
            session = await asyncio.to_thread(self._player.show, name)
        except AppError as error:
            return self._error_page(404, str(error))
        return self._page("session.html", version=version, session=session)

    def _button(self, act: _Act) -> _Show:
        async def press(request: web.Request) -> web.StreamResponse:
            # Any website can make a browser send a form. Reading it takes a second for each
            # megabyte, and the server handles no other request in that time.
            if not self._guard.may_send(request):
                return self._error_page(403, _FOREIGN)
            if len(request_body()) > _LARGEST_FORM:
                return self._error_page(413, "The form is too large. Enter shorter values.")
            try:
                form = _form_in(request)
            except ValueError:
                return self._error_page(400, "The form is malformed.")
            if not self._guard.is_own(form.get(TOKEN_FIELD, "")):
                return self._error_page(403, _FOREIGN)
            try:
                name = await asyncio.to_thread(act, request.match_info.get("name", ""), form)
            except (AppError, ConfigurationError) as error:
                return self._error_page(409, str(error))
            location = f"{self._folder}/{name}" if name else self._home_path
            return web.Response(status=303, headers={**_HEADERS, "location": location})

        return press

    def _scan(self, name: str, _form: dict[str, str]) -> str:
        self._player.scan(name)
        return name

    def _accept(self, name: str, form: dict[str, str]) -> str:
        return self._player.accept(name, form)

    def _refuse(self, name: str, _form: dict[str, str]) -> str:
        self._player.refuse(name)
        return name

    def _cheating(self, kind: str) -> _Act:
        def act(name: str, _form: dict[str, str]) -> str:
            self._player.cheat(name, kind)
            return name

        return act

    def _time_out(self, name: str, _form: dict[str, str]) -> str:
        self._player.time_out(name)
        return name

    def _pick(self, _name: str, form: dict[str, str]) -> str:
        self._player.pick(form.get("kind", ""))
        return ""

    def _error_page(self, status: int, reason: str) -> web.Response:
        return self._page("error.html", status, reason=reason)

    def _page(self, template: str, status: int = 200, **shown: object) -> web.Response:
        text = self._templates.get_template(template).render(
            token=self._guard.token,
            token_field=TOKEN_FIELD,
            home=self._home_path,
            folder=self._folder,
            **shown,
        )
        return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


def _shown(show: _Show) -> _Show:
    async def check(request: web.Request) -> web.StreamResponse:
        if is_visit(request):
            return await show(request)
        return refusal("A page from another origin requested this page. Open it in its own tab.")

    return check


def _form_in(request: web.Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form. Raise `ValueError` if they are not UTF-8."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(request_body().decode("ascii"), keep_blank_values=True, errors="strict"))
