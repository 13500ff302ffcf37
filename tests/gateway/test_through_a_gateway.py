"""Whole sessions over HTTP through a gateway that needs an authorization server's token."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from irma_backend.dev_server import running_server
from irma_core import (
    AsyncRequestor,
    DisclosureRequest,
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    HmacSigner,
    Requestor,
    RsaSigner,
    SessionStatus,
    TokenAuthentication,
)
from irma_core.errors import GatewayError
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.gateway.authorization_server import (
    ASSERTION,
    Client,
    TokenServer,
    running_token_server,
)
from tests.gateway.reverse_proxy import Gateway, running_gateway
from tests.rsa_keys import RSA_KEY as KEY

AGE = DisclosureRequest({"age": "example.town.age.over18"})
SOON = timedelta(minutes=2)
SECRET, SHARED = "s3cret: with + and %", "a client secret: of 33 characters"
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
CREDENTIALS: dict[str, Any] = {
    "basic": GatewaySecret("shop basic", SECRET),
    "post": GatewaySecret("post", SECRET, in_body=True),
    "private key": GatewayAssertion("rsa", RsaSigner(PRIVATE)),
    "shared key": GatewayAssertion(
        "hmac",
        HmacSigner.from_client_secret(SHARED),
        audience="https://login.example/",
        key_id="k1",
    ),
}


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with running_token_server(
        Client("shop basic", SECRET, "client_secret_basic"),
        Client("post", SECRET, "client_secret_post"),
        Client("rsa", PUBLIC.decode(), ASSERTION),
        Client("hmac", SHARED, ASSERTION),
    ) as server:
        yield server


@pytest.fixture
def server() -> Generator[InMemoryServer]:
    server = InMemoryServer(clock=SystemClock())
    with running_server(server):
        yield server


@pytest.fixture
def gateway(server: InMemoryServer, tokens: TokenServer) -> Iterator[Gateway]:
    with running_gateway(server.url, tokens) as gateway:
        yield gateway


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    server.when_started(app.accept, after=timedelta(seconds=0.3))
    return app


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


def passing(
    tokens: TokenServer, credentials: Any = None, **more: Any
) -> GatewayAuthentication[Any]:
    known = credentials or CREDENTIALS["basic"]
    return GatewayAuthentication(tokens.token_url, known, scope="irma", **more)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("credentials", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_session_goes_through(
    credentials: Any, tokens: TokenServer, gateway: Gateway, transport: Urllib3Transport
) -> None:
    """A session from start to cancel uses one token, with each kind of credential."""
    requestor = Requestor(gateway.url, transport, gateway=passing(tokens, credentials))
    session = requestor.start_session(AGE)
    with requestor.watch_status(session, timeout=SOON) as statuses:
        assert list(statuses)[-1] is SessionStatus.DONE
    assert requestor.get_answer(session)["age"].value == "yes"
    requestor.cancel_session(session)
    assert len(tokens.issued) == 1
    assert gateway.refused == []
    assert {method for method, _path, _status in gateway.calls} == {"POST", "GET", "DELETE"}
    assert any(path.endswith("/statusevents") for _method, path, _status in gateway.calls)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("credentials", CREDENTIALS.values(), ids=CREDENTIALS)
async def test_an_async_session_goes_through(
    credentials: Any, tokens: TokenServer, gateway: Gateway
) -> None:
    """The async requestor uses one token for a whole session."""
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(gateway.url, transport, gateway=passing(tokens, credentials))
        session = await requestor.start_session(AGE)
        assert (await requestor.wait_for_answer(session, timeout=SOON))["age"].value == "yes"
    assert len(tokens.issued) == 1


@pytest.mark.parametrize("step", ["start", "ask", "stream"])
def test_a_refused_token_is_replaced_once(
    step: str, tokens: TokenServer, gateway: Gateway, transport: Urllib3Transport
) -> None:
    """A start that the gateway refused did not reach the server, and is sent with a new token."""
    requestor = Requestor(gateway.url, transport, gateway=passing(tokens))
    session = requestor.start_session(AGE)
    tokens.revoke_all()
    if step == "start":
        requestor.start_session(AGE)
    elif step == "ask":
        assert requestor.get_status(session) is SessionStatus.INITIALIZED
    else:
        with requestor.watch_status(session, timeout=SOON) as statuses:
            assert next(statuses) is SessionStatus.INITIALIZED
        assert any(path.endswith("/statusevents") for _method, path, _status in gateway.calls)
    assert (len(gateway.refused), len(tokens.issued)) == (1, 2)


def test_a_gateway_that_refuses_every_token_is_an_error(
    tokens: TokenServer, gateway: Gateway, transport: Urllib3Transport
) -> None:
    """Constant refusals do not cause endless token requests, and the error shows no token."""
    requestor = Requestor(gateway.url, transport, gateway=passing(tokens))
    for _ in range(5):
        tokens.good = Nothing()
        with pytest.raises(GatewayError, match="the gateway refuses every token") as caught:
            requestor.start_session(AGE)
        assert "~of.the/gateway" not in "".join(traceback.format_exception(caught.value))
    assert len(tokens.issued) == 2


class Nothing(set[str]):
    """A sink that discards its input."""

    def add(self, element: str, /) -> None:
        return


def test_many_threads_share_one_token(
    tokens: TokenServer, gateway: Gateway, transport: Urllib3Transport
) -> None:
    """Threads that start at once share one token, and again once it is refused."""
    requestor = Requestor(gateway.url, transport, gateway=passing(tokens))
    many = 8
    with ThreadPoolExecutor(many) as threads:
        sessions = list(threads.map(requestor.start_session, [AGE] * many))
        assert len(tokens.issued) == 1
        tokens.revoke_all()
        list(threads.map(requestor.get_status, sessions))
    assert len(tokens.issued) == 2


async def test_many_tasks_share_one_token(tokens: TokenServer, gateway: Gateway) -> None:
    """Tasks that start at once share one token, and again once it is refused."""
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(gateway.url, transport, gateway=passing(tokens))
        await asyncio.gather(*(requestor.start_session(AGE) for _ in range(8)))
    assert len(tokens.issued) == 1


def test_an_unknown_client_gets_no_token(
    tokens: TokenServer,
    gateway: Gateway,
    transport: Urllib3Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error for an unknown client has the server's code and no secret; no call is made."""
    caplog.set_level(logging.DEBUG)
    wrong = GatewaySecret("shop basic", "another secret")
    requestor = Requestor(gateway.url, transport, gateway=passing(tokens, wrong))
    with pytest.raises(GatewayError, match="invalid_client") as caught:
        requestor.start_session(AGE)
    assert (caught.value.code, caught.value.http_status) == ("invalid_client", 401)
    shown = "".join(traceback.format_exception(caught.value))
    assert "another secret" not in f"{shown} {caught.value!r} {requestor!r}"
    assert not [each for each in caplog.records if "another" in each.getMessage()]
    assert gateway.calls == []
    narrow = GatewayAuthentication(tokens.token_url, CREDENTIALS["basic"], scope="everything")
    with pytest.raises(GatewayError, match="invalid_scope"):
        Requestor(gateway.url, transport, gateway=narrow).check_health()


def test_the_gateways_token_may_have_its_own_header(
    tokens: TokenServer, transport: Urllib3Transport
) -> None:
    """The IRMA server receives `Authorization`, and the gateway receives a separate header."""
    known = {"shop": RequestorSettings("token", "the-irma-token")}
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    with (
        running_server(server) as url,
        running_gateway(url, tokens, header="x-gateway-token") as gateway,
    ):
        requestor = Requestor(
            gateway.url,
            transport,
            authentication=TokenAuthentication("the-irma-token"),
            gateway=passing(tokens, header="X-Gateway-Token"),
        )
        assert requestor.get_status(requestor.start_session(AGE)) is SessionStatus.INITIALIZED
