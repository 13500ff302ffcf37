"""The service and the signer together, on loopback."""
# A type checker complains of a `type: ignore` that is not needed: so each is a claim.
# pyright: reportUnnecessaryTypeIgnoreComment=true

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from key_service import key_service
from remote_signer import RemoteSigner

from irma_core import (
    AsyncRequestor,
    DisclosureRequest,
    PublicKeyAuthentication,
    Requestor,
    RsaSigner,
    StartedSession,
)
from irma_core.errors import ConfigurationError, SigningError
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings
from irma_testing.contracts import AsyncSignerContract

TOKEN = "made-up-token-of-the-key-service"
ADULT = DisclosureRequest({"adult": "pbdf.gemeente.personalData.over18"})
KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A running key service."""
    loop, runner = asyncio.new_event_loop(), web.AppRunner(key_service(RsaSigner(PEM), TOKEN))
    thread = Thread(target=loop.run_forever)
    thread.start()

    async def serve() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield asyncio.run_coroutine_threadsafe(serve(), loop).result()
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class TestRemoteSigner(AsyncSignerContract):
    """What every `AsyncSigner` must do."""

    verifying_key = PUBLIC_PEM
    secrets = (TOKEN, PEM)

    @pytest.fixture(autouse=True)
    def service(self, url: str) -> None:
        """Say where it is."""
        self.url = url

    def make_signer(self) -> RemoteSigner:
        """Make it with the right token."""
        return RemoteSigner(self.url, TOKEN)

    def make_failing_signer(self) -> RemoteSigner:
        """Make one that the service does not know."""
        return RemoteSigner(self.url, "another-token")


def server() -> InMemoryServer:
    """An IRMA server that knows the web shop by its public key."""
    webshop = RequestorSettings("publickey", PUBLIC_PEM.decode())
    return InMemoryServer(ServerSettings(requestors={"webshop": webshop}))


def test_a_session_starts_by_a_key_that_is_elsewhere(url: str) -> None:
    """`AsyncRequestor` takes the signer like any other."""
    irma_server = server()

    async def start() -> StartedSession:
        signer = RemoteSigner(url, TOKEN)
        requestor = AsyncRequestor(
            irma_server.url,
            irma_server.async_transport(),
            authentication=PublicKeyAuthentication("webshop", signer),
        )
        try:
            return await requestor.start_session(ADULT)
        finally:
            await signer.aclose()

    assert asyncio.run(start()).pointer.url.startswith(irma_server.url)


def test_a_service_that_is_away_is_told() -> None:
    """By an error that does not know the token."""

    async def start() -> None:
        signer = RemoteSigner("http://127.0.0.1:1", TOKEN)
        try:
            await signer.sign(b"x")
        finally:
            await signer.aclose()

    with pytest.raises(SigningError, match="cannot be asked: ClientConnectorError"):
        asyncio.run(start())


def test_a_requestor_that_does_not_await_refuses_it(url: str) -> None:
    """A Requestor refuses an async signer when it is made; both type checkers refuse it earlier."""
    irma_server = server()

    async def start() -> None:
        signer = RemoteSigner(url, TOKEN)
        try:
            with pytest.raises(ConfigurationError, match="authentication"):
                Requestor(
                    irma_server.url,
                    irma_server.transport(),
                    authentication=PublicKeyAuthentication("webshop", signer),  # type: ignore[arg-type]
                )
        finally:
            await signer.aclose()

    asyncio.run(start())
