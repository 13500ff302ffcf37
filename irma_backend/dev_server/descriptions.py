"""Machine-readable descriptions of a development server and its open sessions."""

from __future__ import annotations

import asyncio
import json
from typing import Any, final

from aiohttp import web

from irma_backend.dev_server.guard import OWN_PAGES_ONLY, is_from_elsewhere, refusal
from irma_testing import InMemoryServer
from irma_testing.remote_server import (
    ABOUT,
    SESSIONS,
    about,
    session_path,
    session_value,
    sessions_value,
)

__all__ = ["Descriptions"]

_FOREIGN = "A page from another origin sent this request, but only programs may send it."


@final
class Descriptions:
    """Describes one server and its sessions, in JSON.

    To get a session's description, a program must know the session's client token, which is in
    the QR code.
    """

    def __init__(self, server: InMemoryServer) -> None:
        self._server = server

    def add_to(self, application: web.Application, prefix: str, folder: str) -> None:
        """Add the paths of the descriptions to an application.

        Args:
            application: The application.
            prefix: The path of the server's base URL.
            folder: The path of the pages, which may hold a secret. The list of sessions is under
                this path.
        """
        router = application.router
        router.add_get(f"{prefix}{ABOUT}", self._about)
        router.add_get(f"{prefix}{session_path('{name}')}", self._session)
        router.add_get(f"{folder}{SESSIONS}", self._sessions)

    async def _about(self, request: web.Request) -> web.Response:
        return _reply(request, about(self._server.url, self._server.scheme))

    async def _session(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for session in await asyncio.to_thread(self._server.open_sessions):
            if session.pointer.url.rpartition("/")[2] == name:
                return _reply(request, session_value(session))
        return web.Response(status=404, headers=OWN_PAGES_ONLY)

    async def _sessions(self, request: web.Request) -> web.Response:
        sessions = await asyncio.to_thread(self._server.open_sessions)
        return _reply(request, sessions_value(sessions))


def _reply(request: web.Request, value: Any) -> web.Response:
    if is_from_elsewhere(request):
        return refusal(_FOREIGN)
    headers = {**OWN_PAGES_ONLY, "cache-control": "no-store"}
    return web.Response(text=json.dumps(value), content_type="application/json", headers=headers)
