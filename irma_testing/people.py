"""Make people for tests, with the `pbdf` cards that such people would have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance, check_optional
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_testing.memory.app import SimulatedApp
from irma_testing.memory.server import InMemoryServer

__all__ = ["KINDS", "Kind", "cards_of", "make_person"]

Kind: TypeAlias = Literal["adult", "minor", "nobody"]
KINDS: Final[tuple[Kind, ...]] = ("adult", "minor", "nobody")
"""The kinds of people."""
_PERSONAL_DATA: Final = "pbdf.gemeente.personalData"
_ADDRESS: Final = "pbdf.gemeente.address"
_EMAIL: Final = "pbdf.sidn-pbdf.email"
_PHONE: Final = "pbdf.sidn-pbdf.mobilenumber"
_AGES: Final[Mapping[str, int]] = {"adult": 36, "minor": 15}
_LIMITS: Final = (12, 16, 18, 21, 65)
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "adult": ("Ada", "Lovelace"),
    "minor": ("Kim", "de Vries"),
}


@boundary
def make_person(
    server: InMemoryServer, kind: Kind = "adult", *, email: str | None = None
) -> SimulatedApp:
    """Return a person's app, whose `answer` method responds to sessions as that person would.

    An adult and a minor have the cards `pbdf.gemeente.personalData`, `pbdf.gemeente.address`,
    `pbdf.sidn-pbdf.email` and `pbdf.sidn-pbdf.mobilenumber`. A minor's card says `over18: No`, so
    the app refuses a request for `Yes`. Use `add` for more cards.

    Args:
        server: The server that the app uses.
        kind: `"adult"`, `"minor"` or `"nobody"`, whose app is empty.
        email: The e-mail address; if it is given, even `"nobody"` has an e-mail card.

    Raises:
        UsageError: There is no such kind of person, or an argument has the wrong type.
        ConfigurationError: The scheme of the server does not have these cards.
    """
    check_instance(server, InMemoryServer, "server", "an InMemoryServer")
    check_optional(email, str, "email", "a string")
    app = SimulatedApp(server)
    if kind not in KINDS:
        raise UsageError('kind: must be "adult", "minor" or "nobody"')
    cards = cards_of(kind, utc_now(server.clock).year)
    if email is not None:
        cards[_EMAIL] = _email_card(email)
    for credential_type, attributes in cards.items():
        app.add(credential_type, attributes)
    return app


def cards_of(kind: Kind, year: int) -> dict[str, dict[str, str | None]]:
    """Return the attributes on a person's cards in a given year, by credential type."""
    if kind == "nobody":
        return {}
    first, family = _NAMES[kind]
    age = _AGES[kind]
    return {
        _PERSONAL_DATA: {
            "firstnames": first,
            "familyname": family,
            "fullname": f"{first} {family}",
            "dateofbirth": f"01-01-{year - age}",
            **{f"over{limit}": "Yes" if age >= limit else "No" for limit in _LIMITS},
        },
        _ADDRESS: {
            "street": "Stationsplein",
            "houseNumber": "1",
            "zipcode": "1234 AB",
            "city": "Utrecht",
        },
        _PHONE: {"mobilenumber": "+31612345678"},
        _EMAIL: _email_card(f"{first.lower()}@example.com"),
    }


def _email_card(email: str) -> dict[str, str | None]:
    return {"email": email, "domain": email.rpartition("@")[2]}
