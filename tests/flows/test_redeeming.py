"""A handle is redeemed once for its answer, in both modes; after a failure it still counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from irma_backend.memory_store import MemoryStore
from irma_core import (
    Answer,
    AsyncHandles,
    AsyncRequestor,
    Binding,
    DisclosureRequest,
    Handles,
    Requestor,
    StartedSession,
    new_sealing_key,
)
from irma_core.errors import (
    ConnectionFailedError,
    HandleExpiredError,
    HandleInvalidError,
    HandleUsedError,
    IrmaError,
    SessionCancelledError,
    SessionNotFinishedError,
    StoreError,
    WrongBindingError,
    WrongPurposeError,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, SimulatedApp
from tests.memory_stores import async_memory_store, memory_store

AGE = DisclosureRequest({"age": "example.town.age.over18"})
KEY = new_sealing_key()
LIFETIME = timedelta(minutes=30)


class Backend:
    """A backend of one mode at a server in memory, with a store."""

    def __init__(self, mode: str) -> None:
        self.server = InMemoryServer()
        self.app = SimulatedApp(self.server)
        self.app.add("example.town.age", {"over18": "yes"})
        self.transport = self.server.transport()
        self.requestor = Requestor(self.server.url, self.transport)
        self.is_async = mode == "async"
        clock = self.transport.clock
        self.store: Any = async_memory_store(clock) if self.is_async else memory_store(clock)

    def start(self) -> tuple[StartedSession, str]:
        session = self.requestor.start_session(AGE)
        return session, self.seal(session)

    def done(self) -> str:
        """Return a handle for an answered session."""
        session, handle = self.start()
        self.app.accept(session.pointer)
        return handle

    def of_its_mode(self, store: MemoryStore) -> Any:
        """Return a store for the requestor's mode that shares its entries."""
        if not self.is_async:
            return store
        made: Any = async_memory_store(self.transport.clock)
        made._store = store
        return made

    def handles(
        self, *, keys: Sequence[str] = (KEY,), store: Any = None, purpose: str = "login"
    ) -> Handles | AsyncHandles:
        """Return handles of the mode, by default with the backend's settings."""
        store = store or self.store
        if not self.is_async:
            return Handles(self.requestor, keys, store=store, purpose=purpose)
        requestor = AsyncRequestor(self.server.url, self.server.async_transport())
        return AsyncHandles(requestor, keys, store=store, purpose=purpose)

    def seal(
        self, session: StartedSession, *, binding: str | Binding = "Ada's", purpose: str = "login"
    ) -> str:
        return self.handles(purpose=purpose).seal(session, binding=binding)

    def redeem(
        self, handle: Any, *, binding: str | Binding | None = "Ada's", **settings: Any
    ) -> Answer:
        made: Any = self.handles(**settings).redeem(handle, binding=binding)
        answer: Answer = asyncio.run(made) if self.is_async else made
        return answer


@pytest.fixture(params=["sync", "async"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return Backend(request.param)


class _Store:
    """A store for either mode, of which a test overrides one method."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        raise NotImplementedError

    def get(self, key: str) -> bytes | None:
        raise AssertionError(key)

    def delete(self, key: str) -> None:
        raise AssertionError(key)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


class Forgetful(_Store):
    """A store that fails, perhaps after it has put the key."""

    def __init__(self, store: MemoryStore | None) -> None:
        self._store = store

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        if self._store is not None:
            self._store.put_if_absent(key, value, lifetime)
        raise OSError("connection reset")


class Noted(_Store):
    """A store that records its calls."""

    def __init__(self) -> None:
        self.put: list[tuple[str, bytes, timedelta]] = []

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        self.put.append((key, value, lifetime))
        return True


def test_a_handle_returns_the_answer_of_its_session(backend: Backend) -> None:
    """A handle returns the same answer as `get_answer`."""
    answer = backend.redeem(backend.done())
    assert answer["age"].value == "yes"


def test_a_handle_is_redeemed_once(backend: Backend) -> None:
    """The second and every later redemption raises `HandleUsedError`."""
    handle = backend.done()
    backend.redeem(handle)
    for _ in range(2):
        with pytest.raises(HandleUsedError):
            backend.redeem(handle)


def test_two_handles_of_a_session_are_redeemed_once(backend: Backend) -> None:
    """Two handles of one session can be redeemed once in total."""
    session, handle = backend.start()
    backend.app.accept(session.pointer)
    other = backend.seal(session, binding="Bob's")
    backend.redeem(handle)
    with pytest.raises(HandleUsedError):
        backend.redeem(other, binding="Bob's")


def test_a_handle_is_redeemed_once_for_each_purpose(backend: Backend) -> None:
    """A handle can be redeemed once for each purpose."""
    session, handle = backend.start()
    backend.app.accept(session.pointer)
    other = backend.seal(session, purpose="address", binding=Binding.NONE)
    backend.redeem(handle)
    assert backend.redeem(other, purpose="address", binding=Binding.NONE)["age"].value == "yes"


def test_two_sessions_are_redeemed_independently(backend: Backend) -> None:
    """Two sessions of one visitor are redeemed independently."""
    backend.redeem(backend.done())
    assert backend.redeem(backend.done())["age"].value == "yes"


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"binding": "Bob's"}, WrongBindingError),
        ({"binding": None}, WrongBindingError),
        ({"purpose": "address"}, WrongPurposeError),
        ({"keys": [new_sealing_key()]}, HandleInvalidError),
    ],
)
def test_a_refused_handle_is_not_used_up(
    backend: Backend, other: Any, error: type[IrmaError]
) -> None:
    """A refused handle is not used up, and the server is not asked."""
    handle = backend.done()
    with pytest.raises(error):
        backend.redeem(handle, **other)
    assert backend.redeem(handle)["age"].value == "yes"


def test_an_early_handle_is_not_used_up(backend: Backend) -> None:
    """An early handle can be redeemed when the session is done."""
    session, handle = backend.start()
    with pytest.raises(SessionNotFinishedError):
        backend.redeem(handle)
    backend.app.accept(session.pointer)
    assert backend.redeem(handle)["age"].value == "yes"


def test_a_handle_without_an_answer_says_why(backend: Backend) -> None:
    """A handle without an answer raises the reason each time."""
    session, handle = backend.start()
    backend.app.refuse(session.pointer)
    for _ in range(2):
        with pytest.raises(SessionCancelledError):
            backend.redeem(handle)


def test_a_handle_is_not_used_up_while_the_server_is_down(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handle can be redeemed again after a failure to reach the server."""
    handle = backend.done()

    def away(request: HttpRequest) -> HttpResponse:
        raise ConnectionFailedError(request.label, "refused", request_sent=False)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(backend.server, "handle", away)
        with pytest.raises(ConnectionFailedError):
            backend.redeem(handle)
    assert backend.redeem(handle)["age"].value == "yes"


def test_a_handle_expires_by_the_transports_clock(backend: Backend) -> None:
    """A handle expires by the transport's clock, even if the server knows the session."""
    handle = backend.done()
    backend.server.pass_time(LIFETIME)
    with pytest.raises(HandleExpiredError):
        backend.redeem(handle)


def test_the_stores_entry_outlives_the_handle(backend: Backend) -> None:
    """The store's entry outlives the handle and contains neither token nor purpose."""
    session, handle = backend.start()
    backend.app.accept(session.pointer)
    noted = Noted()
    backend.redeem(handle, store=noted)
    ((key, value, lifetime),) = noted.put
    assert lifetime > LIFETIME
    assert session.token.reveal() not in key + value.decode()
    assert "login" not in key + value.decode()
    assert key.isascii()
    assert " " not in key
    assert len(key) <= 200


@pytest.mark.parametrize("was_put", [False, True])
def test_a_failing_store_gives_no_answer(backend: Backend, was_put: bool) -> None:
    """A failing store raises its error, and no answer is returned."""
    handle = backend.done()
    kept = memory_store(backend.transport.clock)
    failing = Forgetful(kept if was_put else None)
    with pytest.raises(StoreError) as caught:
        backend.redeem(handle, store=failing)
    assert isinstance(caught.value.__cause__, OSError)
    if was_put:
        with pytest.raises(HandleUsedError):
            backend.redeem(handle, store=backend.of_its_mode(kept))
    else:
        assert backend.redeem(handle, store=backend.of_its_mode(kept))["age"].value == "yes"


def test_one_of_many_redemptions_gets_the_answer() -> None:
    """One of many simultaneous redemptions returns the answer."""
    backend = Backend("sync")
    handle, together, ends = backend.done(), threading.Barrier(16), list[object]()

    def redeem() -> None:
        together.wait()
        try:
            ends.append(backend.redeem(handle))
        except IrmaError as error:
            ends.append(error)

    threads = [threading.Thread(target=redeem) for _ in range(16)]
    for action in (threading.Thread.start, threading.Thread.join):
        for_each(action, threads)
    assert sum(isinstance(end, Answer) for end in ends) == 1
    assert sum(isinstance(end, HandleUsedError) for end in ends) == 15


def for_each(action: Callable[[threading.Thread], None], threads: list[threading.Thread]) -> None:
    for thread in threads:
        action(thread)


def test_unsealing_does_not_redeem(backend: Backend) -> None:
    """A handle can be unsealed again and again, and redeemed after that."""
    session, handle = backend.start()
    backend.app.accept(session.pointer)
    for _ in range(2):
        unsealed = backend.handles().unseal(handle, binding="Ada's")
        assert unsealed.token == session.token
    assert backend.redeem(handle)["age"].value == "yes"
    assert repr(backend.handles()).endswith("Handles for 'login'>")
