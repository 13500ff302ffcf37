"""The list of open sessions: who requests what, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, final

import attrs

from irma_testing import OpenSession

__all__ = ["ListedView", "asked_by", "listed", "name_of", "title_of"]

_MINUTE = 60
_DOTS_OF_ATTRIBUTE = 3
_LONGEST_MESSAGE = 80
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
        since: How long ago it was started, in words.
        started_at: When it was started, in ISO 8601.
        place: The app that has scanned it, if any.
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
    """Return the requestor's name for display; a server without authentication does not know it."""
    return requestor or "Your application"


def title_of(identifier: str) -> str:
    """Return a short title for an attribute or a credential type: its last part."""
    last = identifier.rpartition(".")[2]
    return last[:1].upper() + last[1:]


def listed(session: OpenSession, *, is_here: bool, now: datetime) -> ListedView:
    """Return the view of an open session in the list; `is_here` if our own app has scanned it."""
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
    title = title_of(identifier)
    card = title_of(identifier.rpartition(".")[0])
    if identifier.count(".") == _DOTS_OF_ATTRIBUTE and card != title:
        title = f"{title} ({card})"
    return title if value is None else f"{title}: {value}"
