"""What tells whether a signer signed well, and whether a text tells a secret.

Belongs here: what the contract of signers compares with. Does not belong here: its tests
(`signer`).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import pickle
import random
import select
import signal
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
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
from irma_testing.memory.server import InMemoryServer
from irma_testing.memory.settings import RequestorSettings, ServerSettings

__all__ = [
    "AsyncSignerContract",
    "SignerContract",
    "in_child",
    "is_signature",
    "told",
]


_HANGS: Final = 10.0
"""Seconds after which a child is taken to hang."""
_WHOLE_LINE: Final = 16


def is_signature(algorithm: str, key: str | bytes, data: bytes, signature: bytes) -> bool:
    """Say whether the key made the signature: a shared key for HS256, a public one for RS256."""
    encoded = key.encode() if isinstance(key, str) else key
    if algorithm == HS256:
        return hmac.compare_digest(hmac.digest(encoded, data, "sha256"), signature)
    assert algorithm == RS256, "a server knows HS256 and RS256 only"
    public_key = load_pem_public_key(encoded)
    assert isinstance(public_key, RSAPublicKey), "the verifying key is an RSA public key in PEM"
    try:
        public_key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def told(thing: object, secrets: Iterable[str | bytes]) -> str | None:
    """Give how a secret is told by a thing: in its texts, as it is, in hex or in base64."""
    texts = [f"{thing!r} {thing}"]
    if isinstance(thing, BaseException):
        texts += traceback.format_exception(thing)
    if isinstance(thing, bytes):
        texts.append(thing.decode("latin-1"))
    text = "\n".join(texts)
    return next((how for secret in secrets for how, form in _forms(secret) if form in text), None)


def _forms(secret: str | bytes) -> Iterator[tuple[str, str]]:
    data = secret.encode() if isinstance(secret, str) else secret
    lines = [line for line in data.decode("latin-1").splitlines() if "-----" not in line]
    for line in lines:  # a PEM is looked for line by line; the last one may be too short to tell
        if len(lines) == 1 or len(line) >= _WHOLE_LINE:
            yield "as it is", line
    yield "as it is", repr(data)[2:-1]
    yield "in hex", data.hex()
    yield "in base64", base64.b64encode(data).decode().rstrip("=")
    yield "in base64", base64.urlsafe_b64encode(data).decode().rstrip("=")


def in_child(act: Callable[[], str]) -> str:
    """Give what comes of an act in a forked child; or how it failed, died or hung."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of a fork beside threads; what a signer makes of one is the question.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        outcome = "it failed"
        try:
            outcome = act()
        except AssertionError as error:
            outcome = str(error)
        finally:  # never back into the test run
            os.write(writing, outcome.encode())
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _HANGS)
    outcome = os.read(reading, 4096).decode() if ready else "it hangs"
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return outcome or "it died"


SignerT = TypeVar("SignerT", bound=Signer | AsyncSigner)
_LARGE: Final = 128 * 1024
"""Bytes: a session request with images in it, and room to spare."""
_AT_ONCE: Final = 16
_MARKER: Final = "marker-of-the-input-5e1f"
"""Stands for what a person is asked or given, which a signing input holds: no error may tell it."""
_NAME: Final = "contract"
_ASKED: Final = DisclosureRequest({"age": "example.town.age.over18"})


class _SigningContract(Generic[SignerT]):
    verifying_key: str | bytes
    secrets: Sequence[str | bytes] = ()

    def make_signer(self) -> SignerT:
        """Make the signer; it is called on the event loop of a test."""
        raise NotImplementedError

    def make_failing_signer(self) -> SignerT:
        """Make one that fails when it signs: its token is gone, its service away."""
        pytest.skip("make_failing_signer is not there: this signer never fails")

    async def sign(self, signer: SignerT, data: bytes) -> object:
        """Sign, in the signer's mode."""
        raise NotImplementedError

    async def start(self, signer: SignerT, server: InMemoryServer) -> str:
        """Start a session at a server, in the signer's mode; give the pointer's URL."""
        raise NotImplementedError

    def play(
        self,
        story: Callable[[SignerT], Awaitable[None]],
        make: Callable[[], SignerT] | None = None,
    ) -> None:
        """Make a signer on an event loop, play a story with it, and close what can be closed."""

        async def whole() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_AT_ONCE))
            signer = (make or self.make_signer)()
            try:
                await story(signer)
            finally:
                await _closed(signer)

        asyncio.run(whole())

    async def check(self, signer: SignerT, inputs: Iterable[bytes]) -> None:
        """Sign each, all at once, and check the signatures."""
        wanted = list(inputs)
        signatures = await asyncio.gather(*(self.sign(signer, data) for data in wanted))
        for data, signature in zip(wanted, signatures, strict=True):
            assert isinstance(signature, bytes), "a signature is bytes: raw, not encoded"
            assert is_signature(signer.algorithm, self.verifying_key, data, signature), (
                f"over {len(data)} bytes: this is no {signer.algorithm} signature of the key"
            )

    def check_untold(self, thing: object) -> None:
        """Check that a thing tells no secret, and nothing of what was signed."""
        secrets = [*self.secrets, _MARKER]
        if b"PUBLIC KEY" not in _encoded(self.verifying_key):
            secrets.append(self.verifying_key)
        how = told(thing, secrets)
        assert how is None, f"a {type(thing).__name__} tells a secret, or what was signed, {how}"

    def test_it_has_one_algorithm(self) -> None:
        """One that an IRMA server knows, and the same at any time."""

        async def story(signer: SignerT) -> None:
            algorithm = signer.algorithm
            assert algorithm in {HS256, RS256}
            await self.check(signer, [b"x"])
            assert signer.algorithm == algorithm

        self.play(story)

    def test_what_it_signs_verifies(self) -> None:
        """Whatever the bytes are, none and many included."""
        chance = random.Random(7515)  # noqa: S311  # the same inputs each time
        lengths = (0, 1, *range(54, 66), *(chance.randrange(4096) for _ in range(20)), _LARGE)

        async def story(signer: SignerT) -> None:
            for length in lengths:
                await self.check(signer, [chance.randbytes(length)])

        self.play(story)

    def test_it_signs_for_many_at_once(self) -> None:
        """And each gets the signature over its own input."""

        async def story(signer: SignerT) -> None:
            for part in range(4):
                await self.check(signer, (f"{part} {each}".encode() for each in range(48)))

        self.play(story)

    def test_a_server_takes_what_it_signed(self) -> None:
        """A session starts by a JWT of it."""

        async def story(signer: SignerT) -> None:
            key = _encoded(self.verifying_key)
            known = (
                RequestorSettings("hmac", base64.b64encode(key).decode())
                if signer.algorithm == HS256
                else RequestorSettings("publickey", key.decode())
            )
            server = InMemoryServer(ServerSettings(requestors={_NAME: known}))
            assert (await self.start(signer, server)).startswith(server.url)

        self.play(story)

    def test_it_shows_no_secret(self) -> None:
        """Neither before nor after it has signed."""

        async def story(signer: SignerT) -> None:
            self.check_untold(signer)
            await self.sign(signer, _MARKER.encode())
            self.check_untold(signer)

        self.play(story)

    def test_no_secret_is_pickled_with_it(self) -> None:
        """It refuses to be pickled, or what comes out is free of secrets."""

        async def story(signer: SignerT) -> None:
            try:
                pickled: object = pickle.dumps(signer)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
                pickled = error
            self.check_untold(pickled)

        self.play(story)

    def test_a_failure_tells_no_secret(self) -> None:
        """An `Exception` comes, and neither it nor what is behind it tells secrets or input."""

        async def story(signer: SignerT) -> None:
            try:
                await self.sign(signer, _MARKER.encode())
            except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
                self.check_untold(error)
            else:
                pytest.fail("it was to fail, and signed")

        self.play(story, self.make_failing_signer)


class SignerContract(_SigningContract[Signer]):
    """What a `Signer` must do. Subclass it, say how yours is made, and what verifies.

    A signer that has a `close` is closed after each test.

    Attributes:
        verifying_key: What checks the signatures: the shared key's bytes for HS256, the public key
            in PEM for RS256. A fixture may set it.
        secrets: What no text may show: private keys, PINs, passwords. A shared key is known here.
    """

    async def sign(self, signer: Signer, data: bytes) -> object:
        """Sign on a thread."""
        return await asyncio.to_thread(signer.sign, data)

    async def start(self, signer: Signer, server: InMemoryServer) -> str:
        """Start a session on a thread."""
        authentication = (
            HmacAuthentication(_NAME, signer)
            if signer.algorithm == HS256
            else PublicKeyAuthentication(_NAME, signer)
        )
        requestor = Requestor(server.url, server.transport(), authentication=authentication)
        return (await asyncio.to_thread(requestor.start_session, _ASKED)).pointer.url

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_after_a_fork_it_works_or_says_so(self) -> None:
        """A child signs well, or gets an error that tells no secret; it never hangs."""

        async def story(signer: Signer) -> None:
            await self.check(signer, [b"before"])
            outcome = in_child(lambda: self._outcome(signer))
            assert outcome == "well", f"in a child: {outcome}"
            await self.check(signer, [b"after"])

        self.play(story)

    def _outcome(self, signer: Signer) -> str:
        data = _MARKER.encode()
        try:
            signature = signer.sign(data)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
            self.check_untold(error)
            return "well"
        good = is_signature(signer.algorithm, self.verifying_key, data, signature)
        return "well" if good else "it gave a wrong signature"


class AsyncSignerContract(_SigningContract[AsyncSigner]):
    """What an `AsyncSigner` must do. Subclass it, say how yours is made, and what verifies.

    A signer that has an `aclose` is closed after each test.

    Attributes:
        verifying_key: See `SignerContract`.
        secrets: See `SignerContract`.
    """

    async def sign(self, signer: AsyncSigner, data: bytes) -> object:
        """Sign in this task."""
        return await signer.sign(data)

    async def start(self, signer: AsyncSigner, server: InMemoryServer) -> str:
        """Start a session in this task."""
        authentication = (
            HmacAuthentication(_NAME, signer)
            if signer.algorithm == HS256
            else PublicKeyAuthentication(_NAME, signer)
        )
        transport = server.async_transport()
        requestor = AsyncRequestor(server.url, transport, authentication=authentication)
        return (await requestor.start_session(_ASKED)).pointer.url

    def test_a_cancelled_call_harms_no_later_one(self) -> None:
        """A task may stop waiting, and another sign."""

        async def story(signer: AsyncSigner) -> None:
            calls = [asyncio.ensure_future(signer.sign(b"cancelled")) for _ in range(8)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await self.check(signer, (f"after {each}".encode() for each in range(8)))

        self.play(story)


async def _closed(signer: object) -> None:
    for name in ("close", "aclose"):
        close = getattr(signer, name, None)
        answer = close() if callable(close) else None
        if isawaitable(answer):
            await answer


def _encoded(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
