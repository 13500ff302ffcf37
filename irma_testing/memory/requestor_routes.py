"""Which path and method at the base URL lead to which of the requestor's calls.

Source: irmago `requestorserver/server.go` (`Handler`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.memory import requestor_endpoints as calls
from irma_testing.memory.events import EventStream
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.refusals import INVALID_REQUEST, Refusal
from irma_testing.memory.replies import empty_reply, not_found, text_reply
from irma_testing.memory.sessions import Session

__all__ = ["RequestorRoutes", "is_token"]

_Call: TypeAlias = Callable[[HttpRequest], HttpResponse]
_SessionCall: TypeAlias = Callable[[Lifecycle, str], HttpResponse]
# Unanchored, as the official server's check.
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_SESSION = re.compile(r"/session/([^/]+|(?=/))(/.*)?")
_EVENTS = "/statusevents"
_OF_SESSION: Mapping[str, tuple[str, _SessionCall]] = {
    "": ("DELETE", calls.delete_session),
    "/": ("DELETE", calls.delete_session),
    "/status": ("GET", calls.get_status),
    "/result": ("GET", calls.get_result),
    "/result-jwt": ("GET", calls.get_result_jwt),
    "/getproof": ("GET", calls.get_getproof),
}


def is_token(text: str) -> bool:
    """Tell whether a text passes the official server's check of tokens."""
    return _TOKEN.search(text) is not None


@final
class RequestorRoutes:
    """The requestor's calls, by path.

    Args:
        life: The inside of the server.
        on_started: Is told of each session that a requestor has started.
        catch_up: What streams do before they are read.
    """

    def __init__(
        self,
        life: Lifecycle,
        on_started: Callable[[Session], None],
        catch_up: Callable[[], None],
    ) -> None:
        self._life = life
        self._on_started = on_started
        self._catch_up = catch_up
        self._calls: Mapping[str, tuple[str, _Call]] = {
            "/health": ("GET", lambda _request: text_reply("OK")),
            "/session": ("POST", self._start),
            "/session/": ("POST", self._start),
            "/publickey": ("GET", lambda _request: calls.get_public_key(life)),
            "/revocation": ("POST", lambda request: calls.post_revocation(life, request)),
        }

    def respond(self, path: str, request: HttpRequest) -> HttpResponse | EventStream:
        """Find the call, and make it.

        Raises:
            Refusal: The server says no.
        """
        if path in self._calls:
            method, call = self._calls[path]
            return call(request) if request.method == method else empty_reply(405)
        found = _SESSION.fullmatch(path)
        return self._of_session(found[1], found[2] or "", request) if found else not_found()

    def _start(self, request: HttpRequest) -> HttpResponse:
        response, session = calls.post_session(self._life, request)
        if session is not None:
            self._on_started(session)
        return response

    def _of_session(
        self, token: str, rest: str, request: HttpRequest
    ) -> HttpResponse | EventStream:
        # The token is looked at before the rest of the path.
        if not is_token(token):
            raise Refusal(
                INVALID_REQUEST, "string did not pass input validation for requestorToken"
            )
        if rest == _EVENTS and request.method == "GET":
            return calls.get_status_events(self._life, token, self._catch_up)
        if rest not in _OF_SESSION:
            return empty_reply(405) if rest == _EVENTS else not_found()
        method, call = _OF_SESSION[rest]
        return call(self._life, token) if request.method == method else empty_reply(405)
