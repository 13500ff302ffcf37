"""The list of open sessions: the requestor, the request, and the time since the start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, final

import attrs

from irma_testing import OpenSession

__all__ = ["ListedView", "asked_by", "listed", "name_of", "title_of", "titles_of"]

_MINUTE = 60
_DOTS_OF_ATTRIBUTE = 3
_LONGEST_MESSAGE = 80
_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z])(?=[0-9])")
"""Matches where a word starts in a name such as `personalData` or `over18`."""
_DOES = {
    "disclosing": "asks you to share",
    "signing": "asks you to sign",
    "issuing": "offers you",
}


@final
@attrs.frozen
class ListedView:
    """An open session in the list.

    Args:
        name: The session's name on the page.
        requestor: The name of the requestor.
        does: What the requestor asks the person to do.
        parts: The contents of the request, one line for each slot, message or credential.
        since: How long ago the session was started, in words.
        started_at: When the session was started, in ISO 8601.
        place: `new` if no app has scanned the session, `here` if our own app has, and otherwise
            `elsewhere`.
    """

    name: str
    requestor: str
    does: str
    parts: tuple[str, ...] = attrs.field(repr=False)
    since: str
    started_at: str
    place: Literal["new", "here", "elsewhere"]


def name_of(url: str) -> str:
    """Return the name of a session on the pages: the client token, which the QR code shows."""
    return url.rpartition("/")[2]


def asked_by(requestor: str) -> str:
    """Return the requestor's name for display; "Your application" if it has no name."""
    return requestor or "Your application"


def title_of(identifier: str) -> str:
    """Return a short title for an attribute or a credential type: "Over 18" for `….over18`."""
    first, *others = _WORD_START.split(identifier.rpartition(".")[2])
    return " ".join(
        [first[:1].upper() + first[1:], *(each[:1].lower() + each[1:] for each in others)]
    )


def titles_of(identifiers: Sequence[str]) -> str:
    """Return one title for attributes that belong together, such as "Street and City (Address)"."""
    cards = dict.fromkeys(_card_of(each) for each in identifiers)
    return " and ".join(
        _with_card(
            " and ".join(title_of(each) for each in identifiers if _card_of(each) == card), card
        )
        for card in cards
    )


def _card_of(identifier: str) -> str:
    is_attribute = identifier.count(".") == _DOTS_OF_ATTRIBUTE
    return identifier.rpartition(".")[0] if is_attribute else ""


def _with_card(titles: str, card: str) -> str:
    title = title_of(card)
    return titles if title in {"", titles} else f"{titles} ({title})"


def listed(session: OpenSession, *, is_here: bool, now: datetime) -> ListedView:
    """Return an open session's entry in the list.

    `is_here` says whether our own app has scanned the session.
    """
    is_new = session.status.value == "INITIALIZED"
    place: Literal["new", "here", "elsewhere"] = (
        "here" if is_here else "new" if is_new else "elsewhere"
    )
    return ListedView(
        name_of(session.pointer.url),
        asked_by(session.requestor),
        _DOES[session.pointer.type.value],
        tuple(_parts(session.request)),
        _since((now - session.started_at).total_seconds()),
        session.started_at.isoformat(timespec="seconds"),
        place,
    )


def _since(seconds: float) -> str:
    minutes = int(seconds // _MINUTE)
    if minutes < 1:
        return "less than a minute ago"
    return "a minute ago" if minutes == 1 else f"{minutes} minutes ago"


def _parts(request: Mapping[str, Any]) -> Iterator[str]:
    if message := str(request.get("message") or ""):
        is_long = len(message) > _LONGEST_MESSAGE
        yield f"“{message[:_LONGEST_MESSAGE]}{'…' if is_long else ''}”"
    for credential in request.get("credentials") or ():
        yield f"{title_of(credential['credential'])} (a credential)"
    for disjunction in request.get("disclose") or ():
        yield " or ".join(map(_option, disjunction or ()))


def _option(option: Sequence[Any] | None) -> str:
    return " and ".join(map(_attribute, option or ())) or "nothing"


def _attribute(attribute: Any) -> str:
    identifier = attribute if isinstance(attribute, str) else str(attribute["type"])
    value = None if isinstance(attribute, str) else attribute.get("value")
    title = titles_of([identifier])
    return title if value is None else f"{title}: {value}"
