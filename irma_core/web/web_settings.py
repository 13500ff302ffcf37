"""The checked settings of `WebSessions`, and the keys of the values that it puts into the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.flows.context import RequestorContext
from irma_core.models.arguments import check_flag
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.part_checks import check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject
from irma_core.web.browser_posts import Site
from irma_core.web.next_receivers import AsyncNextSessionReceiver, NextSessionReceiver
from irma_core.web.next_urls import origin_of
from irma_core.web.questions import Question, Questions, check_questions
from irma_core.web.receivers import AsyncCallbackReceiver, CallbackReceiver

__all__ = ["WebSettings", "check_origins", "make_settings"]

Callbacks = CallbackReceiver | AsyncCallbackReceiver
NextSessions = NextSessionReceiver | AsyncNextSessionReceiver

_SHORTEST: Final = timedelta(seconds=10)
_LONGEST: Final = timedelta(hours=1)
_MOST_SLOTS: Final = 100
_AFTER_CONNECTING: Final = timedelta(minutes=20)
"""How long a handle must remain valid after the app has connected. By default, the server gives a
connected app 15 minutes to finish, and then keeps the result for 5 minutes."""


@final
@attrs.frozen(eq=False, repr=False)
class WebSettings(ValueObject):
    """The checked settings of a website's `WebSessions`.

    Args:
        sealer: Seals the handles and the login outcomes.
        store: Contains the slots, handles, claims and login outcomes.
        questions: The questions, by name.
        site: The settings that describe the website itself.
        callbacks: Creates the callback URLs; None if no question has a callback.
        next_sessions: Creates the next-session URLs; None if no question has a next session.
        lifetime: How long a person has to connect an app to a session.
        slots: How many sessions a browser may have at a time.
    """

    sealer: Sealer = attrs.field(repr=False)
    store: Store | AsyncStore = attrs.field(repr=False)
    questions: Questions = attrs.field(repr=False)
    site: Site
    callbacks: Callbacks | None
    next_sessions: NextSessions | None
    lifetime: timedelta
    slots: int

    @property
    def handle_lifetime(self) -> timedelta:
        """How long a handle is valid, counted from the start of its session."""
        return self.lifetime + _AFTER_CONNECTING

    def slot_key(self, binding: str, number: int) -> str:
        """Return the store's key for a browser's slot. The key does not reveal the cookie."""
        return f"irma-web:{_digest(binding)}:{number}"

    def login_key(self, token: RequestorToken) -> str:
        """Return the store's key for a session's login. The key does not reveal the token."""
        return f"irma-web:login:{_digest(token.reveal())}"


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_settings(
    context: RequestorContext,
    keys: Sequence[str],
    *,
    store: Store | AsyncStore,
    questions: Questions,
    callbacks: Callbacks | None,
    next_sessions: NextSessions | None,
    lifetime: timedelta,
    sessions_per_browser: int,
    origins: Iterable[str],
    plain_cookie: bool,
) -> WebSettings:
    """Check the settings of a website, and return them.

    Raises:
        ConfigurationError: A setting is invalid.
        UsageError: `plain_cookie` is not a `bool`.
    """
    check_store(store, is_async=context.is_async)
    _check_receiver(callbacks, "callbacks", CallbackReceiver, AsyncCallbackReceiver, context)
    _check_receiver(
        next_sessions, "next_sessions", NextSessionReceiver, AsyncNextSessionReceiver, context
    )
    given: object = lifetime
    if not isinstance(given, timedelta) or not _SHORTEST <= given <= _LONGEST or given.microseconds:
        raise ConfigurationError(
            "lifetime: must be a timedelta of whole seconds, from ten seconds to an hour"
        )
    count: object = sessions_per_browser
    if type(count) is not int or not 1 <= count <= _MOST_SLOTS:
        raise ConfigurationError(
            f"sessions_per_browser: must be a whole number from 1 to {_MOST_SLOTS}"
        )
    settings = WebSettings(
        Sealer(keys),
        store,
        check_questions(questions, is_async=context.is_async),
        Site(check_origins(origins), check_flag(plain_cookie, "plain_cookie")),
        callbacks,
        next_sessions,
        lifetime,
        sessions_per_browser,
    )
    for asked in settings.questions.values():
        if isinstance(asked, Question):
            check_receivers(settings, asked)
    return settings


def check_receivers(settings: WebSettings, question: Question) -> None:
    """Check that the receivers that a question needs are configured.

    Raises:
        ConfigurationError: A receiver is missing.
    """
    if question.has_callback and settings.callbacks is None:
        raise ConfigurationError(
            "callbacks: is missing; a question with has_callback needs a CallbackReceiver"
        )
    if question.has_next_session and settings.next_sessions is None:
        raise ConfigurationError(
            "next_sessions: is missing; a question with has_next_session needs a "
            "NextSessionReceiver"
        )


def _check_receiver(
    receiver: object, name: str, kind: type, async_kind: type, context: RequestorContext
) -> None:
    wanted = async_kind if context.is_async else kind
    if receiver is not None and not isinstance(receiver, wanted):
        raise ConfigurationError(f"{name}: must be of type {wanted.__name__}, or None")


def check_origins(origins: object) -> frozenset[str]:
    """Check the setting `origins`, the other origins whose pages may call a site; return a set.

    Raises:
        ConfigurationError: The setting is not a list of origins.
    """
    if isinstance(origins, str | bytes) or not isinstance(origins, Iterable):
        raise ConfigurationError('origins: must be a list such as ["https://app.example"]')
    checked: set[str] = set()
    for origin in origins:
        if not isinstance(origin, str) or origin_of(origin) != origin:
            raise ConfigurationError(
                "origins: each must be an origin as browsers write it, in lower case, without a "
                'path and without the default port, such as "https://app.example"'
            )
        checked.add(origin)
    return frozenset(checked)
