"""Let a person act as the app on the server's pages: scan, enter values, accept, refuse, cheat."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Final, final

import attrs

from irma_backend.dev_server.listing import ListedView, asked_by, listed, name_of
from irma_backend.dev_server.views import (
    CredentialView,
    Ending,
    SessionView,
    conflict_of,
    held_of_type,
    option_field,
    value_field,
    view_of,
)
from irma_backend.dev_server.wallets import Wallets, WalletView
from irma_backend.played_app import Cards, cheat
from irma_core.protocol.transport import utc_now
from irma_testing import (
    AppError,
    InMemoryServer,
    OpenSession,
    RequestedAttribute,
    ScannedSession,
    SimulatedApp,
)

__all__ = ["Player"]

_TIMED_OUT: Final = Ending(
    "Timed out", "You let the session time out: it can no longer be answered."
)
_MOST_ENDED: Final = 100
"""The number of ended sessions that still have a page with their outcome."""


@final
@attrs.define
class _Played:
    """A session that the pages show, the app that scanned it, and how the person ended it."""

    session: ScannedSession
    app: SimulatedApp
    requestor: str
    person: str
    ending: Ending | None = None


@final
class Player:
    """The apps that a person plays by hand at one server. Threads may share it.

    A session's name is its client token. Methods raise `AppError` if there is no such session.

    Args:
        server: The server.
        cards: Cards that the adult's app holds instead of the usual cards, or in addition to them.

    Raises:
        ConfigurationError: The server's scheme lacks one of these cards.
    """

    def __init__(self, server: InMemoryServer, cards: Cards | None = None) -> None:
        self._server = server
        self._wallets = Wallets(server, cards or {})
        self._played: dict[str, _Played] = {}
        self._lock = threading.Lock()

    @property
    def server_url(self) -> str:
        """The base URL of the server."""
        return self._server.url

    def list_sessions(self) -> tuple[ListedView, ...]:
        """Return the open sessions, newest first."""
        now = utc_now(self._server.clock)
        return tuple(
            listed(session, is_here=name_of(session.pointer.url) in self._played, now=now)
            for session in reversed(self._server.open_sessions())
        )

    def list_credentials(self) -> tuple[CredentialView, ...]:
        """Return the credentials in the selected app, newest first."""
        return tuple(
            CredentialView(held.credential_type, held.attributes)
            for held in self._wallets.app.credentials
        )

    def list_wallets(self) -> tuple[WalletView, ...]:
        """Return the apps that the person can choose from."""
        return self._wallets.views()

    def pick(self, kind: str) -> None:
        """Select the app of this kind of person, which `scan` uses from then on."""
        self._wallets.pick(kind)

    def version(self, name: str) -> str:
        """Return a string that changes when a session's page, or the list of sessions, changes."""
        shown = self.list_sessions() if not name else self.show(name).state
        # The name is not a secret, but a page must not reveal more than necessary.
        return hashlib.sha256(repr(_plain(shown)).encode()).hexdigest()[:16]

    def show(self, name: str) -> SessionView:
        """Return the view of a scanned session."""
        with self._lock:
            is_open = name in self._open()
            played = self._find(name)
            return view_of(
                name,
                played.session,
                played.app.credentials,
                is_open=is_open,
                requestor=asked_by(played.requestor),
                person=played.person,
                ending=played.ending,
            )

    def scan(self, name: str) -> None:
        """Scan an open session with the selected app. Scanning it again has no effect."""
        with self._lock:
            if name in self._played:
                return
            found = self._open().get(name)
            if found is None:
                raise AppError("there is no such session, or it has ended")
            app = self._wallets.app
            self._forget_ended()
            self._played[name] = _Played(
                app.scan(found.pointer), app, found.requestor, self._wallets.title
            )

    def accept(self, name: str, form: Mapping[str, str]) -> str:
        """Accept with a form's options and values; return the name of the session to show next.

        If the person enters values that the app does not hold, a new credential with those values
        is added to the app.
        """
        with self._lock:
            played = self._find(name)
            session = played.session
            choice = {
                slot: _chosen(form.get(option_field(slot), ""), len(options))
                for slot, options in enumerate(session.disclose)
            }
            for slot, option in choice.items():
                _store_values(played.app, session.disclose[slot][option], slot, option, form)
            session.accept(choice, follow=False)
            if session.next is None:
                return name
            following = name_of(session.next.url)
            self._played[following] = _Played(
                session.next, played.app, played.requestor, played.person
            )
            return following

    def refuse(self, name: str) -> None:
        """Refuse the session."""
        with self._lock:
            self._find(name).session.refuse()

    def cheat(self, name: str, kind: str) -> None:
        """Answer the session dishonestly, in the way that `kind` names (see `CHEATS`)."""
        with self._lock:
            cheat(self._find(name).session, kind)

    def time_out(self, name: str) -> None:
        """Walk away from the session, and let it time out at once."""
        with self._lock:
            played = self._find(name)
            found = self._open().get(name)
            played.session.lose_connection()
            played.ending = _TIMED_OUT
            if found is not None:
                self._server.time_out(found.pointer)

    def _forget_ended(self) -> None:
        """Forget the oldest ended sessions, because the server may run for weeks."""
        is_open = self._open()
        ended = [name for name in self._played if name not in is_open]
        for name in ended[:-_MOST_ENDED]:
            del self._played[name]

    def _open(self) -> dict[str, OpenSession]:
        sessions = self._server.open_sessions()
        return {name_of(session.pointer.url): session for session in sessions}

    def _find(self, name: str) -> _Played:
        played = self._played.get(name)
        if played is None:
            raise AppError("this app has not scanned the QR code of that session")
        return played


def _plain(shown: object) -> object:
    # The `repr` of a view hides the contents of the requests.
    return [attrs.astuple(each) for each in shown] if isinstance(shown, tuple) else shown


def _store_values(
    app: SimulatedApp,
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
        held = held_of_type(app.credentials, credential_type)
        before = held.attributes if held else {}
        if any(
            conflict_of(app.credentials, asked)
            for asked in option
            if asked.credential_type == credential_type
        ):
            continue  # accepting must not turn a minor into an adult, so the app refuses
        if held is None or {**before, **values} != before:
            app.add(credential_type, {**before, **values})


def _chosen(text: str, options: int) -> int:
    for number in range(options):
        if text == str(number):
            return number
    raise AppError("choose one of the options")
