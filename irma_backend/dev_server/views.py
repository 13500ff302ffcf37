"""The contents of the pages about sessions and the app. They include no requestor token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs

from irma_backend.dev_server.examples import example_value
from irma_backend.dev_server.listing import title_of, titles_of
from irma_core.models.statuses import ProofStatus
from irma_testing import HeldCredential, RequestedAttribute, ScannedSession

__all__ = [
    "CredentialView",
    "Ending",
    "FieldView",
    "SessionView",
    "SlotView",
    "conflict_of",
    "held_of_type",
    "option_field",
    "value_field",
    "view_of",
]

State: TypeAlias = Literal["pairing", "deciding", "over"]
_LANGUAGE = "en"
_DONE: Final[Mapping[str, str]] = {
    "disclosing": "Shared",
    "signing": "Signed",
    "issuing": "Received",
}


@final
@attrs.frozen
class FieldView:
    """One requested attribute.

    Args:
        field: The name of the form field; empty if there is nothing to enter.
        identifier: The attribute, or the credential type.
        title: A short title for the attribute or credential type.
        value: The required value, the value that the app holds, or an example.
        is_required: Whether the value is required.
        is_example: Whether the value is an example, because the app does not hold the credential.
        conflict: The value that the app holds, if the request requires a different one; otherwise
            empty.
    """

    field: str
    identifier: str
    title: str
    value: str = attrs.field(repr=False)
    is_required: bool
    is_example: bool = False
    conflict: str = attrs.field(default="", repr=False)


@final
@attrs.frozen
class SlotView:
    """One disjunction: its form field, its label, its options, and the option that is preselected.

    If `has_own_label` is false, the request has no label, and `label` is a generic one that a page
    may hide.
    """

    field: str
    label: str
    options: tuple[tuple[FieldView, ...], ...]
    chosen: int
    has_own_label: bool = True

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one option."""
        return len(self.options) > 1

    @property
    def titles(self) -> tuple[str, ...]:
        """A title for each option."""
        return tuple(
            titles_of([field.identifier for field in option]) or "nothing"
            for option in self.options
        )

    @property
    def is_impossible(self) -> bool:
        """Whether every option requires values that differ from those in the app."""
        return bool(self.options) and all(map(_has_conflict, self.options))


@final
@attrs.frozen
class CredentialView:
    """A credential: its type, and its attributes by name, where None stands for no value."""

    type: str
    attributes: Mapping[str, str | None] = attrs.field(repr=False)

    @property
    def title(self) -> str:
        """A short title for the credential type."""
        return title_of(self.type)


@final
@attrs.frozen
class Ending:
    """How a session ended, in words for the person.

    Args:
        heading: The outcome in a word or two.
        text: A sentence or two, which may say what to expect next.
        is_good: Whether the application got what it asked for.
    """

    heading: str
    text: str
    is_good: bool = False


@final
@attrs.frozen
class SessionView:
    """A scanned session, as the person sees it.

    `person` says who owns the app. `can_lie` is true if the request requires a certain value,
    because the person can then send a different value instead.
    """

    name: str
    state: State
    requestor: str = ""
    person: str = ""
    type: str = ""
    pairing_code: str = ""
    message: str = ""
    slots: tuple[SlotView, ...] = ()
    issued: tuple[CredentialView, ...] = ()
    can_lie: bool = False
    ending: Ending | None = None
    return_url: str = ""

    @property
    def can_accept(self) -> bool:
        """Whether an honest person could accept the session."""
        return not any(slot.is_impossible for slot in self.slots)


_REFUSED: Final = Ending(
    "Refused", "Refused: the session is cancelled. Your application should show that."
)
_ENDED_ELSEWHERE: Final = Ending(
    "This session has ended", "The session ended before this app answered."
)


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
    person: str,
    ending: Ending | None = None,
) -> SessionView:
    """Return the view of a scanned session.

    Args:
        name: The session's name on the page.
        session: The session that the app has scanned.
        credentials: The credentials in the app.
        is_open: Whether the session is still in progress on the server.
        requestor: The name of the requestor.
        person: The title of the app, which says who owns it.
        ending: How the session ended, if the person ended it without answering.
    """
    if session.outcome is not None or not is_open:
        return _over(name, session, ending)
    if not session.is_paired:
        return SessionView(
            name, "pairing", requestor, person, pairing_code=session.pairing_code or ""
        )
    request = session.request
    return SessionView(
        name,
        "deciding",
        requestor,
        person,
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
    """Return the newest credential of a type, or None if there is no such credential."""
    return next((held for held in credentials if held.credential_type == credential_type), None)


def conflict_of(credentials: Sequence[HeldCredential], asked: RequestedAttribute) -> str:
    """Return the value of an attribute in the app, if the request requires a different value.

    The result is empty if the app holds the required value, or no value at all.
    """
    values = [
        held.attributes.get(asked.name)
        for held in credentials
        if held.credential_type == asked.credential_type
    ]
    if asked.value is None or asked.value in values:
        return ""
    return next(filter(None, values), "")


def _has_conflict(option: tuple[FieldView, ...]) -> bool:
    return any(field.conflict for field in option)


def _over(name: str, session: ScannedSession, ending: Ending | None) -> SessionView:
    outcome = session.outcome
    if outcome is None:
        return SessionView(name, "over", ending=ending or _ENDED_ELSEWHERE)
    if outcome.error:
        said = f"The server rejected the app: {outcome.error} {outcome.message}".strip()
        return SessionView(name, "over", ending=Ending("Rejected", said))
    status = outcome.proof_status
    if status is None:
        return SessionView(name, "over", ending=_REFUSED)
    said = f"Sent. The server reports that the proof is {status.value}."
    if status is not ProofStatus.VALID:
        said = f"{said} Your application should not accept it."
        return SessionView(name, "over", ending=Ending("Not valid", said))
    said = f"{said} Continue on your application's page."
    return SessionView(
        name,
        "over",
        ending=Ending(_DONE[session.type.value], said, is_good=True),
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
        _slot(number, count, _translated(labels.get(str(number))), options, can)
        for number, (options, can) in enumerate(
            zip(_fields(session, credentials), session.options, strict=True)
        )
    )


def _fields(
    session: ScannedSession, credentials: Sequence[HeldCredential]
) -> Iterator[tuple[tuple[FieldView, ...], ...]]:
    """Yield each slot as a tuple of options; each option is a tuple of one field per attribute."""
    for slot, disjunction in enumerate(session.disclose):
        yield tuple(
            tuple(
                _field(value_field(slot, number, index), asked, credentials)
                for index, asked in enumerate(option)
            )
            for number, option in enumerate(disjunction)
        )


def _slot(
    number: int,
    count: int,
    label: str,
    options: tuple[tuple[FieldView, ...], ...],
    can: Sequence[bool],
) -> SlotView:
    possible = [at for at, option in enumerate(options) if not _has_conflict(option)]
    usual = f"Part {number + 1} of {count}" if count > 1 else "Attributes to share"
    if len(options) > 1:
        usual = f"{usual}: choose one"
    return SlotView(
        option_field(number),
        label or usual,
        options,
        next((at for at in possible if can[at]), next(iter(possible), 0)),
        has_own_label=bool(label),
    )


def _field(
    field: str, asked: RequestedAttribute, credentials: Sequence[HeldCredential]
) -> FieldView:
    title = title_of(asked.type)
    if not asked.name:
        return FieldView("", asked.type, title, "", is_required=False)
    if asked.value is not None:
        conflict = conflict_of(credentials, asked)
        return FieldView("", asked.type, title, asked.value, is_required=True, conflict=conflict)
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
