"""The contracts of signers: a test class for sync signers, and one for async signers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import pickle
import random
import select
import signal
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from typing import Final, Generic, TypeVar

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from irma_core.async_requestor import AsyncRequestor
from irma_core.models.session_requests import DisclosureRequest
from irma_core.requestor import Requestor
from irma_core.trust.authentication import HmacAuthentication, PublicKeyAuthentication
from irma_core.trust.signing import HS256, RS256, AsyncSigner, Signer
from irma_testing.contracts.harness import leaked_secret
from irma_testing.memory.server import InMemoryServer
from irma_testing.memory.settings import RequestorSettings, ServerSettings

__all__ = [
    "AsyncSignerContract",
    "SignerContract",
    "is_signature",
]


_CHILD_TIMEOUT: Final = 60.0
"""Seconds after which a test assumes that a child process hangs."""


def is_signature(algorithm: str, key: str | bytes, data: bytes, signature: bytes) -> bool:
    """Return whether a shared key (HS256) or a public key (RS256) verifies the signature."""
    encoded = key.encode() if isinstance(key, str) else key
    if algorithm == HS256:
        return hmac.compare_digest(hmac.digest(encoded, data, "sha256"), signature)
    assert algorithm == RS256, "a server supports only HS256 and RS256"
    public_key = load_pem_public_key(encoded)
    assert isinstance(public_key, RSAPublicKey), "the verifying key is an RSA public key in PEM"
    try:
        public_key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _in_child(act: Callable[[], str]) -> str:
    """Call `act` in a forked child. Return its result, or how the child failed."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns if a process with threads forks, but the test checks that a signer copes with
        # a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        outcome = "it failed"
        try:
            outcome = act()
        except AssertionError as error:
            outcome = str(error)
        finally:  # the child must never return into the test run
            os.write(writing, outcome.encode())
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _CHILD_TIMEOUT)
    outcome = os.read(reading, 4096).decode() if ready else "it hangs"
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return outcome or "it died"


SignerT = TypeVar("SignerT", bound=Signer | AsyncSigner)
_LARGE: Final = 128 * 1024
"""The length in bytes of a large input, longer than a session request with images."""
_THREADS: Final = 16
_MARKER: Final = "marker-of-the-input-5e1f"
"""Personal data in the bytes to sign, such as an issued attribute. No error may contain it."""
_NAME: Final = "contract"
_WORKED: Final = "it worked"
_REQUEST: Final = DisclosureRequest({"age": "example.town.age.over18"})


class _SigningContract(Generic[SignerT]):
    verifying_key: str | bytes
    secrets: Sequence[str | bytes] = ()

    def make_signer(self) -> SignerT:
        """Make the signer. Each test calls this method on its own event loop."""
        raise NotImplementedError

    def make_failing_signer(self) -> SignerT:
        """Make a signer that fails to sign because its hardware token or its service is missing."""
        pytest.skip("make_failing_signer is not overridden: this signer never fails")

    async def sign(self, signer: SignerT, data: bytes) -> object:
        """Return the signature over the data; subclasses call or await the signer."""
        raise NotImplementedError

    async def start(self, signer: SignerT, server: InMemoryServer) -> str:
        """Start a session with the signer, and return the URL of the session pointer."""
        raise NotImplementedError

    def run_scenario(
        self,
        scenario: Callable[[SignerT], Awaitable[None]],
        make: Callable[[], SignerT] | None = None,
    ) -> None:
        """Make a signer on an event loop, run a scenario with it, and close it if possible."""

        async def run() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
            signer = (make or self.make_signer)()
            try:
                await scenario(signer)
            finally:
                await _close(signer)

        asyncio.run(run())

    async def check(self, signer: SignerT, inputs: Iterable[bytes]) -> None:
        """Sign all inputs concurrently, and check the signatures."""
        requested = list(inputs)
        signatures = await asyncio.gather(*(self.sign(signer, data) for data in requested))
        for data, signature in zip(requested, signatures, strict=True):
            assert isinstance(signature, bytes), (
                "a signature must be raw bytes, without an encoding"
            )
            assert is_signature(signer.algorithm, self.verifying_key, data, signature), (
                f"the {signer.algorithm} signature over {len(data)} bytes does not verify"
            )

    def check_no_leak(self, thing: object) -> None:
        """Check that `thing` contains no secret and no part of the signed data."""
        secrets = [*self.secrets, _MARKER]
        if b"PUBLIC KEY" not in _encoded(self.verifying_key):
            secrets.append(self.verifying_key)
        form = leaked_secret(thing, secrets)
        assert form is None, f"a {type(thing).__name__} contains a secret or signed data {form}"

    def test_algorithm_is_constant(self) -> None:
        """A signer's algorithm is HS256 or RS256, and stays the same when it signs."""

        async def scenario(signer: SignerT) -> None:
            algorithm = signer.algorithm
            assert algorithm in {HS256, RS256}
            await self.check(signer, [b"x"])
            assert signer.algorithm == algorithm

        self.run_scenario(scenario)

    def test_signatures_verify(self) -> None:
        """`verifying_key` verifies signatures over inputs of any length, even an empty one."""
        chance = random.Random(7515)  # noqa: S311  # the same inputs each time
        lengths = (0, 1, *range(54, 66), *(chance.randrange(4096) for _ in range(20)), _LARGE)

        async def scenario(signer: SignerT) -> None:
            for length in lengths:
                await self.check(signer, [chance.randbytes(length)])

        self.run_scenario(scenario)

    def test_concurrent_calls(self) -> None:
        """Each of many concurrent calls gets the signature over its own input."""

        async def scenario(signer: SignerT) -> None:
            for part in range(4):
                await self.check(signer, (f"{part} {each}".encode() for each in range(48)))

        self.run_scenario(scenario)

    def test_server_accepts_signature(self) -> None:
        """An IRMA server starts a session for a JWT that the signer has signed."""

        async def scenario(signer: SignerT) -> None:
            key = _encoded(self.verifying_key)
            known = (
                RequestorSettings("hmac", base64.b64encode(key).decode())
                if signer.algorithm == HS256
                else RequestorSettings("publickey", key.decode())
            )
            server = InMemoryServer(ServerSettings(requestors={_NAME: known}))
            assert (await self.start(signer, server)).startswith(server.url)

        self.run_scenario(scenario)

    def test_repr_contains_no_secret(self) -> None:
        """The `repr` and `str` of a signer contain no secret, before and after it signs."""

        async def scenario(signer: SignerT) -> None:
            self.check_no_leak(signer)
            await self.sign(signer, _MARKER.encode())
            self.check_no_leak(signer)

        self.run_scenario(scenario)

    def test_pickle_contains_no_secret(self) -> None:
        """A signer refuses to be pickled, or its pickle contains no secret."""

        async def scenario(signer: SignerT) -> None:
            try:
                pickled: object = pickle.dumps(signer)
            except Exception as error:  # noqa: BLE001  # every kind of error is checked
                pickled = error
            self.check_no_leak(pickled)

        self.run_scenario(scenario)

    def test_failure_contains_no_secret(self) -> None:
        """A failing signer raises an error that contains no secret and no signed data."""

        async def scenario(signer: SignerT) -> None:
            try:
                await self.sign(signer, _MARKER.encode())
            except Exception as error:  # noqa: BLE001  # every kind of error is checked
                self.check_no_leak(error)
            else:
                pytest.fail("the signer that should fail returned a signature")

        self.run_scenario(scenario, self.make_failing_signer)


class SignerContract(_SigningContract[Signer]):
    """The contract of `Signer`. Subclass it, make your signer, and set the verifying key.

    Each test ends with a call of the signer's `close` method, if the signer has one.

    Attributes:
        verifying_key: The key that verifies the signatures: for HS256 the bytes of the shared key,
            for RS256 the public key in PEM. A fixture may set it.
        secrets: Values that no `repr`, pickle or error of the signer may contain, such as private
            keys, PINs and passwords. A shared key in `verifying_key` is always checked.
    """

    async def sign(self, signer: Signer, data: bytes) -> object:
        """Sign the data on a thread."""
        return await asyncio.to_thread(signer.sign, data)

    async def start(self, signer: Signer, server: InMemoryServer) -> str:
        """Start a session with the signer, on a thread."""
        authentication = (
            HmacAuthentication(_NAME, signer)
            if signer.algorithm == HS256
            else PublicKeyAuthentication(_NAME, signer)
        )
        requestor = Requestor(server.url, server.transport(), authentication=authentication)
        return (await asyncio.to_thread(requestor.start_session, _REQUEST)).pointer.url

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_fork(self) -> None:
        """In a forked child, a signer either signs or raises an error that reveals no secret."""

        async def scenario(signer: Signer) -> None:
            await self.check(signer, [b"before"])
            outcome = _in_child(lambda: self._outcome(signer))
            assert outcome == _WORKED, f"in a forked child: {outcome}"
            await self.check(signer, [b"after"])

        self.run_scenario(scenario)

    def _outcome(self, signer: Signer) -> str:
        data = _MARKER.encode()
        try:
            signature = signer.sign(data)
        except Exception as error:  # noqa: BLE001  # every kind of error is checked
            self.check_no_leak(error)
            return _WORKED
        good = is_signature(signer.algorithm, self.verifying_key, data, signature)
        return _WORKED if good else "it returned a wrong signature"


class AsyncSignerContract(_SigningContract[AsyncSigner]):
    """The contract of `AsyncSigner`. Subclass it, make your signer, and set the verifying key.

    Each test ends by awaiting the signer's `aclose` method, if the signer has one.

    Attributes:
        verifying_key: See `SignerContract`.
        secrets: See `SignerContract`.
    """

    async def sign(self, signer: AsyncSigner, data: bytes) -> object:
        """Sign the data in the current task."""
        return await signer.sign(data)

    async def start(self, signer: AsyncSigner, server: InMemoryServer) -> str:
        """Start a session with the signer, in the current task."""
        authentication = (
            HmacAuthentication(_NAME, signer)
            if signer.algorithm == HS256
            else PublicKeyAuthentication(_NAME, signer)
        )
        transport = server.async_transport()
        requestor = AsyncRequestor(server.url, transport, authentication=authentication)
        return (await requestor.start_session(_REQUEST)).pointer.url

    def test_cancelled_calls_are_harmless(self) -> None:
        """After calls have been cancelled, other tasks can still use the signer."""

        async def scenario(signer: AsyncSigner) -> None:
            calls = [asyncio.ensure_future(signer.sign(b"cancelled")) for _ in range(8)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await self.check(signer, (f"after {each}".encode() for each in range(8)))

        self.run_scenario(scenario)


async def _close(signer: object) -> None:
    for name in ("close", "aclose"):
        close = getattr(signer, name, None)
        answer = close() if callable(close) else None
        if isawaitable(answer):
            await answer


def _encoded(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
