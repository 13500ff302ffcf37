"""The events of a wallet's session, and its user's answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Accept:
    """Accept the request.

    For each outer disjunction the wallet sends the first option that it holds, or else an expired
    one. If it holds no option it refuses, as the app does. `options` selects another option by its
    index in `Requested.candidates`. `send` replaces the wallet's choice: it has a list for each
    outer disjunction, of attributes that the wallet holds. A list may have too few or too many
    attributes.
    """

    options: Mapping[int, int] | None = None
    send: Sequence[Sequence[str]] | None = None
    delay_ms: int = 0


@dataclass(frozen=True)
class Refuse:
    """Refuse the request."""

    delay_ms: int = 0


@dataclass(frozen=True)
class Hold:
    """Wait for `WalletSession.answer`, or for `dismiss`."""


@dataclass(frozen=True)
class Disappear:
    """Never answer, so that the session stays `CONNECTED` until the server's time-out."""


Answer = Accept | Refuse | Hold | Disappear


@dataclass(frozen=True)
class Candidate:
    """One attribute of one option; not `present` if the wallet lacks the credential."""

    attribute: str
    present: bool
    expired: bool


@dataclass(frozen=True)
class Requested:
    """The request as the app shows it to its user."""

    session_type: str
    satisfiable: bool
    disclose: list[Any] | None  # the condiscon as the app received it
    candidates: tuple[tuple[tuple[Candidate, ...], ...], ...]  # outer, option, attribute
    requestor_name: str
    requestor_unverified: bool
    labels: dict[str, dict[str, str]]
    message: str | None  # signature
    credentials: list[dict[str, Any]] | None  # issuance


@dataclass(frozen=True)
class PairingRequired:
    """The pairing code that the app shows, to be entered in the frontend."""

    code: str


@dataclass(frozen=True)
class ReturnUrl:
    """The URL to which the app sends its user at the end."""

    url: str


@dataclass(frozen=True)
class Succeeded:
    """The end of a session that the server accepted; `sent` is the proof or signature."""

    sent: Any


@dataclass(frozen=True)
class Cancelled:
    """The end of a session that the user refused or dismissed."""


@dataclass(frozen=True)
class Failed:
    """The end of a session that failed, with irmago's error, and the server's if it sent one."""

    error: str
    info: str
    description: str
    remote_status: int
    remote: dict[str, Any] | None


@dataclass(frozen=True)
class Disappeared:
    """The last event of a session that is still open at the server."""


Outcome = Succeeded | Cancelled | Failed | Disappeared
Event = Requested | PairingRequired | ReturnUrl | Outcome


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return the answer as the wallet process reads it."""
    given = {name: value for name, value in asdict(answer).items() if value is not None}
    return {"policy": type(answer).__name__.lower(), **given}


def event_from_json(line: dict[str, Any]) -> Event:
    """Return the event in a line that the wallet process wrote."""
    return _READERS[line["event"]](line)


def _failed(line: dict[str, Any]) -> Failed:
    return Failed(
        error=line["error"],
        info=line["info"],
        description=line.get("description", ""),
        remote_status=line.get("remote_status", 0),
        remote=line.get("remote"),
    )


def _requested(line: dict[str, Any]) -> Requested:
    return Requested(
        session_type=line["type"],
        satisfiable=line["satisfiable"],
        disclose=line["disclose"],
        candidates=tuple(
            tuple(tuple(Candidate(**attribute) for attribute in option) for option in options)
            for options in line["candidates"]
        ),
        requestor_name=line["requestor"]["name"]["en"],
        requestor_unverified=line["requestor"]["unverified"],
        labels=line["labels"] or {},
        message=line.get("message"),
        credentials=line.get("credentials"),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    "request": _requested,
    "pairing": lambda line: PairingRequired(line["code"]),
    "return_url": lambda line: ReturnUrl(line["url"]),
    "success": lambda line: Succeeded(line.get("result")),
    "cancelled": lambda _: Cancelled(),
    "failure": _failed,
    "disappeared": lambda _: Disappeared(),
}
