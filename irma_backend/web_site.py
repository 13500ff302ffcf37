"""The code that the web adapters share: a site's settings, receivers and sessions.

Each adapter opens the requestor and the store as its framework requires. The rest is the same in
all adapters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar, cast, final

import attrs

from irma_backend.settings import Settings, SettingsSource, as_settings, read_settings
from irma_core import (
    AsyncCallbackReceiver,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    CallbackReceiver,
    KeptInStore,
    NextSessionReceiver,
    ReplayedCallback,
    Requestor,
    Sealer,
)
from irma_core.callbacks.kept_posts import KeptPosts
from irma_core.errors import ConfigurationError, IrmaError
from irma_core.interfaces import AsyncStore, Store
from irma_core.models.risks import Risk
from irma_core.protocol.part_checks import check_function
from irma_core.protocol.server_url import ServerUrl
from irma_core.web.questions import Questions
from irma_core.web.web_sessions import AsyncWebSessions, WebSessions

__all__ = [
    "AsyncWebSite",
    "SitePages",
    "WebSite",
    "async_web_site",
    "check_not_empty",
    "check_post_functions",
    "check_prefix",
    "check_question_name",
    "check_receives",
    "check_site_url",
    "describe_failure",
    "report_replay",
    "site_defaults",
    "site_questions",
    "site_settings",
    "split_arguments",
    "web_site",
]

ReceiverT = TypeVar("ReceiverT", CallbackReceiver, AsyncCallbackReceiver)
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*+)*+")
_OPENING: Final = ("settings", "plugins", "secrets", "allow", "transport")


def site_settings(source: object, server: object) -> Settings | None:
    """Return a site's settings, or None if its code names a server but no settings.

    Args:
        source: The settings or the path of their file, as the site's code passed it, or None.
        server: The server that the site's code names, or None.

    Raises:
        ConfigurationError: As for `read_settings`.
    """
    if source is None:
        return read_settings() if server is None else None
    return as_settings(cast("SettingsSource", source))  # an invalid value is refused there


def site_defaults(settings: Settings | None) -> dict[str, Any]:
    """Return the settings that apply where a site's code passes no argument.

    The keys are `url`, `origins`, `lifetime`, `plain_cookie` and `sealing_keys`. Settings that no
    source has are left out.

    Raises:
        ConfigurationError: A sealing key cannot be read.
    """
    if settings is None:
        return {}
    known = {**attrs.asdict(settings.web), "sealing_keys": settings.sealing_keys()}
    return {name: value for name, value in known.items() if value is not None}


def check_prefix(prefix: object, name: str) -> str:
    """Check and return the path prefix of a site's endpoints.

    Args:
        prefix: The path; empty for the root.
        name: The parameter's name.

    Raises:
        ConfigurationError: The argument is not a valid path.
    """
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"{name}: must be a path that begins with a slash and does not end with one, "
            'such as "/irma"'
        )
    return prefix


def check_site_url(url: object, name: str) -> str | None:
    """Return the base URL of a site, or None if it is not set.

    Raises:
        ConfigurationError: The argument is not a valid URL.
    """
    if url is None:
        return None
    # If the site has a receiver, the receiver also refuses plain HTTP.
    return ServerUrl.parse(cast("str", url), allow=tuple(Risk), what=name).text


def check_not_empty(value: object, name: str) -> None:
    """Check that a setting is not empty. Only a setting that is left out takes its default.

    Raises:
        ConfigurationError: The value is an empty string or list, for example because an environment
            variable is not set.
    """
    if isinstance(value, str | bytes | list | tuple) and not value:
        raise ConfigurationError(f"{name}: must not be empty; leave it out for the default")


def site_questions(settings: Settings | None, own: Questions | None) -> Questions:
    """Return a site's questions: those in its code, and the named requests in the settings.

    Args:
        settings: The settings.
        own: The questions in the site's code; None if there are none.

    Raises:
        ConfigurationError: There are no questions at all.
    """
    questions = {**(settings.requests if settings else {}), **(own or {})}
    if not questions:
        raise ConfigurationError(
            "questions: is missing; pass it, or define each request in a table of a settings file, "
            "such as [requests.login]"
        )
    return questions


def split_arguments(connect: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split arguments for `connect` into those for `open_parts` and those for `Parts.requestor`.

    Raises:
        ConfigurationError: The name of an argument is not a string.
    """
    if not all(isinstance(name, str) for name in connect):
        raise ConfigurationError("connect: argument names must be strings")
    opening = {name: value for name, value in connect.items() if name in _OPENING}
    return opening, {name: value for name, value in connect.items() if name not in _OPENING}


def check_question_name(questions: Questions, name: str, what: str) -> None:
    """Check that a site's code names an existing question.

    Args:
        questions: The questions, by name.
        name: The name to check.
        what: Where the name was given, for error messages.

    Raises:
        ConfigurationError: There is no such question.
    """
    if not issubclass(type(name), str):  # a proxy claims to be a string, but is not one
        raise ConfigurationError(f"{what}: the name of a question must be a string")
    if name not in questions:
        near = get_close_matches(name, questions, 1)
        advice = (
            f"did you mean {near[0]!r}?" if near else f"the questions are {', '.join(questions)}"
        )
        raise ConfigurationError(f"{what}: there is no such question; {advice}")


def check_receives(callbacks: ReceiverT | None) -> ReceiverT:
    """Return a site's callback receiver; raise an error if the site has none.

    Raises:
        ConfigurationError: The site has no callback receiver.
    """
    if callbacks is None:
        raise ConfigurationError(
            "deliver: is missing, so this site receives no callbacks; pass a function that "
            "receives outcomes"
        )
    return callbacks


def report_replay(
    replayed: Sequence[ReplayedCallback], write: Callable[[str], object]
) -> str | None:
    """Write a line for each replayed callback, and a final line if all were delivered.

    Returns:
        The error message for the command; None if all callbacks were delivered.
    """
    for each in replayed:
        write(f"session {each.session}: {each.problem or 'delivered'}")
    failed = sum(1 for each in replayed if each.problem)
    if failed:
        return f"{failed} of {len(replayed)} callbacks could not be delivered"
    write(
        "Delivered 1 callback." if len(replayed) == 1 else f"Delivered {len(replayed)} callbacks."
    )
    return None


def describe_failure(error: IrmaError) -> str:
    """Return an error's message and notes, for a command that ends because of the error."""
    return "\n".join([f"{error}", *getattr(error, "__notes__", ())])


def check_post_functions(deliver: object, choose: object, *, is_async: bool) -> None:
    """Check `deliver` and `choose`, which receive the server's posts. Either may be None.

    Without this check, an adapter would report a wrong function only later, when it opens its
    parts.

    Raises:
        ConfigurationError: An argument is not a function, or is `async def` in sync mode.
    """
    for place, function in (("deliver", deliver), ("choose", choose)):
        if function is not None:
            check_function(function, place, may_be_async=is_async)


@final
@attrs.frozen(kw_only=True)
class SitePages:
    """The properties of a site's pages that are set in the site's code.

    Args:
        url: The base URL of the endpoints, as the IRMA server sees it: `https://shop.example/irma`.
        questions: The questions, by name.
        deliver: Receives the outcomes of questions that use a callback; None if there are no such
            questions.
        choose: Chooses the next session of a question that may have one; None if there are no such
            questions.
        sessions: Further arguments for `WebSessions`.
        kept: Where callbacks are kept until `deliver` has returned; None to keep them in the store.
    """

    url: str
    questions: Questions
    deliver: Callable[..., Any] | None
    choose: Callable[..., Any] | None
    sessions: Mapping[str, Any]
    kept: KeptPosts | None = None

    @property
    def callback_url(self) -> str:
        """The URL to which the IRMA server posts outcomes."""
        return f"{self.url}/callback"

    @property
    def next_url(self) -> str:
        """The URL to which the IRMA server posts to ask for the next session."""
        return f"{self.url}/next"

    @property
    def posted_urls(self) -> tuple[str, ...]:
        """The URLs to which the IRMA server posts."""
        posted = ((self.callback_url, self.deliver), (self.next_url, self.choose))
        return tuple(url for url, function in posted if function)


@final
@attrs.frozen(eq=False)
class WebSite:
    """The receivers and sessions of a site.

    Attributes:
        sessions: Handles the calls from the page.
        callbacks: Receives the server's callbacks; None without `deliver`.
        next_sessions: Chooses the next session; None without `choose`.
    """

    sessions: WebSessions
    callbacks: CallbackReceiver | None
    next_sessions: NextSessionReceiver | None


@final
@attrs.frozen(eq=False)
class AsyncWebSite:
    """The receivers and sessions of an asyncio site; see `WebSite`."""

    sessions: AsyncWebSessions
    callbacks: AsyncCallbackReceiver | None
    next_sessions: AsyncNextSessionReceiver | None


def web_site(requestor: Requestor, store: Store, keys: Sequence[str], pages: SitePages) -> WebSite:
    """Return the receivers and sessions of a site.

    Args:
        requestor: Makes the calls to the IRMA server.
        store: The store that all processes of the site share.
        keys: The sealing keys.
        pages: The properties that are set in the site's code.

    Raises:
        ConfigurationError: A URL, a function or a question is invalid.
    """
    kinds = (CallbackReceiver, NextSessionReceiver, WebSessions)
    return WebSite(*_site(kinds, requestor, store, keys, pages))


def async_web_site(
    requestor: AsyncRequestor, store: AsyncStore, keys: Sequence[str], pages: SitePages
) -> AsyncWebSite:
    """Return the receivers and sessions of an asyncio site; see `web_site`."""
    kinds = (AsyncCallbackReceiver, AsyncNextSessionReceiver, AsyncWebSessions)
    return AsyncWebSite(*_site(kinds, requestor, store, keys, pages))


def _site(
    kinds: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]],
    requestor: object,
    store: Store | AsyncStore,
    keys: Sequence[str],
    pages: SitePages,
) -> tuple[Any, Any, Any]:
    make_callbacks, make_next_sessions, make_sessions = kinds
    sealed = {"sealer": Sealer(keys), "store": store}
    deliver, choose = pages.deliver, pages.choose
    callbacks = next_sessions = None
    if deliver is not None:
        kept = pages.kept or KeptInStore(store)
        callbacks = make_callbacks(
            requestor, pages.callback_url, deliver=deliver, kept=kept, **sealed
        )
    if choose is not None:
        next_sessions = make_next_sessions(requestor, pages.next_url, choose=choose, **sealed)
    sessions = make_sessions(
        requestor,
        keys,
        store=store,
        questions=pages.questions,
        callbacks=callbacks,
        next_sessions=next_sessions,
        **pages.sessions,
    )
    return sessions, callbacks, next_sessions
