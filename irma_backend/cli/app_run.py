"""Scan a session as an app, and print the request and the outcome."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from irma_backend.cli.output import clean, print_json, print_line, print_message
from irma_backend.played_app import Cards, fill, read_cards
from irma_backend.settings_sources import Place, naming
from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue
from irma_core.models.statuses import ProofStatus
from irma_core.protocol.transport import Transport, utc_now
from irma_testing import AppError, OpenSession, ScannedSession, SimulatedApp
from irma_testing.memory.app_client import read_pointer, understanding_reply
from irma_testing.people import Kind
from irma_testing.remote_server import session_value
from irma_transport_urllib3 import Urllib3Transport

__all__ = [
    "answered",
    "app_of",
    "application_url",
    "check_choice",
    "held_cards",
    "print_pairing_code",
    "print_session",
    "report",
    "scanned",
]

_CHOICE = re.compile(r"([0-9]{1,4})=([0-9]{1,4})")
_HAS = Place(name="has", option="--has")
_REFUSED = 5
_NOT_VALID = 6
_SHARES = {"disclosing": "Shared", "signing": "Signed", "issuing": "Received"}
_ASKS = {
    "disclosing": "asks for attributes",
    "signing": "asks for a signature",
    "issuing": "issues credentials",
}


def application_url(link: str) -> tuple[str, str]:
    """Return the base URL of a session's server, and the session's client token.

    Raises:
        AppError: The string is not a link to a session.
    """
    url, _ = read_pointer(link.strip())
    base, _, name = url.rpartition("/irma/session/")
    if not base:
        raise AppError("LINK: expected a link to a session, as returned by an IRMA server")
    return base, name


def check_choice(choices: Sequence[str]) -> dict[int, int]:
    """Return the options that the `SLOT=OPTION` arguments choose, by slot.

    Raises:
        ConfigurationError: An argument does not have this form, or two arguments have the same
            slot.
    """
    chosen: dict[int, int] = {}
    for choice in choices:
        found = _CHOICE.fullmatch(choice)
        if found is None:
            raise ConfigurationError(
                "SLOT=OPTION: must be two numbers, counted from 0, such as 0=1"
            )
        slot, option = map(int, found.groups())
        if slot in chosen:
            raise ConfigurationError(f"SLOT=OPTION: slot {slot} occurs twice")
        chosen[slot] = option
    return chosen


def held_cards(values: Sequence[str]) -> Cards:
    """Return the cards that the values of `--has` describe.

    Raises:
        ConfigurationError: As for `read_cards`.
    """
    with naming(_HAS):
        return read_cards(values)


def app_of(url: str, transport: Transport, person: Kind, cards: Cards) -> SimulatedApp:
    """Connect to a development server, and return an app with a person's usual cards and `cards`.

    Raises:
        ConfigurationError: The server's scheme lacks one of these cards.
        AppError: The URL leads to another program, such as a real IRMA server.
    """
    app = SimulatedApp.at(url, transport)
    with naming(_HAS):
        fill(app, person, cards, year=utc_now(transport.clock).year)
    return app


@contextmanager
def scanned(link: str, person: Kind, cards: Cards) -> Generator[ScannedSession]:
    """Scan a session with a new app, and yield the session. The `with` block must answer it.

    If the app cannot give the answer that the block chooses, the app refuses the session, because
    no other app can answer a session that has been scanned.

    Raises:
        AppError: The app cannot give the block's answer, or the server refused the app.
    """
    with Urllib3Transport() as transport:
        url, _ = application_url(link)
        app = app_of(url, transport, person, cards)
        session = app.scan(link.strip())
        if session.pairing_code is not None:
            print_pairing_code(session.pairing_code)
        try:
            yield session
        except AppError as error:
            with suppress(AppError):
                session.refuse()
            raise AppError(f"{error}. The app refused, so the session is over") from None


def print_pairing_code(code: str) -> None:
    """Print the pairing code, which the person types into the application's page."""
    print_message(f"Pairing: type {code} into the page that showed the QR code.")


def answered(session: ScannedSession) -> list[ScannedSession]:
    """Return an answered session, together with the sessions that follow it in a chain."""
    chain = [session]
    while (following := chain[-1].next) is not None:
        chain.append(following)
    return chain


def report(chain: Sequence[ScannedSession], *, as_json: bool, expects_valid: bool) -> int:
    """Print how a session ended, and return the command's exit status.

    Args:
        chain: The session, and those that follow it in a chain.
        as_json: Whether to print JSON.
        expects_valid: Whether the proof should be valid.
    """
    if as_json:
        print_json({"sessions": [_outcome_value(session) for session in chain]})
    else:
        for session in chain:
            print_line(clean(_described(session)))
    return next(filter(None, (_exit_status(each, expects_valid) for each in chain)), 0)


def _exit_status(session: ScannedSession, expects_valid: bool) -> int:  # noqa: FBT001  # as above
    outcome = session.outcome
    if outcome is None:
        return 0
    if outcome.error:
        return _REFUSED if expects_valid else 0
    if outcome.proof_status is None:
        return 0
    return 0 if (outcome.proof_status is ProofStatus.VALID) == expects_valid else _NOT_VALID


def _described(session: ScannedSession) -> str:
    """Return a sentence about how a session ended."""
    outcome = session.outcome
    if outcome is None:
        return "Walked away: the session stays open until it times out at the server."
    if outcome.error:
        return f"The server rejected the app: {outcome.error} {outcome.message}".rstrip()
    if outcome.proof_status is None:
        return "Refused: the session is cancelled."
    did = _SHARES[session.type.value]
    if outcome.proof_status is ProofStatus.VALID:
        received = ", ".join(_received(session))
        return f"{did}: {received}." if received else f"{did}: the server found the proof valid."
    return f"Sent: the server reports that the proof is {outcome.proof_status.value}."


def _outcome_value(session: ScannedSession) -> dict[str, JsonValue]:
    outcome = session.outcome
    is_known = outcome is not None and outcome.proof_status is not None
    proof = outcome.proof_status if outcome is not None else None
    return {
        "url": session.url,
        "type": session.type.value if is_known else None,
        "decision": "walked away" if outcome is None else "answered" if is_known else "refused",
        "proofStatus": proof.value if proof is not None else None,
        "error": outcome.error or None if outcome is not None else None,
        "received": [*(_received(session) if proof is ProofStatus.VALID else ())],
    }


def _received(session: ScannedSession) -> list[str]:
    return [str(issued["credential"]) for issued in session.request.get("credentials", ())]


def print_session(session: OpenSession, *, as_json: bool) -> None:
    """Print what an open session asks for."""
    if as_json:
        print_json(session_value(session))
        return
    with understanding_reply():
        lines = [*_lines(session)]
    for line in lines:
        print_line(clean(line))


def _lines(session: OpenSession) -> Iterator[str]:
    request = session.request
    by = f" for {session.requestor}" if session.requestor else ""
    yield (
        f"{session.status.value}: a session{by} {_ASKS[session.pointer.type.value]}, "
        f"started at {session.started_at.astimezone():%H:%M:%S}"
    )
    if "message" in request:
        yield f"Message: {request['message']}"
    for issued in request.get("credentials", ()):
        yield f"Credential: {issued['credential']}"
        for name, value in issued["attributes"].items():
            yield f"  {name}: {value}"
    labels = request.get("labels") or {}
    for slot, options in enumerate(request.get("disclose") or ()):
        label = (labels.get(str(slot)) or {}).get("en")
        yield f"Slot {slot}{f' ({label})' if label else ''}:"
        for number, option in enumerate(options):
            yield f"  option {number}: {_option_text(option)}"


def _option_text(option: Sequence[Any]) -> str:
    return ", ".join(map(_attribute_text, option)) or "nothing"


def _attribute_text(attribute: Any) -> str:
    if isinstance(attribute, str):
        return attribute
    value = attribute.get("value")
    return f"{attribute['type']}{'' if value is None else f', which must be {value}'}"
