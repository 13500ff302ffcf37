"""The choices of a person who plays the app: its owner, its cards, and a way to cheat.

The development server's pages and the command line share this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from irma_core.errors import ConfigurationError
from irma_core.models.statuses import ProofStatus
from irma_testing import AppError, ScannedSession, SimulatedApp
from irma_testing.people import Kind, cards_of

__all__ = ["CHEATS", "Cards", "cheat", "fill", "read_cards"]

Cards: TypeAlias = Mapping[str, Mapping[str, str | None]]
"""Attributes by credential type. The value is None for an attribute without a value."""
_PART = "[A-Za-z0-9_-]++"
_HELD: Final = re.compile(
    rf"\A(?P<card>{_PART}\.{_PART}\.{_PART})(?:\.(?P<name>{_PART})=(?P<value>.*))?",
    re.ASCII | re.DOTALL,
)
_YES, _NO = "Yes", "No"


def read_cards(values: Sequence[str]) -> Cards:
    """Return the cards that the values of `--has` describe.

    Args:
        values: `SCHEME.ISSUER.CREDENTIAL.ATTRIBUTE=VALUE`, with an empty value for an attribute
            that has no value, or `SCHEME.ISSUER.CREDENTIAL` for a card without attributes.

    Raises:
        ConfigurationError: A value does not have this form, or an attribute occurs twice.
    """
    cards: dict[str, dict[str, str | None]] = {}
    for number, value in enumerate(values, 1):
        found = _HELD.fullmatch(value)
        if found is None:
            raise ConfigurationError(
                f"value {number}: must be scheme.issuer.credential.attribute=VALUE, "
                "such as pbdf.sidn-pbdf.email.email=you@mail.example"
            )
        card = cards.setdefault(found["card"], {})
        if found["name"] in card:
            raise ConfigurationError(f"value {number}: this attribute already has a value")
        if found["name"]:
            card[found["name"]] = found["value"] or None
    return cards


def fill(app: SimulatedApp, kind: Kind, cards: Cards, *, year: int) -> None:
    """Add a person's usual cards to an app, with the changes and additions in `cards`.

    The usual cards that the server's scheme lacks are left out.

    Raises:
        ConfigurationError: The server's scheme lacks one of the given cards or attributes.
    """
    known = cards_of(kind, year)
    for credential_type, attributes in known.items():
        if credential_type not in cards:
            try:
                app.add(credential_type, attributes)
            except ConfigurationError:
                continue  # a scheme other than pbdf
    for credential_type, more in cards.items():
        try:
            app.add(credential_type, {**known.get(credential_type, {}), **more})
        except ConfigurationError as error:
            raise ConfigurationError(f"{credential_type}: {error}") from None


def cheat(session: ScannedSession, kind: str) -> None:
    """Answer a session dishonestly, in the way that `kind` names (a key of `CHEATS`).

    Raises:
        AppError: The session cannot be answered in this way.
    """
    CHEATS[kind](session)


def _with(flaw: ProofStatus) -> Callable[[ScannedSession], None]:
    return lambda session: session.cheat(flaw)


def _send_other_values(session: ScannedSession) -> None:
    values: dict[str, str | None] = {
        attribute.type: _NO if attribute.value != _NO else _YES
        for disjunction in session.disclose
        for attribute in next(filter(None, disjunction), ())
        if attribute.value is not None
    }
    if not values:
        raise AppError("wrong-value: can only be used if the request requires a particular value")
    session.cheat(values=values)


CHEATS: Final[Mapping[str, Callable[[ScannedSession], None]]] = {
    "invalid": _with(ProofStatus.INVALID),
    "wrong-value": _send_other_values,
    "missing-attributes": _with(ProofStatus.MISSING_ATTRIBUTES),
    "expired": _with(ProofStatus.EXPIRED),
    "unmatched-request": _with(ProofStatus.UNMATCHED_REQUEST),
    "invalid-timestamp": _with(ProofStatus.INVALID_TIMESTAMP),
}
"""The functions that answer a session dishonestly, by their names on the command line."""
