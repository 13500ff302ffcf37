"""An in-memory IRMA server, which requestors, apps and browsers call without a socket."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, final
from urllib.parse import urlsplit

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_instance
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionType
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock
from irma_core.tracebacks import boundary
from irma_testing.arguments import (
    check_callable,
    check_clock,
    check_deliver,
    check_duration,
    check_url,
)
from irma_testing.memory.app_api import AppApi
from irma_testing.memory.callback_sender import Deliver
from irma_testing.memory.events import EventStream
from irma_testing.memory.lifecycle import Lifecycle
from irma_testing.memory.replies import (
    INTERNAL_ERROR,
    Refusal,
    ServerCrash,
    answer_preflight,
    bad_request,
    empty_reply,
    not_found,
    refusal_reply,
    too_slow,
    with_cors,
    without_body,
)
from irma_testing.memory.requestor_api import RequestorApi
from irma_testing.memory.requests import read_static
from irma_testing.memory.scheme import OPEN_SCHEME, Scheme
from irma_testing.memory.sessions import OpenSession, Session
from irma_testing.memory.settings import ServerSettings
from irma_testing.memory.transports import AsyncInMemoryTransport, InMemoryTransport
from irma_testing.time import ManualClock

__all__ = ["InMemoryServer"]

_LOGGER = logging.getLogger("irma_testing")
ResultT = TypeVar("ResultT")
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_STATIC_NAME = re.compile(r"[a-zA-Z0-9_]+")
_HANDLER_TIMEOUT = 4.2
# The methods of the official server's router. The router refuses other methods before it looks at
# the path.
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


@final
@boundary
class InMemoryServer:
    """Behaves like the official IRMA server, without a socket and with simulated proofs.

    Each of its JWTs has the claim `"simulated": true`. Timeouts, events and planned actions follow
    the server's clock. They happen at the next call to the server, or while one of its transports
    sleeps. Threads may share a server. Not supported: SD-JWT, and non-revocation proofs that are
    older than the request tolerates (`notrevokedbefore`). Like a server without a revocation
    database, this one refuses calls below `/irma/revocation/`. Source: irmago v1.3.0,
    `irma/server`.

    Args:
        settings: The server's configuration; by default anyone may start sessions.
        url: The server's base URL, with its path prefix if it has one.
        scheme: The credential types that the server knows; by default every well-formed one.
        clock: The server's clock; by default a `ManualClock`, which moves only when a transport
            sleeps.
        deliver: A function that delivers callbacks and `nextSession` posts to their receiver, and
            returns the receiver's response: `wsgi(app)`, `asgi(app)`, `django(client)`, or your own
            function. Without such a function the posts are lost. You may also set `deliver` later.
            A coroutine function is awaited on the event loop of the application.

    Raises:
        ConfigurationError: The official server would not start with these settings.
    """

    def __init__(
        self,
        settings: ServerSettings | None = None,
        *,
        url: str = "https://irma.example",
        scheme: Scheme = OPEN_SCHEME,
        clock: Clock | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        value: object = settings
        if value is not None and not isinstance(value, ServerSettings):
            raise ConfigurationError("settings: must be a ServerSettings object")
        value = scheme
        if not isinstance(value, Scheme):
            raise ConfigurationError("scheme: must be a Scheme")
        check_deliver(deliver)
        self.clock: Clock = ManualClock() if clock is None else check_clock(clock, "clock")
        self._life = Lifecycle(
            check_url(url, "url"), settings or ServerSettings(), scheme, self.clock, deliver
        )
        _check_static_sessions(self._life.settings)
        self._life.loops.note()
        self._actions: list[tuple[timedelta, Callable[[SessionPointer], object]]] = []
        self._missed: list[Exception] = []
        self._requestor_api = RequestorApi(self._life, self._on_started, self.catch_up)
        self._app_api = AppApi(self._life, self.catch_up)

    @property
    def url(self) -> str:
        """The base URL in session pointers. Set it to serve this server at another URL."""
        return self._life.url

    @url.setter
    def url(self, url: str) -> None:
        self._life.url = check_url(url, "url")

    @property
    def scheme(self) -> Scheme:
        """The credential types that the server knows."""
        return self._life.scheme

    @property
    def settings(self) -> ServerSettings:
        """The server's configuration."""
        return self._life.settings

    @property
    def public_key_pem(self) -> str:
        """The public key that verifies the server's JWTs, in PEM."""
        return self._life.signer.public_key_pem

    @property
    def posted(self) -> tuple[HttpRequest, ...]:
        """The requests that the server has tried to send, in order; at most the last 1000."""
        return tuple(self._life.callbacks.sent)

    @property
    def deliver(self) -> Deliver | None:
        """The function that delivers callbacks and `nextSession` posts."""
        return self._life.callbacks.deliver

    @deliver.setter
    def deliver(self, deliver: Deliver | None) -> None:
        check_deliver(deliver)
        self._life.loops.note()
        self._life.callbacks.deliver = deliver

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request; for an event stream, only its head: see `subscribe`."""
        answer = self.subscribe(request)
        if isinstance(answer, EventStream):
            answer.close()
            return HttpResponse(answer.status, answer.headers)
        return answer

    def subscribe(self, request: HttpRequest) -> EventStream | HttpResponse:
        """Return the event stream that a request opens, or the response that refuses it.

        For any other request, return the response that `handle` returns.
        """
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        self.catch_up()
        answer = self._answer(request)
        if request.method == "HEAD" and isinstance(answer, HttpResponse):
            return without_body(answer)
        return answer

    def transport(self) -> InMemoryTransport:
        """Return a transport that sends each request to this server, whatever the URL's host is."""
        return InMemoryTransport(self)

    def async_transport(self) -> AsyncInMemoryTransport:
        """Return an async transport to this server; see `transport`."""
        return AsyncInMemoryTransport(self)

    def when_started(
        self, action: Callable[[SessionPointer], object], *, after: timedelta = timedelta(0)
    ) -> None:
        """Call a function with the pointer of every session that a requestor starts from now on.

        `server.when_started(app.accept)` answers all sessions. The function is called during the
        next call to the server, or while a transport sleeps, but never during the start itself.
        That call or sleep raises the function's exceptions. If `deliver` is a coroutine function,
        and the application runs on an event loop in the test's own thread, the function is also
        called while the application waits for something else.

        Args:
            action: Called with the session pointer.
            after: How long after the start to call the function.

        Raises:
            UsageError: An argument has the wrong type.
        """
        check_callable(action, "action")
        check_duration(after, "after")
        self._actions.append((after, action))

    def after(self, delay: timedelta, action: Callable[[], object]) -> None:
        """Call a function after a delay; see `when_started` for when that happens."""
        check_duration(delay, "delay")
        check_callable(action, "action")
        self._life.timeline.after(delay.total_seconds(), action)

    def catch_up(self) -> None:
        """Run the sweeps, events, time-outs and planned actions that are due by the clock."""
        self.raise_missed()
        self._life.timeline.catch_up()

    def raise_missed(self) -> None:
        """Raise the error of a planned action that failed between two calls to the server.

        An action that runs while the application waits for something else has no caller that could
        receive its error. The next call to the server raises the error instead. If no call follows,
        the fixture `irma_server` raises it at the end of the test.
        """
        if self._missed:
            raise self._missed.pop()

    async def run(self, function: Callable[..., ResultT], *arguments: Any) -> ResultT:
        """Call a function; if `deliver` is async, on another thread, to keep the event loop free.

        With this method, a test on the application's event loop can act as the app:
        `await server.run(app.accept, pointer)`. Meanwhile, nothing else moves the clock.

        Args:
            function: A method of this server or of an app.
            arguments: Its arguments.

        Returns:
            The result of the function.

        Raises:
            UsageError: The function cannot be called.
            Exception: The function raised it.
        """
        check_callable(function, "function")
        if not self._life.callbacks.is_async:
            return function(*arguments)
        result = await self._life.loops.run(partial(function, *arguments))
        if self._life.timeline.is_due:
            self._life.loops.run_soon(self._catch_up_again, self._on_missed)
        return result

    def pass_time(self, duration: timedelta, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Move a `ManualClock`, and run each planned action at the time when it is due.

        Args:
            duration: How much time passes.
            until: Called after each run of planned actions; the clock stops as soon as it returns
                true.

        Returns:
            Whether time has passed: false if the clock is not a `ManualClock`, because this method
            does not move other clocks.
        """
        check_duration(duration, "duration")
        check_callable(until, "until")
        if not isinstance(self.clock, ManualClock):
            return False
        self._life.timeline.pass_time(self.clock, duration, until)
        return True

    def open_sessions(self) -> tuple[OpenSession, ...]:
        """Return the sessions that have not ended, the oldest first."""
        self.catch_up()
        return tuple(
            OpenSession(
                self._pointer(session),
                session.status,
                requestor=session.requestor,
                started_at=session.started_at,
                request=session.request.app_json,
            )
            for session in self._life.store.open()
        )

    def time_out(self, pointer: SessionPointer) -> None:
        """Make an open session time out now, so that a test need not wait.

        Nothing happens to a session that has ended.

        Args:
            pointer: The session's pointer.

        Raises:
            UsageError: `pointer` is not a `SessionPointer`.
        """
        check_instance(pointer, SessionPointer, "pointer", "a SessionPointer")
        for session in self._life.store.open():
            if self._pointer(session) == pointer:
                self._life.time_out(session)

    def is_revoked(self, serial: str) -> bool:
        """Return whether the credential with this serial was revoked on this server."""
        check_instance(serial, str, "serial", "a string")
        return self._life.revocations.is_revoked(serial)

    def restart(self) -> None:
        """Forget all sessions and end all streams, like a restarted server with a memory store."""
        self._life.forget_all()

    def _catch_up_again(self) -> bool:
        self.catch_up()
        return self._life.timeline.is_due

    def _on_missed(self, error: Exception) -> None:
        self._missed.append(error)
        _LOGGER.error("A planned action failed", exc_info=error)

    def _answer(self, request: HttpRequest) -> EventStream | HttpResponse:
        if _BAD_ESCAPE.search(urlsplit(request.url).path):
            return bad_request()
        if request.method not in _METHODS:
            return empty_reply(405)
        if not self._is_below_prefix(request):
            return not_found()
        preflight = answer_preflight(request)
        if preflight is not None:
            return preflight
        start = self.clock.monotonic()
        answer = self._respond(request)
        if isinstance(answer, EventStream):
            return answer
        if self.clock.monotonic() - start > _HANDLER_TIMEOUT:
            answer = too_slow()
        return with_cors(request, answer)

    def _respond(self, request: HttpRequest) -> HttpResponse | EventStream:
        rest = urlsplit(request.url).path.removeprefix(urlsplit(self.url).path)
        try:
            if rest.startswith("/irma/"):
                return self._app_api.respond(rest.removeprefix("/irma"), request)
            return self._requestor_api.respond(rest, request)
        except Refusal as refusal:
            return refusal_reply(refusal)
        except ServerCrash:
            return refusal_reply(Refusal(INTERNAL_ERROR))

    def _is_below_prefix(self, request: HttpRequest) -> bool:
        prefix = urlsplit(self.url).path
        path = urlsplit(request.url).path
        return not prefix or path.startswith(f"{prefix}/")

    def _on_started(self, session: Session) -> None:
        for after, action in self._actions:
            self.after(after, partial(action, self._pointer(session)))

    def _pointer(self, session: Session) -> SessionPointer:
        pointer = self._life.pointer(session)
        return SessionPointer(pointer["u"], SessionType(pointer["irmaqr"]))


def _check_static_sessions(settings: ServerSettings) -> None:
    if settings.static_sessions and not (settings.has_jwt_key or settings.allow_unsigned_callbacks):
        raise ConfigurationError(
            "static_sessions: needs has_jwt_key or allow_unsigned_callbacks; set one of them"
        )
    for name, configured in settings.static_sessions.items():
        if not _STATIC_NAME.fullmatch(name):
            raise ConfigurationError("static_sessions: a name must consist of letters and digits")
        try:
            request = read_static(configured)
        except Refusal as refusal:
            raise ConfigurationError(f"static_sessions: {name}: {refusal.message}") from None
        if request.kind == "issuing":
            raise ConfigurationError(f"static_sessions: {name} must not issue credentials")
        if not request.callback_url and not request.next_url:
            raise ConfigurationError(f"static_sessions: {name} must have a callback URL")
