"""The app that a person plays on the pages: scan, enter values, accept and refuse."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import final

from irma_backend.dev_server.views import (
    CredentialView,
    ListedView,
    SessionView,
    held_of_type,
    listed,
    name_of,
    option_field,
    value_field,
    view_of,
)
from irma_core.models.pointers import SessionPointer
from irma_testing import AppError, InMemoryServer, RequestedAttribute, ScannedSession, SimulatedApp

__all__ = ["Player"]


@final
class Player:
    """One app at a server, played by hand. Threads may share it.

    A session's name is its client token. Methods raise `AppError` if there is no such session.
    """

    def __init__(self, server: InMemoryServer) -> None:
        self._server = server
        self._app = SimulatedApp(server)
        self._scanned: dict[str, ScannedSession] = {}
        self._lock = threading.Lock()

    def list_sessions(self) -> tuple[ListedView, ...]:
        """Return the open sessions, the newest first."""
        return tuple(
            listed(session, is_here=name_of(session.pointer.url) in self._scanned)
            for session in reversed(self._server.open_sessions())
        )

    def list_credentials(self) -> tuple[CredentialView, ...]:
        """Return the app's credentials, the newest first."""
        return tuple(
            CredentialView(held.credential_type, held.attributes) for held in self._app.credentials
        )

    def show(self, name: str) -> SessionView:
        """Return the view of a scanned session."""
        with self._lock:
            is_open = name in self._open()
            return view_of(name, self._find(name), self._app.credentials, is_open=is_open)

    def scan(self, name: str) -> None:
        """Scan an open session. Scanning it again has no effect."""
        with self._lock:
            if name in self._scanned:
                return
            pointer = self._open().get(name)
            if pointer is None:
                raise AppError("there is no such session, or it has ended")
            self._scanned[name] = self._app.scan(pointer)

    def accept(self, name: str, form: Mapping[str, str]) -> str:
        """Accept with the options and values in a form; return the session to show next.

        Entered values that the app does not hold yet become a new credential of the app.
        """
        with self._lock:
            session = self._find(name)
            choice = {
                slot: _chosen(form.get(option_field(slot), ""), len(options))
                for slot, options in enumerate(session.disclose)
            }
            for slot, option in choice.items():
                self._store_values(session.disclose[slot][option], slot, option, form)
            session.accept(choice, follow=False)
            if session.next is None:
                return name
            following = name_of(session.next.url)
            self._scanned[following] = session.next
            return following

    def refuse(self, name: str) -> None:
        """Refuse the session."""
        with self._lock:
            self._find(name).refuse()

    def _open(self) -> dict[str, SessionPointer]:
        sessions = self._server.open_sessions()
        return {name_of(session.pointer.url): session.pointer for session in sessions}

    def _find(self, name: str) -> ScannedSession:
        session = self._scanned.get(name)
        if session is None:
            raise AppError("this app has not scanned that session")
        return session

    def _store_values(
        self,
        option: tuple[RequestedAttribute, ...],
        slot: int,
        number: int,
        form: Mapping[str, str],
    ) -> None:
        entered: dict[str, dict[str, str | None]] = {}
        for index, asked in enumerate(option):
            values = entered.setdefault(asked.credential_type, {})
            if asked.name:
                # An empty field stands for an attribute without a value.
                text = form.get(value_field(slot, number, index), "")
                values[asked.name] = (text or None) if asked.value is None else asked.value
        for credential_type, values in entered.items():
            held = held_of_type(self._app.credentials, credential_type)
            before = held.attributes if held else {}
            if held is None or {**before, **values} != before:
                self._app.add(credential_type, {**before, **values})


def _chosen(text: str, options: int) -> int:
    for number in range(options):
        if text == str(number):
            return number
    raise AppError("choose one of the options")
