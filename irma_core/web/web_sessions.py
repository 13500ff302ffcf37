"""The calls that a page makes in the browser (start, finish, status, cancel), sync and async.

Each method only runs a flow. The steps and their order are in `web_starting` and `web_finishing`,
the first checks are in `browser_posts`, and the codes are in `web_refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, final

from irma_core.async_requestor import AsyncRequestor
from irma_core.models.arguments import check_instance
from irma_core.protocol.part_checks import check_function
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.web.next_receivers import AsyncNextSessionReceiver, NextSessionReceiver
from irma_core.web.questions import Questions
from irma_core.web.receivers import AsyncCallbackReceiver, CallbackReceiver
from irma_core.web.web_answers import Complete, Finished
from irma_core.web.web_calls import WebCall
from irma_core.web.web_finishing import finish_flow
from irma_core.web.web_messages import WebReply, WebRequest
from irma_core.web.web_refusals import Step
from irma_core.web.web_settings import make_settings
from irma_core.web.web_starting import cancel_flow, preflight_reply, start_flow, status_flow

__all__ = ["AsyncWebSessions", "WebSessions"]

_LIFETIME: Final = timedelta(minutes=5)
_SESSIONS: Final = 20


@final
@boundary
class WebSessions:
    """Logs visitors in, with any web framework. It has a method for each of the page's four calls.

    Threads may share one `WebSessions`, and any process with the same keys, store and questions can
    handle any call. Each call is a `POST` with JSON. Each reply, even after an invalid request or a
    failure, is either a 200 or a JSON error with a code and a sentence for the person.

    A session belongs to the browser that started it. The library ensures this with a cookie, which
    it sets once and which needs HTTPS. A browser may have several sessions at a time, one in each
    of its tabs.

    Args:
        requestor: The requestor that starts the sessions.
        keys: Sealing keys from `new_sealing_key`, the same in all processes. To change keys, put
            the new key first, and remove the old key half an hour later.
        store: Records which sessions each browser has, and which logins are complete. All
            processes share it.
        questions: The questions, by the names that pages use. See `Question`.
        callbacks: Receives the outcomes of questions with `has_callback`.
        next_sessions: Chooses the next sessions of questions with `has_next_session`.
        lifetime: How long a person has to connect an app. The server gets it as the session's
            `timeout`, unless the request has a shorter one.
        sessions_per_browser: How many sessions a browser may have at a time. If a browser starts
            one more, its oldest session is cancelled.
        origins: Other origins whose pages may make these calls, such as `"https://app.example"` for
            a single-page application.
        plain_cookie: Whether to use a cookie that works over plain HTTP, for development. Calls
            that do not use plain HTTP to a loopback address are then refused.

    Raises:
        ConfigurationError: A setting is invalid, or the store or a receiver is async.
        UsageError: The requestor is not a `Requestor`, or a flag is not a `bool`.
    """

    def __init__(
        self,
        requestor: Requestor,
        keys: Sequence[str],
        *,
        store: Store,
        questions: Questions,
        callbacks: CallbackReceiver | None = None,
        next_sessions: NextSessionReceiver | None = None,
        lifetime: timedelta = _LIFETIME,
        sessions_per_browser: int = _SESSIONS,
        origins: Iterable[str] = (),
        plain_cookie: bool = False,
    ) -> None:
        self._requestor = check_instance(requestor, Requestor, "requestor", "a Requestor")
        self._settings = make_settings(
            requestor.context,
            keys,
            store=store,
            questions=questions,
            callbacks=callbacks,
            next_sessions=next_sessions,
            lifetime=lifetime,
            sessions_per_browser=sessions_per_browser,
            origins=origins,
            plain_cookie=plain_cookie,
        )

    def __repr__(self) -> str:
        return f"<WebSessions for {', '.join(self._settings.questions)}>"

    def start(self, name: str, request: WebRequest) -> WebReply:
        """Start a session that asks a question.

        Args:
            name: The name of the question, from the URL. For an unknown name, the reply is an
                error.
            request: The browser's request. Its JSON may have `page`, the path of the page, and
                `same_device`, which says whether the app is on the same device and returns to that
                page.

        Returns:
            The reply to send: `sessionPtr` and `frontendRequest` for the browser package, `handle`,
            and `timeout` in seconds; or an error.

        Raises:
            UsageError: An argument has the wrong type.
        """
        call = self._call(Step.START, name, request)
        return self._requestor.run_flow(start_flow(call))

    def finish(self, name: str, request: WebRequest, complete: Complete) -> Finished:
        """Run the application's login once with the answer from a session.

        For a minute, a repeated call, for example after a lost reply or a double click, gets the
        same outcome without running the login again.

        Args:
            name: The name of the question, as for `start`.
            request: The browser's request. Its JSON has either the `handle` or a `slot`: the number
                in the fragment `#irma-NAME-NUMBER` of the URL that the app opened. It may also have
                `next`, a page on the same site.
            complete: The login, a function that takes a `WebAnswer`. It returns a small JSON value,
                such as the key of the framework's session. With this value, your code can restore
                the same state in a repeated call. If the login raises, a repeated call runs it
                again. To refuse the person, raise `LoginRefusedError`.

        Returns:
            The outcome, with the reply to send: `next`, or an error.

        Raises:
            ConfigurationError: `complete` is not a function, or is async.
            UsageError: Another argument has the wrong type.
        """
        call = self._call(Step.FINISH, name, request)
        check_function(complete, "complete", may_be_async=False)
        return self._requestor.run_flow(finish_flow(call, complete))

    def status(self, name: str, request: WebRequest) -> WebReply:
        """Return the `status` of a session; arguments and errors are those of `start`.

        The request's JSON has the `handle` or the `slot`.
        """
        call = self._call(Step.STATUS, name, request)
        return self._requestor.run_flow(status_flow(call))

    def cancel(self, name: str, request: WebRequest) -> WebReply:
        """Cancel a session, and return its `status`; arguments and errors are those of `start`.

        The request's JSON has the `handle` or the `slot`.
        """
        call = self._call(Step.CANCEL, name, request)
        return self._requestor.run_flow(cancel_flow(call))

    def preflight(self, request: WebRequest) -> WebReply:
        """Return the reply to an `OPTIONS` request, for pages of `origins`.

        Raises:
            UsageError: The request has the wrong type.
        """
        return preflight_reply(self._call(Step.PREFLIGHT, "", request))

    def _call(self, step: Step, name: str, request: WebRequest) -> WebCall:
        check_instance(name, str, "name", "a string")
        check_instance(request, WebRequest, "request", "a WebRequest")
        return WebCall(self._requestor.context, self._settings, step, name, request)


@final
@boundary
class AsyncWebSessions:
    """`WebSessions` for an `AsyncRequestor`: the same arguments, methods and errors.

    `start`, `finish`, `status` and `cancel` are awaited; `preflight` is not. Functions of the
    application may be async or not.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        keys: Sequence[str],
        *,
        store: AsyncStore,
        questions: Questions,
        callbacks: AsyncCallbackReceiver | None = None,
        next_sessions: AsyncNextSessionReceiver | None = None,
        lifetime: timedelta = _LIFETIME,
        sessions_per_browser: int = _SESSIONS,
        origins: Iterable[str] = (),
        plain_cookie: bool = False,
    ) -> None:
        self._requestor = check_instance(
            requestor, AsyncRequestor, "requestor", "an AsyncRequestor"
        )
        self._settings = make_settings(
            requestor.context,
            keys,
            store=store,
            questions=questions,
            callbacks=callbacks,
            next_sessions=next_sessions,
            lifetime=lifetime,
            sessions_per_browser=sessions_per_browser,
            origins=origins,
            plain_cookie=plain_cookie,
        )

    def __repr__(self) -> str:
        return f"<AsyncWebSessions for {', '.join(self._settings.questions)}>"

    async def start(self, name: str, request: WebRequest) -> WebReply:
        """Start a session that asks a question; see `WebSessions.start`."""
        call = self._call(Step.START, name, request)
        return await self._requestor.run_flow(start_flow(call))

    async def finish(self, name: str, request: WebRequest, complete: Complete) -> Finished:
        """Run the application's login once; see `WebSessions.finish`."""
        call = self._call(Step.FINISH, name, request)
        check_function(complete, "complete", may_be_async=True)
        return await self._requestor.run_flow(finish_flow(call, complete))

    async def status(self, name: str, request: WebRequest) -> WebReply:
        """Return the status of a session; see `WebSessions.status`."""
        call = self._call(Step.STATUS, name, request)
        return await self._requestor.run_flow(status_flow(call))

    async def cancel(self, name: str, request: WebRequest) -> WebReply:
        """Cancel a session; see `WebSessions.cancel`."""
        call = self._call(Step.CANCEL, name, request)
        return await self._requestor.run_flow(cancel_flow(call))

    def preflight(self, request: WebRequest) -> WebReply:
        """Return the reply to an `OPTIONS` request; see `WebSessions.preflight`."""
        return preflight_reply(self._call(Step.PREFLIGHT, "", request))

    def _call(self, step: Step, name: str, request: WebRequest) -> WebCall:
        check_instance(name, str, "name", "a string")
        check_instance(request, WebRequest, "request", "a WebRequest")
        return WebCall(self._requestor.context, self._settings, step, name, request)
