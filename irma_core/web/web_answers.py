"""The answer that the application's login receives, and the outcome of a `finish` call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

import attrs

from irma_core.json_text import JsonValue
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_flag, check_instance, check_optional
from irma_core.models.holders import Hidden, HiddenSecret, hide_optional, hide_text
from irma_core.models.sessions import StartedSession
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject
from irma_core.web.web_messages import WebReply

__all__ = ["Complete", "Finished", "WebAnswer"]

_NO_REFERENCE: Final[Hidden[str]] = Hidden("")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class WebAnswer(ValueObject):
    """The answer from a browser's session, which the application's login receives.

    Args:
        answer: The answer, which has passed every check.
        name: The name of the question.
        reference: The application's own reference, as in the question; empty if there is none.
        next_url: The page on the same site to which the browser goes next; None if the call named
            none.
        session: The session. Pass it to `NextSessionReceiver.follow` to get the answers of the
            sessions that followed it. Use only `answer` to log a person in. `session` is None only
            in a test without a session.

    Raises:
        UsageError: An argument has the wrong type.
    """

    answer: Answer
    name: str
    _reference: Hidden[str] = attrs.field(
        default=_NO_REFERENCE, alias="reference", converter=hide_text, repr=False
    )
    _next_url: Hidden[str | None] = attrs.field(
        default=None, alias="next_url", converter=hide_optional, repr=False
    )
    session: StartedSession | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_optional(self.session, StartedSession, "session", "a StartedSession")
        check_instance(self.answer, Answer, "answer", "an Answer")
        check_instance(self.name, str, "name", "a string")
        check_instance(self.reference, str, "reference", "a string")
        check_optional(self.next_url, str, "next_url", "a string")

    @property
    def reference(self) -> str:
        """The application's own reference; empty if there is none."""
        return self._reference.reveal()

    @property
    def next_url(self) -> str | None:
        """The page on the same site to which the browser goes next, or None."""
        return self._next_url.reveal()


Complete: TypeAlias = Callable[[WebAnswer], JsonValue | Awaitable[JsonValue]]
"""The application's login: a function that receives a `WebAnswer` and returns JSON of at most 4
KiB. Repeated calls get the same JSON.
"""


def _hide_value(value: JsonValue | Hidden[JsonValue]) -> Hidden[JsonValue]:
    return value if isinstance(value, Hidden) else HiddenSecret(value)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class Finished(ValueObject):
    """The outcome of a `finish` call.

    Args:
        reply: The reply to send.
        value: The value that the application's login returned, in this call or in the call that
            this one repeats.
        is_repeat: Whether the login ran in an earlier call, which this call repeats.
        web_answer: The answer that the login received, if the login ran in this call and worked;
            otherwise None.

    Raises:
        UsageError: An argument has the wrong type.
    """

    reply: WebReply
    _value: Hidden[JsonValue] = attrs.field(
        default=None, alias="value", converter=_hide_value, kw_only=True, repr=False
    )
    is_repeat: bool = attrs.field(default=False, kw_only=True)
    web_answer: WebAnswer | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_instance(self.reply, WebReply, "reply", "a WebReply")
        check_flag(self.is_repeat, "is_repeat")
        check_optional(self.web_answer, WebAnswer, "web_answer", "a WebAnswer")

    @property
    def value(self) -> JsonValue:
        """The value that the application's login returned; None if it failed."""
        return self._value.reveal()

    @property
    def code(self) -> str | None:
        """The code of the error in the reply; None if the reply has no error."""
        return self.reply.code

    @property
    def error(self) -> Exception | None:
        """The error that the call raised, for a log or a crash report; None if it raised none."""
        return self.reply.error

    @property
    def succeeded(self) -> bool:
        """Whether the login worked, in this call or in the call that this one repeats."""
        return self.code is None
