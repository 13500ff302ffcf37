"""Test the service and the signer together, on loopback."""
# Type checkers report a `type: ignore` that is not needed, so each one is an assertion.
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
    """The URL of a running key service."""
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
    """The remote signer follows the rules of every `AsyncSigner`."""

    verifying_key = PUBLIC_PEM
    secrets = (TOKEN, PEM)

    @pytest.fixture(autouse=True)
    def service(self, url: str) -> None:
        """Store the URL of the service."""
        self.url = url

    def make_signer(self) -> RemoteSigner:
        """Return a signer with the right token."""
        return RemoteSigner(self.url, TOKEN)

    def make_failing_signer(self) -> RemoteSigner:
        """Return a signer with a token that the service refuses."""
        return RemoteSigner(self.url, "another-token")


def server() -> InMemoryServer:
    """Return an IRMA server that has the web shop's public key."""
    webshop = RequestorSettings("publickey", PUBLIC_PEM.decode())
    return InMemoryServer(ServerSettings(requestors={"webshop": webshop}))


def test_remote_signer_starts_a_session(url: str) -> None:
    """`AsyncRequestor` starts a session with a request that the service signed."""
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


def test_unreachable_service_is_a_signing_error() -> None:
    """A service that does not respond causes a SigningError with the native error's type."""

    async def start() -> None:
        signer = RemoteSigner("http://127.0.0.1:1", TOKEN)
        try:
            await signer.sign(b"x")
        finally:
            await signer.aclose()

    with pytest.raises(SigningError, match="cannot be reached: ClientConnectorError"):
        asyncio.run(start())


def test_sync_requestor_refuses_an_async_signer(url: str) -> None:
    """A Requestor cannot be made with an async signer; type checkers already reject the code."""
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
