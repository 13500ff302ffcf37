"""A website's questions, which its code defines and its pages refer to by name.

A browser sends only the name of a question. The application decides which request the name stands
for, so a browser cannot choose the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, cast, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_flag, check_instance, check_reference
from irma_core.models.holders import Hidden, hide_text
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    SessionRequest,
    SignatureRequest,
)
from irma_core.protocol.part_checks import check_function
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject
from irma_core.web.web_messages import WebRequest

__all__ = [
    "Asked",
    "Question",
    "QuestionSource",
    "Questions",
    "as_question",
    "check_questions",
]

_NAME: Final = r"[a-z0-9_-]{1,40}"
_NO_REFERENCE: Final[Hidden[str]] = Hidden("")
_REQUESTS: Final = (ExtendedRequest, DisclosureRequest, SignatureRequest, IssuanceRequest)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class Question(ValueObject):
    """A request, with the reference and options for its session.

    Args:
        request: The session's request.
        reference: The application's own reference, such as an order number or a user's id. It is
            returned with the answer, and the browser cannot read or change it. At most 200
            printable characters.
        has_callback: Whether the IRMA server also posts the outcome to the site. The receiver in
            `WebSessions(callbacks=…)` then handles the post.
        has_next_session: Whether another session may follow. The receiver in
            `WebSessions(next_sessions=…)` then chooses it.

    Raises:
        UsageError: An argument has the wrong type, or the reference is invalid.
    """

    request: SessionRequest | ExtendedRequest
    _reference: Hidden[str] = attrs.field(
        default=_NO_REFERENCE, alias="reference", converter=hide_text, repr=False
    )
    has_callback: bool = attrs.field(default=False, kw_only=True)
    has_next_session: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_instance(self.request, _REQUESTS, "request", "a request, such as a DisclosureRequest")
        check_reference(self.reference)
        check_flag(self.has_callback, "has_callback")
        check_flag(self.has_next_session, "has_next_session")

    @property
    def reference(self) -> str:
        """The application's own reference; empty if there is none."""
        return self._reference.reveal()


Asked: TypeAlias = SessionRequest | ExtendedRequest | Question
QuestionSource: TypeAlias = Asked | Callable[[WebRequest], Asked | Awaitable[Asked]]
Questions: TypeAlias = Mapping[str, QuestionSource]
"""Questions by name. Instead of a question, a value may be a function that takes the browser's
request and returns the question. With an `AsyncRequestor`, the function may be async."""


def as_question(asked: object) -> Question:
    """Return a `Question` unchanged, or put a request into a `Question` without options.

    Raises:
        UsageError: The value is neither a question nor a request.
    """
    if isinstance(asked, Question):
        return asked
    expected = "a Question or a request, such as a DisclosureRequest"
    return Question(cast("SessionRequest", check_instance(asked, _REQUESTS, "questions", expected)))


def check_questions(questions: object, *, is_async: bool) -> Questions:
    """Check the questions that an application defines, and return a copy of them.

    Raises:
        ConfigurationError: The argument is not a mapping of names to questions.
    """
    if not isinstance(questions, Mapping) or not questions:
        raise ConfigurationError(
            'questions: must map names to requests or Question objects, such as {"login": '
            "DisclosureRequest(…)}"
        )
    for name, source in questions.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise ConfigurationError(
                "questions: a name must consist of 1 to 40 characters: a-z, 0-9, - and _"
            )
        if isinstance(source, (Question, *_REQUESTS)):
            continue
        check_function(source, f'questions["{name}"]', may_be_async=is_async)
    return MappingProxyType(dict(questions))
