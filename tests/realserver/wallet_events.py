"""What a wallet reports about a session, and what its user may do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Accept:
    """Agree.

    For each outer disjunction the first option that the wallet can give is sent (else an
    expired one; where there is none, the wallet refuses, as the app does). `options` picks
    another by its index in `Requested.candidates`. `send` ignores the request: one list an outer
    disjunction, of attributes that the wallet holds, too few or too many if the test likes.
    """

    options: Mapping[int, int] | None = None
    send: Sequence[Sequence[str]] | None = None
    delay_ms: int = 0


@dataclass(frozen=True)
class Refuse:
    """Say no."""

    delay_ms: int = 0


@dataclass(frozen=True)
class Hold:
    """Wait for `WalletSession.answer`, or for `dismiss`."""


@dataclass(frozen=True)
class Disappear:
    """Never answer: the session stays `CONNECTED` until the server gives up."""


Answer = Accept | Refuse | Hold | Disappear


@dataclass(frozen=True)
class Candidate:
    """One attribute of one option; not `present` where the wallet lacks the credential."""

    attribute: str
    present: bool
    expired: bool


@dataclass(frozen=True)
class Requested:
    """What the app shows its user."""

    session_type: str
    satisfiable: bool
    disclose: list[Any] | None  # the condiscon as the app got it
    candidates: tuple[tuple[tuple[Candidate, ...], ...], ...]  # outer, option, attribute
    requestor_name: str
    requestor_unverified: bool
    labels: dict[str, dict[str, str]]
    message: str | None  # signature
    credentials: list[dict[str, Any]] | None  # issuance


@dataclass(frozen=True)
class PairingRequired:
    """The code that the app shows, to be typed into the frontend."""

    code: str


@dataclass(frozen=True)
class ReturnUrl:
    """Where the app will send its user at the end."""

    url: str


@dataclass(frozen=True)
class Succeeded:
    """The end of the session: accepted by the server. `sent` is the proof or signature."""

    sent: Any


@dataclass(frozen=True)
class Cancelled:
    """The end of the session: refused or dismissed."""


@dataclass(frozen=True)
class Failed:
    """The end of the session: irmago's error, and the server's where it sent one."""

    error: str
    info: str
    description: str
    remote_status: int
    remote: dict[str, Any] | None


@dataclass(frozen=True)
class Disappeared:
    """The end of the story; the session is still open at the server."""


Outcome = Succeeded | Cancelled | Failed | Disappeared
Event = Requested | PairingRequired | ReturnUrl | Outcome


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The answer as the wallet process reads it."""
    given = {name: value for name, value in asdict(answer).items() if value is not None}
    return {"policy": type(answer).__name__.lower(), **given}


def event_from_json(line: dict[str, Any]) -> Event:
    """Read one line of the wallet process."""
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
