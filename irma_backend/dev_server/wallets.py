"""The apps that a person can select on the pages: an adult's, a minor's, and an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import attrs

from irma_backend.played_app import Cards, fill
from irma_backend.settings_sources import Place, naming
from irma_core.protocol.transport import utc_now
from irma_testing import AppError, InMemoryServer, SimulatedApp
from irma_testing.people import KINDS, Kind

__all__ = ["WalletView", "Wallets"]

_TITLES: Final[Mapping[Kind, str]] = {
    "adult": "Ada, an adult",
    "minor": "Kim, a minor",
    "nobody": "An empty app",
}


@final
@attrs.frozen
class WalletView:
    """An app that the person can choose: its owner, its title, and whether it is selected."""

    kind: Kind
    title: str
    is_picked: bool


@final
class Wallets:
    """One app for each kind of person. Initially, the adult's app is selected.

    Args:
        server: The server that the apps use.
        cards: Cards that the adult's app holds instead of the usual cards, or in addition to them.

    Raises:
        ConfigurationError: The server's scheme lacks one of these cards.
    """

    def __init__(self, server: InMemoryServer, cards: Cards) -> None:
        self._apps: dict[str, SimulatedApp] = {}
        self._picked: Kind = KINDS[0]
        year = utc_now(server.clock).year
        for kind in KINDS:
            self._apps[kind] = SimulatedApp(server)
            with naming(Place(name="cards")):
                fill(self._apps[kind], kind, cards if kind == KINDS[0] else {}, year=year)

    @property
    def app(self) -> SimulatedApp:
        """The selected app."""
        return self._apps[self._picked]

    @property
    def title(self) -> str:
        """The title of the selected app."""
        return _TITLES[self._picked]

    def pick(self, kind: str) -> None:
        """Select the app of this kind of person.

        Raises:
            AppError: There is no such kind of person.
        """
        for known in KINDS:
            if known == kind:
                self._picked = known
                return
        raise AppError("pick one of the apps")

    def views(self) -> tuple[WalletView, ...]:
        """Return all apps that the person can choose from."""
        return tuple(WalletView(kind, _TITLES[kind], kind == self._picked) for kind in KINDS)
