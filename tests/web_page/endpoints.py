"""Endpoints that speak the page's protocol, for one browser."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, final

from irma_core import DisclosureRequest, ExtendedRequest, Requestor, SessionStatus, StartedSession
from irma_core.errors import (
    IrmaError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ERRORS: dict[type[IrmaError], tuple[int, str, str | None]] = {
    SessionNotFinishedError: (409, "not_finished", "finish"),
    SessionCancelledError: (403, "cancelled", "start"),
    SessionTimedOutError: (403, "timed_out", "start"),
}


@final
class Endpoints:
    """Start, status, finish and cancel."""

    def __init__(self, requestor: Requestor, asked: DisclosureRequest | ExtendedRequest) -> None:
        self._requestor = requestor
        self.asked = asked
        self.sessions: list[StartedSession] = []
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []

    @property
    def steps(self) -> list[str]:
        """What was called, in order."""
        return [step for step, _, _ in self.calls]

    def status(self) -> SessionStatus:
        """Return the status of the newest session."""
        return self._requestor.get_status(self.sessions[-1])

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        step, _name = environ["PATH_INFO"].removeprefix("/irma/").split("/")
        said = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        self.calls.append((step, said, environ.get("HTTP_X_TOKEN")))
        status, reply = self._answer(step, said)
        start(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", "application/json")])
        return [json.dumps(reply).encode()]

    def _answer(self, step: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if step == "start":
            return 200, self._start()
        session = self.sessions[int(said["handle"] if "handle" in said else said["slot"])]
        if step == "status":
            return 200, {"status": self._requestor.get_status(session).value}
        if step == "cancel":
            self._requestor.cancel_session(session)
            return 200, {"status": "CANCELLED"}
        try:
            self._requestor.get_answer(session)
        except IrmaError as error:
            status, code, again = ERRORS[type(error)]
            message = f"The site says: {code}."
            return status, {"error": {"code": code, "message": message, "again": again}}
        return 200, {"next": said.get("next")}

    def _start(self) -> dict[str, Any]:
        session = self._requestor.start_session(self.asked)
        self.sessions.append(session)
        package = json.loads(session.browser_json())
        return {**package, "handle": str(len(self.sessions) - 1), "timeout": 300}
