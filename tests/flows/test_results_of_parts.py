"""Results of parts by other authors are checked before the flow uses them.

No type checker has seen these parts. A value that only looks right, such as the `"OK"` of a
database driver, must not decide whether a handle counts.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import NoneType, SimpleNamespace
from typing import Any

import pytest

from irma_core import Handles, Requestor, RequestorToken, SessionStatus, new_sealing_key
from irma_core.errors import (
    ConfigurationError,
    IrmaError,
    SigningError,
    StatusBackendError,
    StoreError,
)
from irma_core.flows import effects
from irma_core.flows.driver import run, run_async
from irma_core.flows.effects import Effect, Flow, OpenStream, ReadStream, Send
from irma_core.interfaces import (
    ByteStream,
    Clock,
    PublishedEnd,
    ReadOutcome,
    Signer,
    StatusBackend,
    Store,
    Transport,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AsyncScriptedTransport, InMemoryServer, SimulatedApp
from tests.flows.shop import AGE
from tests.modes import MODES

SECRET = "a-value-that-no-error-may-show"
REQUEST = HttpRequest("GET", "https://irma.example/health", label="GET health")
A_MINUTE = timedelta(minutes=1)
LATER = 1e9
TOKEN = RequestorToken("abcdefghijKLMNOPQRST")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 0.5, "", "OK", SECRET, b"", b"x", bytearray(b"x"), [], {}, object),
    *(memoryview(b"x"), datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 11, 30)),  # noqa: DTZ001
    *(float("nan"), HttpResponse(200), PublishedEnd(SessionStatus.DONE), *ReadOutcome),
)


def make(mode: str, **results: Any) -> Any:
    """Return a part whose methods return these results."""

    def method(result: Any) -> Callable[..., Any]:
        async def answer(*_arguments: Any) -> Any:
            return result

        return answer if mode == "async" else lambda *_arguments: result

    async def aclose() -> None: ...

    methods = {name: method(result) for name, result in results.items()}
    return SimpleNamespace(close=lambda: None, aclose=aclose, **methods)


def perform(effect: Effect, mode: str, transport: Any = None) -> Any:
    def flow() -> Flow[Any]:
        return (yield from effect)

    if mode == "async":
        return asyncio.run(run_async(flow(), transport or AsyncScriptedTransport()))
    return run(flow(), transport)


def put(value: Any, mode: str) -> Any:
    store = make(mode, put_if_absent=value)
    return perform(effects.put_if_absent(store, "key", b"", A_MINUTE, LATER), mode)


def get(value: Any, mode: str) -> Any:
    return perform(effects.get_stored(make(mode, get=value), "key", LATER), mode)


def wait(value: Any, mode: str) -> Any:
    backend = make(mode, wait=value)
    return perform(effects.wait_for_end(backend, TOKEN, A_MINUTE, LATER), mode)


def sign(value: Any, mode: str) -> Any:
    return perform(effects.sign(make(mode, sign=value), b"", LATER), mode)


def send(value: Any, mode: str) -> Any:
    return perform(Send(REQUEST, LATER), mode, make(mode, send=value))


def open_stream(value: Any, mode: str) -> Any:
    return perform(OpenStream(REQUEST, LATER), mode, make(mode, open_stream=value))


def read(value: Any, mode: str) -> Any:
    return perform(ReadStream(make(mode, read=value), LATER), mode, make(mode))


def _requestor(**wrong: Any) -> Requestor:
    right = InMemoryServer().transport()
    parts: dict[str, Any] = {name: getattr(right, name) for name in _TRANSPORT_MEMBERS}
    transport: Any = SimpleNamespace(**{**parts, **wrong})
    return Requestor("https://irma.example", transport)


def jitter(value: Any, _mode: str) -> Any:
    return _requestor(jitter=lambda: value)


def monotonic(value: Any, _mode: str) -> Any:
    clock = SimpleNamespace(now=lambda: datetime.now(UTC), monotonic=lambda: value)
    return _requestor(clock=clock)


def now(value: Any, _mode: str) -> Any:
    clock = SimpleNamespace(now=lambda: value, monotonic=lambda: 1.0)
    return _requestor(clock=clock).start_session(AGE)


_TRANSPORT_MEMBERS = ("clock", "jitter", "send", "open_stream", "sleep")
CASES: dict[str, tuple[Callable[[Any, str], Any], type[IrmaError], tuple[type, ...]]] = {
    "Store.put_if_absent": (put, StoreError, (bool,)),
    "Store.get": (get, StoreError, (bytes, NoneType)),
    "StatusBackend.wait": (wait, StatusBackendError, (PublishedEnd, NoneType)),
    "Signer.sign": (sign, SigningError, (bytes,)),
    "Transport.send": (send, ConfigurationError, (HttpResponse,)),
    "Transport.open_stream": (open_stream, ConfigurationError, ()),
    "Transport.jitter": (jitter, ConfigurationError, (float, int)),
    "ByteStream.read": (read, ConfigurationError, (bytes, ReadOutcome)),
    "Clock.monotonic": (monotonic, ConfigurationError, (float, int)),
    "Clock.now": (now, ConfigurationError, (datetime,)),
}
ALSO_WRONG: dict[str, tuple[Any, ...]] = {
    "ByteStream.read": (b"",),
    "Transport.jitter": (True, False, 1, float("nan")),
    "Clock.monotonic": (True, False, float("nan")),
    "Clock.now": (datetime(2026, 11, 30),),  # noqa: DTZ001
}
CHECKED_ELSEWHERE = {
    "ByteStream.headers": "the stream that has them is checked",
    "ByteStream.status": "the stream that has it is checked",
    "Signer.algorithm": "the function that takes the signer checks it",
    "Transport.clock": "the methods of the clock are checked",
}


def _annotation(member: Any) -> object:
    function: Any = member.fget if isinstance(member, property) else member
    return inspect.signature(function).return_annotation


def test_each_result_of_a_part_has_a_case() -> None:
    """Each method or property of a part that returns something is in the table of cases."""
    found = {
        f"{kind.__name__}.{name}"
        for kind in (Store, StatusBackend, Signer, Transport, ByteStream, Clock)
        for name, member in vars(kind).items()
        if not name.startswith("_") and _annotation(member) != "None"
    }
    assert found == CASES.keys() | CHECKED_ELSEWHERE.keys()


@MODES
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_result_raises_an_error_that_names_the_part(name: str, mode: str) -> None:
    """The error for a wrong result names the part and the method, and does not show the result."""
    call, error, right = CASES[name]
    also_wrong = ALSO_WRONG.get(name, ())
    method = name.rpartition(".")[2]
    for value in VALUES:
        is_wrong = not isinstance(value, right) or any(value is each for each in also_wrong)
        if not is_wrong:
            continue
        with pytest.raises(error, match=rf"{method}\b") as caught:
            call(value, mode)
        assert type(caught.value) is error
        assert SECRET not in str(caught.value)
        assert "this is a bug" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "value"), [(send, HttpResponse(200)), (open_stream, make("async")), (read, b"x")]
)
def test_a_plain_method_of_an_async_transport_is_named(
    call: Callable[[Any, str], Any], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the plain method of an async transport, whose result cannot be awaited."""
    right = make

    def make_plain(_mode: str, **results: Any) -> Any:
        return right("sync", **results)

    monkeypatch.setitem(globals(), "make", make_plain)
    with pytest.raises(ConfigurationError, match="must be `async def`"):
        call(value, "async")


@MODES
def test_the_error_names_the_class_of_the_part(mode: str) -> None:
    """The error names the class and the method that the author of a store must fix."""
    with pytest.raises(StoreError, match=r"SimpleNamespace\.get\(\) must return bytes or None"):
        get("a string", mode)


@pytest.mark.parametrize("result", ["OK", 1, 0, None])
def test_a_store_that_does_not_return_a_bool_redeems_no_handle(result: Any) -> None:
    """A store that does not return a bool redeems no handle, as it could redeem one twice."""
    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    requestor = Requestor(server.url, server.transport())
    store = make("sync", put_if_absent=result, get=None, delete=None)
    handles = Handles(requestor, [new_sealing_key()], store=store, purpose="login")
    session = requestor.start_session(AGE)
    app.accept(session.pointer)
    handle = handles.seal(session, binding="cookie")
    with pytest.raises(StoreError, match="must return True or False"):
        handles.redeem(handle, binding="cookie")
