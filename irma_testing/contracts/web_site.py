"""The website that the contract of web adapters uses. Tests can make its parts fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, final

from irma_core import (
    AsyncCallbackReceiver,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    AsyncWebSessions,
    AttributeRequest,
    CallbackReceiver,
    DisclosureRequest,
    KeptInStore,
    NextSessionReceiver,
    Question,
    Requestor,
    Risk,
    Sealer,
    SessionOutcome,
    WebAnswer,
    WebRequest,
    WebSessions,
    new_sealing_key,
)
from irma_core.errors import ConnectionFailedError
from irma_core.json_text import read_json
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import (
    AsyncByteStream,
    AsyncTransport,
    ByteStream,
    Transport,
    utc_now,
)
from irma_testing.memory.app import SimulatedApp
from irma_testing.memory.server import InMemoryServer
from irma_transport import SystemClock

__all__ = [
    "AGE",
    "EMAIL",
    "ORIGIN",
    "OTHER_ORIGIN",
    "AsyncWebParts",
    "WebParts",
    "WebSite",
]

ORIGIN: Final = "https://shop.example"
OTHER_ORIGIN: Final = "https://app.example"
"""The origin of another website whose pages may call this one."""
EMAIL: Final = "pbdf.sidn-pbdf.email.email"
AGE: Final = "pbdf.gemeente.personalData.over18"
_LOGIN: Final = DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)})
_ADULT: Final = DisclosureRequest({"age": AttributeRequest(AGE, value="Yes")})
_TIMEOUT: Final = timedelta(seconds=10)


class WebParts(NamedTuple):
    """The parts that an adapter serves: the web sessions and the two receivers."""

    sessions: WebSessions
    callbacks: CallbackReceiver
    next_sessions: NextSessionReceiver


class AsyncWebParts(NamedTuple):
    """`WebParts` for asyncio."""

    sessions: AsyncWebSessions
    callbacks: AsyncCallbackReceiver
    next_sessions: AsyncNextSessionReceiver


@final
class WebSite:
    """One website under test. Its application calls `login`; its adapter serves `parts()`.

    An adapter that makes its own `WebSessions` uses `requestor()` or `async_requestor()`, `store`
    or `async_store`, `keys`, `questions`, `origins`, `session_ended` and `choose_next` instead. An
    adapter that also makes its own requestor uses `transport()` or `async_transport()`.

    Attributes:
        server: The IRMA server, with a real clock that can also be advanced.
        person: The app of a visitor, who has an e-mail address and is an adult.
        keys: The sealing keys.
        origins: Other origins whose pages may call this website.
        logins: The e-mail addresses of the people who logged in, one for each login.
        ended: A string for each session that has ended: its reference and the e-mail address.
        refusal: An exception that `login` raises on each call; None lets people log in.
        callback_failure: An exception for `session_ended` to raise on each call, or None.
        during_callback: A function for `session_ended` to call first, or None.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._clock = _Clock()
        self._faults = _Faults()
        self.server = InMemoryServer(clock=self._clock)
        self.person = SimulatedApp(self.server)
        self.person.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
        self.person.add("pbdf.gemeente.personalData", {"over18": "Yes"})
        self.keys = [new_sealing_key()]
        self.origins = (OTHER_ORIGIN,)
        self.logins: list[str] = []
        self.ended: list[str] = []
        self.refusal: Exception | None = None
        self.callback_failure: BaseException | None = None
        self.during_callback: Callable[[], object] | None = None
        self._values = _Values(self._clock, self._faults)
        self.store = _Store(self._values)
        self.async_store = _AsyncStore(self._values)
        self._line = _Line(self.server, self._clock, self._faults)

    @property
    def questions(self) -> dict[str, Any]:
        """The questions of the website: `login`, `adult`, `order` with a callback, and `chain`."""
        return {
            "login": _LOGIN,
            "adult": _ADULT,
            "order": self._order,
            "chain": Question(_LOGIN, reference="chain-1", has_next_session=True),
        }

    def _order(self, request: WebRequest) -> Question:
        if not request.url.startswith(ORIGIN):
            raise AssertionError("the URL of a request must be the one that the browser sees")
        return Question(_LOGIN, reference="order-17", has_callback=True)

    def transport(self) -> Transport:
        """Return a transport for threads; tests can cut its connection."""
        return _Transport(self._line)

    def async_transport(self) -> AsyncTransport:
        """Return a transport for asyncio; tests can cut its connection."""
        return _AsyncTransport(self._line)

    def requestor(self) -> Requestor:
        """Return a requestor for threads."""
        return Requestor(self.server.url, self.transport(), **self._settings)

    def async_requestor(self) -> AsyncRequestor:
        """Return a requestor for asyncio."""
        return AsyncRequestor(self.server.url, self.async_transport(), **self._settings)

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "server_key": self.server.public_key_pem,
            "allow": {Risk.SIMULATED_PROOFS},
            "timeout": _TIMEOUT,
        }

    def parts(self) -> WebParts:
        """Return the parts that a synchronous web adapter serves."""
        requestor, sealer, base = self.requestor(), Sealer(self.keys), ORIGIN + self._prefix
        callbacks = CallbackReceiver(
            requestor,
            f"{base}/callback",
            sealer=sealer,
            store=self.store,
            deliver=self.session_ended,
            kept=KeptInStore(self.store),
        )
        next_sessions = NextSessionReceiver(
            requestor, f"{base}/next", sealer=sealer, store=self.store, choose=self.choose_next
        )
        sessions = WebSessions(
            requestor,
            self.keys,
            store=self.store,
            questions=self.questions,
            callbacks=callbacks,
            next_sessions=next_sessions,
            origins=self.origins,
        )
        return WebParts(sessions, callbacks, next_sessions)

    def async_parts(self) -> AsyncWebParts:
        """Return the parts that an asynchronous web adapter serves."""
        requestor, sealer, base = self.async_requestor(), Sealer(self.keys), ORIGIN + self._prefix
        callbacks = AsyncCallbackReceiver(
            requestor,
            f"{base}/callback",
            sealer=sealer,
            store=self.async_store,
            deliver=self.session_ended,
            kept=KeptInStore(self.async_store),
        )
        next_sessions = AsyncNextSessionReceiver(
            requestor,
            f"{base}/next",
            sealer=sealer,
            store=self.async_store,
            choose=self.choose_next,
        )
        sessions = AsyncWebSessions(
            requestor,
            self.keys,
            store=self.async_store,
            questions=self.questions,
            callbacks=callbacks,
            next_sessions=next_sessions,
            origins=self.origins,
        )
        return AsyncWebParts(sessions, callbacks, next_sessions)

    def login(self, web_answer: WebAnswer) -> str:
        """Log a person in, or raise `refusal`. The application calls this method at each login.

        Returns:
            The e-mail address, which identifies the person to the application.
        """
        if self.refusal is not None:
            raise self.refusal
        slot = "email" if "email" in web_answer.answer else "age"
        value = web_answer.answer[slot].value
        self.logins.append(f"{value} {web_answer.reference}".strip())
        return value

    def session_ended(self, outcome: SessionOutcome) -> None:
        """Act as the callback function: record how a session ended, or raise `callback_failure`."""
        if self.during_callback is not None:
            self.during_callback()
        if self.callback_failure is not None:
            raise self.callback_failure
        self.ended.append(f"{outcome.reference} {outcome.get_answer()['email'].value}")

    def choose_next(self, *_: object) -> DisclosureRequest:
        """Return the request for the session that follows in `chain`."""
        return _ADULT

    def stored(self) -> str:
        """Return all keys and values of the stores."""
        return self._values.shown()

    def lose_callbacks(self) -> None:
        """Delete the callbacks that are kept in the stores."""
        self._values.lose("irma-kept-callback:")

    def pass_time(self, duration: timedelta) -> None:
        """Advance the clock."""
        self._clock.pass_time(duration)

    def set_server_away(self, *, is_away: bool) -> None:
        """Set whether the requests to the IRMA server fail."""
        self._faults.is_server_away = is_away

    def set_store_away(self, *, is_away: bool) -> None:
        """Set whether the calls to the store fail."""
        self._faults.is_store_away = is_away

    def call_while_waiting(self, function: Callable[[], object]) -> None:
        """Call a function each time the library waits before a retry."""
        self._faults.while_waiting = function

    @property
    def secrets(self) -> list[str]:
        """The strings that replies and logs must not contain: tokens and disclosed attributes."""
        return [*self._line.tokens, *self.keys, "ada@example.com"]


@final
class _Faults:
    """Which of the website's parts currently fail."""

    def __init__(self) -> None:
        self.is_server_away = False
        self.is_store_away = False
        self.while_waiting: Callable[[], object] | None = None


@final
class _Clock:
    """A clock that shows the system's time until a test advances it."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return utc_now(self._system) + self._ahead

    def monotonic(self) -> float:
        return self._system.monotonic() + self._ahead.total_seconds()

    def pass_time(self, duration: timedelta) -> None:
        self._ahead += duration


@final
class _Values:
    """The values that the synchronous and the asynchronous test store share."""

    def __init__(self, clock: _Clock, faults: _Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._values: dict[str, tuple[bytes, float]] = {}
        self._lock = threading.Lock()

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        with self._lock:
            if self.get(key) is not None:
                return False
            self._values[key] = value, self._clock.monotonic() + lifetime.total_seconds()
            return True

    def get(self, key: str) -> bytes | None:
        self._check()
        value, expiry = self._values.get(key, (None, 0.0))
        return value if self._clock.monotonic() < expiry else None

    def delete(self, key: str) -> None:
        self._check()
        self._values.pop(key, None)

    def lose(self, start: str) -> None:
        with self._lock:
            self._values = {
                key: value for key, value in self._values.items() if not key.startswith(start)
            }

    def shown(self) -> str:
        with self._lock:
            return "\n".join(f"{key} {value!r}" for key, (value, _) in self._values.items())

    def _check(self) -> None:
        if self._faults.is_store_away:
            raise ConnectionError("the store is unavailable")


@final
class _Store:
    def __init__(self, values: _Values) -> None:
        self._values = values

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        return self._values.put_if_absent(key, value, lifetime)

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    def delete(self, key: str) -> None:
        self._values.delete(key)

    def close(self) -> None:
        """Do nothing."""


@final
class _AsyncStore:
    def __init__(self, values: _Values) -> None:
        self._values = values

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        return self._values.put_if_absent(key, value, lifetime)

    async def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    async def delete(self, key: str) -> None:
        self._values.delete(key)

    async def aclose(self) -> None:
        """Do nothing."""


@final
class _Line:
    """Connects the website to the IRMA server, and records the tokens of sessions."""

    def __init__(self, server: InMemoryServer, clock: _Clock, faults: _Faults) -> None:
        self.server = server
        self.clock = clock
        self._faults = faults
        self.tokens: list[str] = []

    def check(self, request: HttpRequest) -> None:
        if self._faults.is_server_away:
            raise ConnectionFailedError(
                request.label, "the server is unavailable", request_sent=False
            )

    def skips_wait(self, duration: timedelta) -> bool:
        """Return whether a part is failing. If so, advance the clock, so that no test waits."""
        is_away = self._faults.is_server_away or self._faults.is_store_away
        if is_away:
            self.clock.pass_time(duration)
        if self._faults.while_waiting is not None:
            self._faults.while_waiting()
        return is_away

    def note(self, request: HttpRequest, reply: HttpResponse) -> HttpResponse:
        if request.label == "POST session":
            match read_json(reply.body):
                case {"token": str() as token}:
                    self.tokens.append(token)
                case _:
                    pass
        return reply


@final
class _Transport:
    def __init__(self, line: _Line) -> None:
        self._line = line
        self._transport = line.server.transport()
        self.clock = line.clock
        self.jitter = self._transport.jitter

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self._line.check(request)
        return self._line.note(request, self._transport.send(request, deadline))

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:
        self._line.check(request)
        return self._transport.open_stream(request, deadline)

    def sleep(self, duration: timedelta) -> None:
        if not self._line.skips_wait(duration):
            self._transport.sleep(duration)


@final
class _AsyncTransport:
    def __init__(self, line: _Line) -> None:
        self._line = line
        self._transport = line.server.async_transport()
        self.clock = line.clock
        self.jitter = self._transport.jitter

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self._line.check(request)
        return self._line.note(request, await self._transport.send(request, deadline))

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        self._line.check(request)
        return await self._transport.open_stream(request, deadline)

    async def sleep(self, duration: timedelta) -> None:
        if not self._line.skips_wait(duration):
            await self._transport.sleep(duration)
