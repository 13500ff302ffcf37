"""The app's connection to a development server in another process, and the server's description.

This module's functions write the server's description, and `RemoteServer` reads it, so that a
single module defines its form.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, final
from urllib.parse import urlsplit

from irma_core.errors import IrmaError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.arguments import check_instance
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionStatus, SessionType
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.part_checks import check_transport
from irma_core.protocol.transport import Clock, Transport
from irma_testing.arguments import check_duration, check_url
from irma_testing.memory.app_client import AppError
from irma_testing.memory.scheme import CredentialType, Scheme
from irma_testing.memory.sessions import OpenSession
from irma_transport_urllib3 import Urllib3Transport

__all__ = [
    "ABOUT",
    "SESSIONS",
    "RemoteServer",
    "about",
    "session_path",
    "session_value",
    "sessions_value",
]

ABOUT: Final = "/app/server.json"
"""The path of a development server's description."""
SESSIONS: Final = "/sessions.json"
"""The path of the open sessions' description, below the path of the server's pages."""
_TIMEOUT: Final = 60.0
_POLL: Final = timedelta(milliseconds=100)
_PAIRING_LIMIT: Final = timedelta(minutes=5)
_OK: Final = 200


def about(url: str, scheme: Scheme) -> dict[str, JsonValue]:
    """Return a development server's description of itself, with its URL and scheme."""
    types: list[JsonValue] = [
        {
            "identifier": each.identifier,
            "attributes": [*each.attributes],
            "optional": [*sorted(each.optional)],
            "singleton": each.singleton,
            "revocation": each.revocation,
        }
        for each in scheme.credential_types
    ]
    return {
        "developmentServer": True,
        "url": url,
        "scheme": {"isOpen": scheme.is_open, "credentialTypes": types},
    }


def session_path(name: str) -> str:
    """Return the path of a session's description; `name` is the session's client token."""
    return f"/app/{name}/session.json"


def session_value(session: OpenSession) -> dict[str, Any]:
    """Return the description of an open session."""
    return {
        "pointer": {"u": session.pointer.url, "irmaqr": session.pointer.type.value},
        "status": session.status.value,
        "requestor": session.requestor,
        "startedAt": session.started_at.isoformat(),
        "request": dict(session.request),
    }


def sessions_value(sessions: tuple[OpenSession, ...]) -> dict[str, Any]:
    """Return the description of all open sessions."""
    return {"sessions": [session_value(session) for session in sessions]}


def _session(value: Mapping[str, Any]) -> OpenSession:
    pointer = value["pointer"]
    return OpenSession(
        SessionPointer(pointer["u"], SessionType(pointer["irmaqr"])),
        SessionStatus(value["status"]),
        requestor=value["requestor"],
        started_at=datetime.fromisoformat(value["startedAt"]),
        request=value["request"],
    )


@final
class RemoteServer:
    """A development server in another process.

    Args:
        url: Its base URL.
        transport: Sends the requests; None for a new `Urllib3Transport`.

    Raises:
        AppError: Another program, such as a real IRMA server, is at this URL.
        IrmaError: The transport failed.
        UsageError: An argument has the wrong type.
    """

    def __init__(self, url: str, transport: Transport | None = None) -> None:
        self._url = check_url(url, "url")
        self._transport: Transport = Urllib3Transport() if transport is None else transport
        check_transport(self._transport, is_async=False)
        self._planned = _Planned()
        value = self._read(ABOUT, ABOUT)
        if not isinstance(value, dict) or value.get("developmentServer") is not True:
            raise AppError(
                f"{_origin(self._url)} is not a development server (irma-backend dev-server). A "
                "simulated app works with development servers only; for a real IRMA server, use "
                "the Yivi app"
            )
        with _understanding(self._url):
            self._urls = (self._url, str(value["url"]))
            self._scheme = _read_scheme(value["scheme"])

    @property
    def clock(self) -> Clock:
        """The clock of the transport."""
        return self._transport.clock

    @property
    def scheme(self) -> Scheme:
        """The credential types that the development server knows."""
        return self._scheme

    def is_revoked(self, serial: str) -> bool:  # noqa: ARG002  # see `AppServer`
        """Return False: an app of a server in another process does not learn of revocations."""
        return False

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Send an app's request to the server, and return the response.

        Raises:
            AppError: The session belongs to another server.
            IrmaError: The transport failed.
        """
        for url in self._urls:
            if request.url.startswith(f"{url}/irma/"):
                return self._send(
                    HttpRequest(
                        request.method,
                        self._url + request.url.removeprefix(url),
                        label=request.label,
                        headers=request.headers,
                        body=request.body,
                    )
                )
        raise AppError(
            f"the session belongs to {_origin(request.url)}, but this app uses {_origin(self._url)}"
        )

    def after(self, delay: timedelta, action: Callable[[], object]) -> None:
        """Wait, and then call a function. Do the same for each function that it plans.

        Raises:
            AppError: Functions are still waiting to be called after five minutes.
        """
        check_duration(delay, "delay")
        actions = self._planned.actions
        actions.append(action)
        if len(actions) > 1:  # planned by a function that the loop below has called
            return
        ends_at = self.clock.monotonic() + _PAIRING_LIMIT.total_seconds()
        try:
            while actions:
                self._transport.sleep(max(delay, _POLL))
                actions[0]()
                del actions[0]
                if actions and self.clock.monotonic() > ends_at:
                    raise AppError("the browser did not complete pairing within 5 minutes")
        finally:
            actions.clear()

    def session(self, name: str) -> OpenSession:
        """Return the open session whose client token is `name`, without connecting to it.

        Raises:
            AppError: The session has ended, or never existed.
            IrmaError: The transport failed.
        """
        value = self._read(session_path(name), session_path("{name}"))
        if value is None:
            raise AppError(
                "there is no such session, or it has ended: start one and use its link",
                "SESSION_UNKNOWN",
            )
        with _understanding(self._url):
            return _session(value)

    def sessions(self, folder: str) -> tuple[OpenSession, ...]:
        """Return the open sessions, the oldest first.

        Args:
            folder: The path of the pages below the base URL; it contains a secret if the server is
                open to the network.

        Raises:
            AppError: The pages are not at this path.
            IrmaError: The transport failed.
        """
        value = self._read(f"/{folder}{SESSIONS}", f"/app{SESSIONS}")
        if value is None:
            raise AppError(
                "the list of sessions was not found: use the whole address of the page, as the "
                "development server printed it"
            )
        with _understanding(self._url):
            return tuple(_session(each) for each in value["sessions"])

    def _read(self, path: str, label: str) -> Any:
        """Return the JSON at a path, or None if the server has no JSON there."""
        response = self._send(HttpRequest("GET", self._url + path, label=f"GET {label}"))
        if response.status != _OK:
            return None
        try:
            return read_json(response.body)
        except JsonTextError:
            return None

    def _send(self, request: HttpRequest) -> HttpResponse:
        return self._transport.send(request, self.clock.monotonic() + _TIMEOUT)


class _Planned(threading.local):
    """The functions that are waiting to be called on this thread."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], object]] = []


def _read_scheme(value: Mapping[str, Any]) -> Scheme:
    types = tuple(
        CredentialType(
            each["identifier"],
            each["attributes"],
            optional=each["optional"],
            singleton=each["singleton"],
            revocation=each["revocation"],
        )
        for each in value["credentialTypes"]
    )
    return Scheme(types, is_open=check_instance(value["isOpen"], bool, "isOpen", "a boolean"))


@contextmanager
def _understanding(url: str) -> Generator[None]:
    """Raise `AppError` if the `with` block cannot read a description.

    The reply may come from another program.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, IrmaError):
        raise AppError(
            f"{_origin(url)} did not reply like a development server of this version; use the "
            "same version of irma-backend for the server and the tests"
        ) from None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
