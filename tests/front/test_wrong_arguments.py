"""The error for a wrong argument names the expected argument."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AsyncNextSessionReceiver,
    AsyncRequestor,
    DisclosureRequest,
    HmacAuthentication,
    Requestor,
    Sealer,
    StartedSession,
    new_sealing_key,
)
from irma_core.errors import ConfigurationError, ServerRefusedError, UsageError
from irma_core.protocol.messages import HttpRequest
from irma_core.trust.authentication import TokenAuthentication
from irma_testing import (
    AsyncInMemoryTransport,
    AsyncScriptedTransport,
    InMemoryServer,
    InMemoryTransport,
    ManualClock,
    ScriptedTransport,
)
from tests.memory_stores import async_memory_store

EMAIL = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
A_MINUTE = timedelta(minutes=1)
TOKEN = "a-token-of-the-shop"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, "such as Urllib3Transport()"),
        (InMemoryTransport, "such as Urllib3Transport()"),
        (AsyncInMemoryTransport(InMemoryServer()), "needs an AsyncRequestor"),
    ],
)
def test_an_invalid_transport_is_refused(wrong: Any, words: str) -> None:
    """`Requestor` refuses None, a class and an async transport as its transport."""
    with pytest.raises(ConfigurationError, match="transport: ") as caught:
        Requestor("https://irma.example.com", wrong)
    assert words in str(caught.value)


def test_a_bare_token_is_refused_as_authentication(irma_server: InMemoryServer) -> None:
    """A bare token is refused as authentication, and the error does not contain it."""
    wrong: Any = TOKEN
    with pytest.raises(ConfigurationError, match=r"TokenAuthentication\(token\)") as caught:
        Requestor(irma_server.url, irma_server.transport(), authentication=wrong)
    assert TOKEN not in str(caught.value)


def test_a_call_accepts_a_session_or_its_token(irma_requestor: Requestor) -> None:
    """A call accepts a session or a token object, and refuses a string and a pointer."""
    session = irma_requestor.start_session(EMAIL)
    wrong: Any
    for wrong in (session.pointer, session.token.reveal()):
        with pytest.raises(UsageError, match="must be a StartedSession or a RequestorToken"):
            irma_requestor.get_status(wrong)
    for wrong in (session.pointer, session.token):
        with pytest.raises(UsageError, match="a StartedSession"):
            irma_requestor.get_answer(wrong)


def test_authentication_error_names_the_settings(irma_server: InMemoryServer) -> None:
    """If the server refuses the token, the error names the argument and the settings to compare."""
    requestor = Requestor(
        irma_server.url, irma_server.transport(), authentication=TokenAuthentication(TOKEN)
    )
    with pytest.raises(ServerRefusedError, match="compare `authentication` with") as caught:
        requestor.start_session(EMAIL)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("run", "missing", "extra"),
    [
        ("from irma_backend.cli.__main__ import begin; begin()", "click", "cli"),
        ("import irma_testing.contracts", "pytest", "testing"),
    ],
)
def test_a_missing_dependency_is_named_with_its_extra(run: str, missing: str, extra: str) -> None:
    """The error for a missing dependency names the extra that installs it."""
    hide = (
        "import importlib.util as u, sys; "
        f"find = u.find_spec; sys.modules[{missing!r}] = None; "
        f"u.find_spec = lambda name: None if name == {missing!r} else find(name); "
    )
    command = [sys.executable, "-c", hide + run]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"pip install 'irma-backend[{extra}]'" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [None, AsyncInMemoryTransport, InMemoryTransport(InMemoryServer()), ScriptedTransport(), "url"],
)
def test_an_async_requestor_refuses_a_sync_transport(wrong: Any) -> None:
    """An `AsyncRequestor` refuses a sync transport before it sends anything."""
    with pytest.raises(ConfigurationError, match=r"^transport: must be an AsyncTransport"):
        AsyncRequestor("https://irma.example.com", wrong)


def test_coroutine_from_a_sync_transport_is_refused() -> None:
    """A sync transport that returns a coroutine is refused, and the coroutine is closed."""
    sent: list[HttpRequest] = []

    async def later(request: HttpRequest) -> None:
        sent.append(request)

    def send(request: HttpRequest, _deadline: float) -> object:
        return later(request)

    disguised: Any = ScriptedTransport()
    disguised.send = send
    requestor = Requestor("https://irma.example.com", disguised)
    with pytest.raises(ConfigurationError, match="the transport is async"):
        requestor.start_session(EMAIL)
    assert sent == []


def test_a_transport_without_a_clock_is_refused() -> None:
    """`Requestor` refuses a transport that has no clock."""

    class Clockless:
        def send(self) -> None: ...

        def open_stream(self) -> None: ...

        def sleep(self) -> None: ...

    wrong: Any = Clockless()
    with pytest.raises(ConfigurationError, match="must have `clock`"):
        Requestor("https://irma.example.com", wrong)


class AwaitedSigner:
    """An asyncio signer."""

    algorithm = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        raise AssertionError(signing_input)


def test_asyncio_signer_is_refused_in_sync_mode() -> None:
    """The constructor of a sync requestor refuses an asyncio signer."""
    wrong: Any = HmacAuthentication("shop", AwaitedSigner())
    with pytest.raises(ConfigurationError, match="only an AsyncRequestor can use"):
        Requestor("https://irma.example.com", ScriptedTransport(), authentication=wrong)


async def _watched(requestor: AsyncRequestor, session: StartedSession) -> None:
    async with requestor.watch_status(session) as statuses:
        await anext(statuses)


async def _followed(_requestor: AsyncRequestor, session: StartedSession) -> None:
    signing = AsyncRequestor(
        "https://irma.example.com",
        AsyncScriptedTransport(),
        server_key=InMemoryServer().public_key_pem,
    )
    nexts = AsyncNextSessionReceiver(
        signing,
        "https://shop.example/irma",
        sealer=Sealer([new_sealing_key()]),
        store=async_memory_store(ManualClock()),
        choose=print,
    )
    await anext(nexts.follow(session, timeout=A_MINUTE))


CALLS: dict[str, Callable[[AsyncRequestor, StartedSession], Coroutine[Any, Any, Any]]] = {
    "start": lambda requestor, _session: requestor.start_session(EMAIL),
    "status": lambda requestor, session: requestor.get_status(session),
    "answer": lambda requestor, session: requestor.get_answer(session),
    "wait": lambda requestor, session: requestor.wait_for_answer(session, timeout=A_MINUTE),
    "watch": _watched,
    "chain": _followed,
    "cancel": lambda requestor, session: requestor.cancel_session(session),
    "key": lambda requestor, _session: requestor.get_public_key(),
}


@pytest.mark.parametrize("call", CALLS)
def test_without_asyncio_nothing_is_sent(irma_requestor: Requestor, call: str) -> None:
    """An `AsyncRequestor` sends nothing on an event loop other than asyncio's."""
    session = irma_requestor.start_session(EMAIL)
    transport = AsyncScriptedTransport()
    coroutine = CALLS[call](AsyncRequestor("https://irma.example.com", transport), session)
    with pytest.raises(
        ConfigurationError, match=r"needs a running asyncio event loop.*asyncio\.run"
    ):
        coroutine.send(None)
    assert transport.requests == []
