"""An IRMA server in memory: every call of requestors, apps and browsers, and no socket.

Belongs here: what a test holds in its hand. What is behind it is in the modules around.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import final
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
    check_duration,
    check_optional_callable,
    check_url,
)
from irma_testing.memory.app_api import SessionRoutes
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
from irma_testing.memory.requestor_api import RequestorRoutes
from irma_testing.memory.requests import read_static
from irma_testing.memory.scheme import OPEN_SCHEME, Scheme
from irma_testing.memory.sessions import OpenSession, Session
from irma_testing.memory.settings import ServerSettings
from irma_testing.memory.transports import AsyncInMemoryTransport, InMemoryTransport
from irma_testing.time import ManualClock

__all__ = ["InMemoryServer"]

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_STATIC_NAME = re.compile(r"[a-zA-Z0-9_]+")
_LONGEST_HANDLER = 4.2
# Those that the official server's router knows; for others it looks at no path.
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


@final
@boundary
class InMemoryServer:
    """Answers as the official IRMA server does, from memory; its proofs are simulated.

    Every JWT of it carries the claim `"simulated": true`. Time is the clock's: what is due by it
    (time-outs, events, planned actions) is done at the next call, and while a transport of this
    server sleeps. May be shared by threads. Left out: proofs of non-revocation that are older than
    tolerated (`notrevokedbefore`), and SD-JWT. Below `/irma/revocation/` it refuses every call, as
    a server without a revocation database does. Source: irmago v1.3.0, `irma/server`.

    Args:
        settings: How it is set up; without, everybody may start sessions.
        url: Its base URL, with a path prefix if any.
        scheme: What can be asked for; by default everything that is well formed.
        clock: Its time; by default a `ManualClock`, which only moves when somebody sleeps.
        deliver: Brings callbacks and `nextSession` posts to their receiver and gives its
            response; without, they are lost on the way. May be set later.

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
        given: object = settings
        if given is not None and not isinstance(given, ServerSettings):
            raise ConfigurationError("settings: must be ServerSettings")
        given = scheme
        if not isinstance(given, Scheme):
            raise ConfigurationError("scheme: must be a Scheme")
        check_optional_callable(deliver, "deliver")
        self.clock: Clock = ManualClock() if clock is None else check_clock(clock, "clock")
        self._life = Lifecycle(
            check_url(url, "url"), settings or ServerSettings(), scheme, self.clock, deliver
        )
        _check_static_sessions(self._life.settings)
        self._actions: list[tuple[timedelta, Callable[[SessionPointer], object]]] = []
        self._requestor = RequestorRoutes(self._life, self._started, self.catch_up)
        self._pointers = SessionRoutes(self._life, self.catch_up)

    @property
    def url(self) -> str:
        """The base URL: what session pointers lead to. Whoever serves it elsewhere may set it."""
        return self._life.url

    @url.setter
    def url(self, url: str) -> None:
        self._life.url = check_url(url, "url")

    @property
    def scheme(self) -> Scheme:
        """What can be asked for."""
        return self._life.scheme

    @property
    def settings(self) -> ServerSettings:
        """How it is set up."""
        return self._life.settings

    @property
    def public_key_pem(self) -> str:
        """The key that verifies its JWTs: PEM."""
        return self._life.signer.public_key_pem

    @property
    def posted(self) -> tuple[HttpRequest, ...]:
        """Every post it has tried to send, in order."""
        return tuple(self._life.posts.sent)

    @property
    def deliver(self) -> Deliver | None:
        """What brings its posts to their receiver."""
        return self._life.posts.deliver

    @deliver.setter
    def deliver(self, deliver: Deliver | None) -> None:
        check_optional_callable(deliver, "deliver")
        self._life.posts.deliver = deliver

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. Of an event stream, only the head is given: see `subscribe`."""
        answer = self.subscribe(request)
        if isinstance(answer, EventStream):
            answer.close()
            return HttpResponse(answer.status, answer.headers)
        return answer

    def subscribe(self, request: HttpRequest) -> EventStream | HttpResponse:
        """Ask for an event stream: give it, or the response that refuses it.

        Any other request is answered as by `handle`.
        """
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        self.catch_up()
        answer = self._answer(request)
        if request.method == "HEAD" and isinstance(answer, HttpResponse):
            return without_body(answer)
        return answer

    def transport(self) -> InMemoryTransport:
        """Give a transport that leads here; whatever host a request names."""
        return InMemoryTransport(self)

    def async_transport(self) -> AsyncInMemoryTransport:
        """Give the same, awaited."""
        return AsyncInMemoryTransport(self)

    def when_started(
        self, action: Callable[[SessionPointer], object], *, after: timedelta = timedelta(0)
    ) -> None:
        """Do something with every session that a requestor starts from now on.

        `server.when_started(app.accept)` is all it takes for sessions to be answered. It happens
        at the next call to the server, or while a transport sleeps, but never within the start
        itself. What it raises comes out of that call.

        Args:
            action: Is given the session pointer.
            after: How long after the start.

        Raises:
            UsageError: An argument has another type.
        """
        check_callable(action, "action")
        check_duration(after, "after")
        self._actions.append((after, action))

    def after(self, delay: timedelta, action: Callable[[], object]) -> None:
        """Do something later, as in `when_started`."""
        check_duration(delay, "delay")
        check_callable(action, "action")
        self._life.timeline.after(delay.total_seconds(), action)

    def catch_up(self) -> None:
        """Do what is due by the clock: sweeps, events, time-outs, planned actions."""
        self._life.timeline.catch_up()

    def pass_time(self, duration: timedelta, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Move a `ManualClock`, and do on the way what is due, each at its moment.

        Args:
            duration: How much time passes.
            until: Asked at each such moment whether that was enough.

        Returns:
            Whether time has passed; with another clock nothing is done.
        """
        check_duration(duration, "duration")
        check_callable(until, "until")
        if not isinstance(self.clock, ManualClock):
            return False
        self._life.timeline.pass_time(self.clock, duration, until)
        return True

    def open_sessions(self) -> tuple[OpenSession, ...]:
        """Give the sessions that have not ended, the oldest first."""
        self.catch_up()
        return tuple(
            OpenSession(self._pointer(session), session.status)
            for session in self._life.store.open()
        )

    def is_revoked(self, serial: str) -> bool:
        """Tell whether a credential of that serial was revoked here."""
        check_instance(serial, str, "serial", "a string")
        return self._life.revocations.is_revoked(serial)

    def restart(self) -> None:
        """Lose every session, and end every stream, as a server with a memory store does."""
        self._life.forget_all()

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
        began = self.clock.monotonic()
        answer = self._respond(request)
        if isinstance(answer, EventStream):
            return answer
        if self.clock.monotonic() - began > _LONGEST_HANDLER:
            answer = too_slow()
        return with_cors(request, answer)

    def _respond(self, request: HttpRequest) -> HttpResponse | EventStream:
        rest = urlsplit(request.url).path.removeprefix(urlsplit(self.url).path)
        try:
            if rest.startswith("/irma/"):
                return self._pointers.respond(rest.removeprefix("/irma"), request)
            return self._requestor.respond(rest, request)
        except Refusal as refusal:
            return refusal_reply(refusal)
        except ServerCrash:
            return refusal_reply(Refusal(INTERNAL_ERROR))

    def _is_below_prefix(self, request: HttpRequest) -> bool:
        prefix = urlsplit(self.url).path
        path = urlsplit(request.url).path
        return not prefix or path.startswith(f"{prefix}/")

    def _started(self, session: Session) -> None:
        for after, action in self._actions:
            self.after(after, partial(action, self._pointer(session)))

    def _pointer(self, session: Session) -> SessionPointer:
        pointer = self._life.pointer(session)
        return SessionPointer(pointer["u"], SessionType(pointer["irmaqr"]))


def _check_static_sessions(settings: ServerSettings) -> None:
    if settings.static_sessions and not (settings.has_jwt_key or settings.allow_unsigned_callbacks):
        raise ConfigurationError("static sessions need a JWT key or allow_unsigned_callbacks")
    for name, configured in settings.static_sessions.items():
        if not _STATIC_NAME.fullmatch(name):
            raise ConfigurationError("a static session's name is letters and digits")
        try:
            request = read_static(configured)
        except Refusal as refusal:
            raise ConfigurationError(f"static session {name}: {refusal.message}") from None
        if request.kind == "issuing":
            raise ConfigurationError(f"static session {name} issues: it may only ask or sign")
        if not request.callback_url and not request.next_url:
            raise ConfigurationError(f"static session {name} has no callback URL")
