"""The HTTP calls that an app makes in one session, and the replies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, final
from urllib.parse import unquote

import attrs

from irma_core.errors import IrmaError
from irma_core.models.pointers import SessionPointer
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock
from irma_testing.memory.replies import Refusal, compact_json
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.sessions import new_token

__all__ = ["AppClient", "AppError", "AppReply", "AppServer", "read_pointer", "understanding_reply"]

_SESSION_URL = re.compile(
    r"(https?://[^\s?#]*?)/(?:irma/session|app(?:-[\w-]+)?)/([0-9A-Za-z]{20})", re.ASCII
)
"""Matches a session's URL: the server's own, or that of a development server's page."""


class AppError(IrmaError):
    """The app cannot do what the test requires.

    Attributes:
        code: The name of the server's error if the server refused the request, else an empty
            string.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


@contextmanager
def understanding_reply() -> Generator[None]:
    """Raise `AppError` for a malformed reply, such as one from a proxy or another server version.

    Raises:
        AppError: The `with` block could not read the reply.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError, Refusal):
        raise AppError(
            "the reply is not what an IRMA server of this version sends; check that no "
            "proxy replies in place of the server"
        ) from None


class AppServer(Protocol):
    """The server that an app talks to, in memory or in another process."""

    @property
    def clock(self) -> Clock:
        """The server's clock, or the clock of the transport to a remote server."""
        ...

    @property
    def scheme(self) -> Scheme:
        """The credential types that the server knows."""
        ...

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return the server's response to an app's request."""
        ...

    def after(self, delay: timedelta, action: Callable[[], object]) -> None:
        """Call a function after a delay."""
        ...

    def is_revoked(self, serial: str) -> bool:
        """Return whether the app knows that the credential with this serial was revoked."""
        ...


@final
@attrs.frozen
class AppReply:
    """A reply from the server: the HTTP status, and the JSON."""

    http_status: int
    value: Any

    @property
    def is_ok(self) -> bool:
        """Whether the call succeeded."""
        return self.http_status == 200  # noqa: PLR2004  # irmago answers every success so

    @property
    def code(self) -> str:
        """The name of the server's error, or an empty string."""
        return self._field("error")

    @property
    def message(self) -> str:
        """The message in the server's error, or an empty string."""
        return self._field("message")

    def _field(self, name: str) -> str:
        return str(self.value.get(name, "")) if isinstance(self.value, dict) else ""


@final
class AppClient:
    """The calls that one app makes in one session."""

    def __init__(self, server: AppServer, url: str) -> None:
        self._server = server
        self._url = url
        self._headers = (
            ("authorization", new_token()),
            ("x-irma-minprotocolversion", '"2.8"'),
            ("x-irma-maxprotocolversion", '"2.8"'),
        )

    def get(self, path: str = "") -> AppReply:
        """Send a `GET` to a path below the session pointer's URL."""
        return self._send("GET", path)

    def post(self, path: str, value: Mapping[str, Any]) -> AppReply:
        """Send JSON to a path below the session pointer's URL."""
        return self._send("POST", path, compact_json(value).encode())

    def delete(self) -> None:
        """Cancel the session."""
        self._send("DELETE", "")

    def _send(self, method: str, path: str, body: bytes | None = None) -> AppReply:
        response = self._server.handle(
            HttpRequest(
                method,
                f"{self._url}{path}",
                label=f"{method} {{u}}{path}",
                headers=self._headers,
                body=body,
            )
        )
        is_json = response.body[:1] in (b"{", b'"')
        with understanding_reply():
            return AppReply(response.status, json.loads(response.body) if is_json else None)


def read_pointer(pointer: SessionPointer | Mapping[str, Any] | str) -> tuple[str, bool]:
    """Return the URL in a scanned pointer or link, and whether it points to a static session.

    Raises:
        AppError: The string is not a session pointer.
    """
    if isinstance(pointer, SessionPointer):
        return pointer.url, pointer.type.value == "redirect"
    if isinstance(pointer, str) and (found := _SESSION_URL.fullmatch(pointer)):
        return f"{found[1]}/irma/session/{found[2]}", False
    try:
        value = json.loads(_pointer_json(pointer)) if isinstance(pointer, str) else pointer
        return str(value["u"]), value["irmaqr"] == "redirect"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AppError(
            "expected a session pointer, a link that contains one, or the URL of a session"
        ) from None


def _pointer_json(text: str) -> str:
    if text.startswith("{"):
        return text
    for prefix in ("/-/session#", "qr/json/"):
        if prefix in text:
            return unquote(text.partition(prefix)[2].partition("#Intent")[0])
    return ""
