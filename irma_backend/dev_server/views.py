"""The facts about sessions and the app that the pages show. They hold no requestor token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, final

import attrs

from irma_backend.dev_server.examples import example_value
from irma_backend.dev_server.listing import title_of
from irma_testing import HeldCredential, RequestedAttribute, ScannedSession

__all__ = [
    "CredentialView",
    "FieldView",
    "SessionView",
    "SlotView",
    "held_of_type",
    "option_field",
    "value_field",
    "view_of",
]

State: TypeAlias = Literal["pairing", "deciding", "over"]
_LANGUAGE = "en"


@final
@attrs.frozen
class FieldView:
    """One requested attribute.

    Args:
        field: The name of its field in the form; empty if there is nothing to enter.
        identifier: The attribute, or the credential type.
        title: A short title for the attribute or credential type.
        value: The required value, the value that the app holds, or an example.
        is_required: Whether the value is required.
        is_example: Whether the value is an example, because the app does not hold the credential.
    """

    field: str
    identifier: str
    title: str
    value: str = attrs.field(repr=False)
    is_required: bool
    is_example: bool = False


@final
@attrs.frozen
class SlotView:
    """One disjunction: the field for the choice, the label, the options and the preselection."""

    field: str
    label: str
    options: tuple[tuple[FieldView, ...], ...]
    chosen: int

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one option."""
        return len(self.options) > 1


@final
@attrs.frozen
class CredentialView:
    """A credential: its type, and its attributes by name; None for one without a value."""

    type: str
    attributes: Mapping[str, str | None] = attrs.field(repr=False)

    @property
    def title(self) -> str:
        """A short title for the type."""
        return title_of(self.type)


@final
@attrs.frozen
class SessionView:
    """A scanned session, as the person sees it.

    `can_lie` says whether the request requires a value, so that the person could send another one.
    """

    name: str
    state: State
    requestor: str = ""
    type: str = ""
    pairing_code: str = ""
    message: str = ""
    slots: tuple[SlotView, ...] = ()
    issued: tuple[CredentialView, ...] = ()
    can_lie: bool = False
    outcome: str = ""
    return_url: str = ""


def option_field(slot: int) -> str:
    """Return the name of the field for the chosen option of a disjunction."""
    return f"option-{slot}"


def value_field(slot: int, option: int, attribute: int) -> str:
    """Return the name of the field for the value of an attribute."""
    return f"value-{slot}-{option}-{attribute}"


def view_of(
    name: str,
    session: ScannedSession,
    credentials: Sequence[HeldCredential],
    *,
    is_open: bool,
    requestor: str,
    ending: str = "",
) -> SessionView:
    """Return the view of a scanned session.

    Args:
        name: The session's name on the page.
        session: The session that the app has scanned.
        credentials: The credentials in the app.
        is_open: Whether the session still runs at the server.
        requestor: The name of the requestor.
        ending: How the person has ended the session without an answer; may be empty.
    """
    if session.outcome is not None or not is_open:
        return _over(name, session, ending)
    if not session.is_paired:
        return SessionView(name, "pairing", requestor, pairing_code=session.pairing_code or "")
    request = session.request
    return SessionView(
        name,
        "deciding",
        requestor,
        session.type.value,
        message=str(request.get("message", "")),
        slots=_slots(session, credentials),
        can_lie=any(
            attribute.value is not None
            for disjunction in session.disclose
            for attribute in next(filter(None, disjunction), ())
        ),
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


def _over(name: str, session: ScannedSession, ending: str) -> SessionView:
    outcome = session.outcome
    if outcome is None:
        ending = ending or "The session ended before this app answered."
        return SessionView(name, "over", outcome=ending)
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
    count = len(session.disclose)
    return tuple(
        SlotView(
            option_field(slot),
            _translated(labels.get(str(slot)))
            or (f"Part {slot + 1} of {count}" if count > 1 else "Attributes to share"),
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
    title = title_of(asked.type)
    if not asked.name:
        return FieldView("", asked.type, title, "", is_required=False)
    if asked.value is not None:
        return FieldView("", asked.type, title, asked.value, is_required=True)
    held = held_of_type(credentials, asked.credential_type)
    if held is None:
        example = example_value(asked.name)
        return FieldView(field, asked.type, title, example, is_required=False, is_example=True)
    value = held.attributes.get(asked.name) or ""
    return FieldView(field, asked.type, title, value, is_required=False)


def _translated(texts: object) -> str:
    # The in-memory server does not check labels.
    if not isinstance(texts, Mapping):
        return ""
    return str(texts.get(_LANGUAGE) or next(iter(texts.values()), None) or "")
