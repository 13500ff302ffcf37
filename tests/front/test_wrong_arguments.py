"""What is handed over in the wrong place is refused, in words that say what belongs there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from irma_core import AsyncRequestor, DisclosureRequest, Requestor
from irma_core.errors import ConfigurationError, ServerRefusedError, UsageError
from irma_core.protocol.messages import HttpRequest
from irma_core.trust.authentication import TokenAuthentication
from irma_testing import (
    AsyncInMemoryTransport,
    InMemoryServer,
    InMemoryTransport,
    ScriptedTransport,
)

EMAIL = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
TOKEN = "a-token-of-the-shop"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, "such as Urllib3Transport()"),
        (InMemoryTransport, "such as Urllib3Transport()"),
        (AsyncInMemoryTransport(InMemoryServer()), "for an AsyncRequestor"),
    ],
)
def test_what_is_no_transport_is_refused(wrong: Any, words: str) -> None:
    """None, a class, and one of the other colour, which would never be awaited."""
    with pytest.raises(ConfigurationError, match="transport: ") as caught:
        Requestor("https://irma.example.com", wrong)
    assert words in str(caught.value)


def test_a_bare_token_is_no_authentication(irma_server: InMemoryServer) -> None:
    """It would be sent to nobody; and the error does not show it."""
    wrong: Any = TOKEN
    with pytest.raises(ConfigurationError, match=r"TokenAuthentication\(token\)") as caught:
        Requestor(irma_server.url, irma_server.transport(), authentication=wrong)
    assert TOKEN not in str(caught.value)


def test_a_session_is_named_by_itself_or_its_token(irma_requestor: Requestor) -> None:
    """Neither by text nor by its pointer; and an answer needs to know what was asked."""
    session = irma_requestor.start_session(EMAIL)
    wrong: Any
    for wrong in (session.pointer, session.token.reveal()):
        with pytest.raises(UsageError, match="must be a StartedSession, or a RequestorToken"):
            irma_requestor.get_status(wrong)
    for wrong in (session.pointer, session.token):
        with pytest.raises(UsageError, match="which knows what was asked"):
            irma_requestor.get_answer(wrong)


def test_who_is_not_known_learns_where_to_look(irma_server: InMemoryServer) -> None:
    """At the authentication, and at the server's settings; a server for everybody takes none."""
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
def test_what_is_not_installed_is_named_with_its_extra(run: str, missing: str, extra: str) -> None:
    """As in an environment that has the library and nothing more."""
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
    """It would send the start, and fail only when it awaits the response."""
    with pytest.raises(ConfigurationError, match=r"^transport: must be an AsyncTransport"):
        AsyncRequestor("https://irma.example.com", wrong)


def test_a_transport_whose_plain_method_gives_an_awaitable_is_refused_unsent() -> None:
    """Only the call shows what it gives, and the coroutine is closed before it runs."""
    sent: list[HttpRequest] = []

    async def later(request: HttpRequest) -> None:
        sent.append(request)

    def send(request: HttpRequest, _deadline: float) -> object:
        return later(request)

    disguised: Any = ScriptedTransport()
    disguised.send = send
    requestor = Requestor("https://irma.example.com", disguised)
    with pytest.raises(ConfigurationError, match="the transport must be awaited"):
        requestor.start_session(EMAIL)
    assert sent == []
