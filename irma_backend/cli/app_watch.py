"""Watch a development server for new sessions, and answer them as an honest person."""

from __future__ import annotations

import re

from irma_backend.cli.app_run import (
    answered,
    app_of,
    print_pairing_code,
    print_session,
    report,
)
from irma_backend.cli.output import print_message
from irma_backend.played_app import Cards
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.transport import Transport
from irma_testing import AppError, OpenSession, ScannedSession, SimulatedApp
from irma_testing.people import Kind
from irma_testing.remote_server import RemoteServer

__all__ = ["Watch"]

_FOLDER = re.compile(r"\Aapp-[\w-]++")


class Watch:
    """Prints the new sessions on a development server. Call `answer_as` to also answer them.

    Args:
        server: The server's base URL, or the address of its pages.
        transport: Sends the requests.
        as_json: Whether to print one JSON object per line.
    """

    def __init__(self, server: str, transport: Transport, *, as_json: bool) -> None:
        address = server.rstrip("/")
        url, slash, folder = address.rpartition("/")
        is_pages = slash and _FOLDER.fullmatch(folder)
        self._url, self._folder = (url, folder) if is_pages else (address, "app")
        self._transport = transport
        self._as_json = as_json
        self._remote = RemoteServer(self._url, transport)
        self._seen: set[str] = set()
        self._app: SimulatedApp | None = None
        self._pairing: list[ScannedSession] = []

    def answer_as(self, person: Kind, cards: Cards) -> None:
        """From now on, answer sessions as a person with these cards."""
        self._app = app_of(self._url, self._transport, person, cards)

    def look(self) -> None:
        """Print and answer all new sessions."""
        sessions = self._remote.sessions(self._folder)
        for session in sessions:
            if session.pointer.url not in self._seen:
                print_session(session, as_json=self._as_json)
                self._scan(session)
        self._seen = {session.pointer.url for session in sessions}
        self._pairing = [scanned for scanned in self._pairing if not self._answer(scanned)]

    def _scan(self, session: OpenSession) -> None:
        if self._app is None or session.status is not SessionStatus.INITIALIZED:
            return
        try:
            scanned = self._app.scan(session.pointer)
        except AppError as error:  # another app was faster, or the session has ended
            print_message(f"Not answered: {error}")
            return
        if scanned.pairing_code is not None:
            print_pairing_code(scanned.pairing_code)
        self._pairing.append(scanned)

    def _answer(self, scanned: ScannedSession) -> bool:
        """Answer a session unless pairing is pending; return whether it is now answered or gone."""
        if not scanned.is_paired:
            return scanned.url not in self._seen
        scanned.answer()
        report(answered(scanned), as_json=self._as_json, expects_valid=True)
        return True
