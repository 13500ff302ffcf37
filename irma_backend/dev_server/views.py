"""The values that the pages show of sessions and of the app. They hold no requestor token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, final

import attrs

from irma_testing import HeldCredential, OpenSession, RequestedAttribute, ScannedSession

__all__ = [
    "CredentialView",
    "FieldView",
    "ListedView",
    "SessionView",
    "SlotView",
    "held_of_type",
    "listed",
    "name_of",
    "option_field",
    "value_field",
    "view_of",
]

State: TypeAlias = Literal["pairing", "deciding", "over"]
_LANGUAGE = "en"


@final
@attrs.frozen
class ListedView:
    """An open session in the list. `place` says which app has scanned it, if any."""

    name: str
    type: str
    status: str
    place: Literal["new", "here", "elsewhere"]


@final
@attrs.frozen
class FieldView:
    """One requested attribute.

    Args:
        field: The name of its field in the form; empty if there is nothing to enter.
        identifier: The attribute, or the credential type.
        value: The required value, or the value that the app holds; empty without one.
        is_required: Whether the value is required.
    """

    field: str
    identifier: str
    value: str = attrs.field(repr=False)
    is_required: bool


@final
@attrs.frozen
class SlotView:
    """One disjunction: the field for the choice, the label, the options, the preselected one."""

    field: str
    label: str
    options: tuple[tuple[FieldView, ...], ...]
    chosen: int


@final
@attrs.frozen
class CredentialView:
    """A credential: its type, and its attributes by name; None for one without a value."""

    type: str
    attributes: Mapping[str, str | None] = attrs.field(repr=False)


@final
@attrs.frozen
class SessionView:
    """A scanned session, as the person sees it."""

    name: str
    state: State
    type: str = ""
    pairing_code: str = ""
    message: str = ""
    slots: tuple[SlotView, ...] = ()
    issued: tuple[CredentialView, ...] = ()
    outcome: str = ""
    return_url: str = ""


def name_of(url: str) -> str:
    """Return the name of a session on the pages: the client token, which the QR code shows."""
    return url.rpartition("/")[2]


def option_field(slot: int) -> str:
    """Return the name of the field for the chosen option of a disjunction."""
    return f"option-{slot}"


def value_field(slot: int, option: int, attribute: int) -> str:
    """Return the name of the field for the value of an attribute."""
    return f"value-{slot}-{option}-{attribute}"


def listed(session: OpenSession, *, is_here: bool) -> ListedView:
    """Return the view of an open session in the list; `is_here` if our own app has scanned it."""
    status = session.status.value
    is_new = status == "INITIALIZED"
    place: Literal["new", "here", "elsewhere"] = (
        "here" if is_here else "new" if is_new else "elsewhere"
    )
    return ListedView(name_of(session.pointer.url), session.pointer.type.value, status, place)


def view_of(
    name: str,
    session: ScannedSession,
    credentials: Sequence[HeldCredential],
    *,
    is_open: bool,
) -> SessionView:
    """Return the view of a scanned session.

    Args:
        name: The session's name on the page.
        session: What the app has scanned.
        credentials: What the app holds.
        is_open: Whether the session still runs at the server.
    """
    if session.outcome is not None or not is_open:
        return _over(name, session)
    if not session.is_paired:
        return SessionView(name, "pairing", pairing_code=session.pairing_code or "")
    request = session.request
    return SessionView(
        name,
        "deciding",
        session.type.value,
        message=str(request.get("message", "")),
        slots=_slots(session, credentials),
        issued=tuple(
            CredentialView(issued["credential"], issued["attributes"])
            for issued in request.get("credentials", ())
        ),
    )


def held_of_type(
    credentials: Sequence[HeldCredential], credential_type: str
) -> HeldCredential | None:
    """Return the newest credential of a type, or None."""
    return next((held for held in credentials if held.credential_type == credential_type), None)


def _over(name: str, session: ScannedSession) -> SessionView:
    outcome = session.outcome
    if outcome is None:
        return SessionView(name, "over", outcome="The session ended before this app answered.")
    if outcome.error:
        message = f"The server rejected the app: {outcome.error} {outcome.message}".strip()
        return SessionView(name, "over", outcome=message)
    if outcome.proof_status is None:
        return SessionView(name, "over", outcome="Refused: the session is cancelled.")
    return SessionView(
        name,
        "over",
        outcome=f"Sent. The server reports that the proof is {outcome.proof_status.value}.",
        return_url=_return_url(session.request),
    )


def _return_url(request: Mapping[str, object]) -> str:
    url = str(request.get("clientReturnUrl", ""))
    # An augmented URL contains the requestor token. Links to `javascript:` are unsafe.
    is_http = url.lower().startswith(("http://", "https://"))
    return url if is_http and not request.get("augmentReturnUrl") else ""


def _slots(session: ScannedSession, credentials: Sequence[HeldCredential]) -> tuple[SlotView, ...]:
    labels = session.request.get("labels") or {}
    return tuple(
        SlotView(
            option_field(slot),
            _translated(labels.get(str(slot))),
            tuple(
                tuple(
                    _field(value_field(slot, number, index), asked, credentials)
                    for index, asked in enumerate(option)
                )
                for number, option in enumerate(disjunction)
            ),
            next((number for number, can_give in enumerate(can) if can_give), 0),
        )
        for slot, (disjunction, can) in enumerate(
            zip(session.disclose, session.options, strict=True)
        )
    )


def _field(
    field: str, asked: RequestedAttribute, credentials: Sequence[HeldCredential]
) -> FieldView:
    if not asked.name:
        return FieldView("", asked.type, "", is_required=False)
    if asked.value is not None:
        return FieldView("", asked.type, asked.value, is_required=True)
    held = held_of_type(credentials, asked.credential_type)
    value = held.attributes.get(asked.name) if held else None
    return FieldView(field, asked.type, value or "", is_required=False)


def _translated(texts: object) -> str:
    # The in-memory server does not check labels.
    if not isinstance(texts, Mapping):
        return ""
    return str(texts.get(_LANGUAGE) or next(iter(texts.values()), None) or "")
