"""How an app speaks with the server: its requests, and what comes back.

Does not belong here: what it does with it (`app_session`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, final
from urllib.parse import unquote

import attrs

from irma_core.errors import IrmaError
from irma_core.models.pointers import SessionPointer
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.memory.replies import compact_json
from irma_testing.memory.sessions import new_token

__all__ = ["AppError", "AppLine", "AppReply", "read_pointer"]


class AppError(IrmaError):
    """The app cannot do what it was told.

    Attributes:
        code: The server's error name, where the server refused; else empty.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class _Server(Protocol):
    def handle(self, request: HttpRequest) -> HttpResponse: ...


@final
@attrs.frozen
class AppReply:
    """What the server said: the HTTP status, and the JSON."""

    http_status: int
    value: Any

    @property
    def is_ok(self) -> bool:
        """Whether the server did what it was asked."""
        return self.http_status == 200  # noqa: PLR2004  # it has one word for that

    @property
    def code(self) -> str:
        """The server's error name, or an empty text."""
        return self._word("error")

    @property
    def message(self) -> str:
        """The server's words on its error, or an empty text."""
        return self._word("message")

    def _word(self, name: str) -> str:
        return str(self.value.get(name, "")) if isinstance(self.value, dict) else ""


@final
class AppLine:
    """The calls of one app in one session."""

    def __init__(self, server: _Server, url: str) -> None:
        self._server = server
        self._url = url
        self._headers = (
            ("authorization", new_token()),
            ("x-irma-minprotocolversion", '"2.8"'),
            ("x-irma-maxprotocolversion", '"2.8"'),
        )

    def get(self, path: str = "") -> AppReply:
        """Ask for something below the session pointer's URL."""
        return self._send("GET", path)

    def post(self, path: str, value: Mapping[str, Any]) -> AppReply:
        """Send something there."""
        return self._send("POST", path, compact_json(value).encode())

    def delete(self) -> None:
        """Give up the session."""
        self._send("DELETE", "")

    def _send(self, method: str, path: str, body: bytes | None = None) -> AppReply:
        response = self._server.handle(
            HttpRequest(
                method,
                f"{self._url}{path}",
                path=f"{method} {{u}}{path}",
                headers=self._headers,
                body=body,
            )
        )
        is_json = response.body[:1] in (b"{", b'"')
        return AppReply(response.status, json.loads(response.body) if is_json else None)


def read_pointer(pointer: SessionPointer | Mapping[str, Any] | str) -> tuple[str, bool]:
    """Read what an app scans: give the URL, and whether it is a static session's.

    Raises:
        AppError: It is no session pointer.
    """
    if isinstance(pointer, SessionPointer):
        return pointer.url, pointer.type.value == "redirect"
    try:
        value = json.loads(_json_in(pointer)) if isinstance(pointer, str) else pointer
        return str(value["u"]), value["irmaqr"] == "redirect"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AppError("this is no session pointer, nor a link with one") from None


def _json_in(text: str) -> str:
    if text.startswith("{"):
        return text
    for before in ("/-/session#", "qr/json/"):
        if before in text:
            return unquote(text.partition(before)[2].partition("#Intent")[0])
    return ""
