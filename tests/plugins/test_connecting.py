"""`connect` and `open_parts` authenticate to the server, and close parts at the end."""

from __future__ import annotations

import base64
from asyncio import CancelledError
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import serialization

from irma_backend import (
    AsyncParts,
    Parts,
    connect,
    connect_async,
    open_parts,
    open_parts_async,
)
from irma_core import (
    DisclosureRequest,
    GatewayAuthentication,
    GatewaySecret,
    HmacSigner,
    Risk,
    SessionStatus,
)
from irma_core.errors import ConfigurationError, PluginError, ServerRefusedError
from irma_core.models.tokens import RequestorToken
from irma_core.plugins.hookspecs import FactoryContext, Mode, PluginUri
from irma_core.protocol.status_backends import PublishedEnd
from irma_core.protocol.transport import AsyncTransport, Transport
from irma_testing import (
    InMemoryServer,
    RequestorSettings,
    ScriptedTransport,
    ServerSettings,
    SimulatedApp,
)
from irma_transport_aiohttp import in_thread
from tests.plugins.in_process import factory_of, plugin, signer_plugin
from tests.rsa_keys import RSA_KEY as RSA

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()
PEM = RSA.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PUBLIC = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
EMAIL = "pbdf.sidn-pbdf.email"
ASK = DisclosureRequest({"email": f"{EMAIL}.email"})
MINUTE = timedelta(minutes=1)
TOKEN = RequestorToken("0123456789abcdefghij")
URL = "https://irma.example"


@attrs.define
class Part:
    """A signer and status backend that records when it is closed."""

    name: str
    events: list[str]
    algorithm: str = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        return HmacSigner(KEY).sign(signing_input)

    def publish(self, _token: object, end: PublishedEnd) -> None:
        self.events.append(end.status.value)

    def wait(self, *_: object) -> PublishedEnd | None:
        is_over = self.name.endswith("over")
        return PublishedEnd(SessionStatus.CANCELLED) if is_over else None

    def close(self) -> None:
        self.events.append(f"close {self.name}")


@attrs.define
class AsyncPart:
    """An asyncio signer and status backend that records when it is closed."""

    part: Part
    algorithm: str = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        return self.part.sign(signing_input)

    async def publish(self, token: object, end: PublishedEnd) -> None:
        self.part.publish(token, end)

    async def wait(self, *_: object) -> PublishedEnd | None:
        return self.part.wait()

    async def aclose(self) -> None:
        self.part.close()


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def acme(events: list[str]) -> ModuleType:
    """Return a plugin whose parts record when they are opened and closed."""

    def factory(uri: PluginUri, context: FactoryContext) -> Part | AsyncPart:
        events.append(f"open {uri.text}")
        part = Part(uri.text, events)
        return AsyncPart(part) if context.mode is Mode.ASYNC else part

    return plugin(
        irma_signing_schemes=lambda: {"vault": factory},
        irma_status_backends=lambda: {"pigeon": factory},
    )


@pytest.fixture
def server() -> InMemoryServer:
    known = {
        "by-token": RequestorSettings("token", "api-token-81"),
        "by-hmac": RequestorSettings("hmac", TEXT),
        "by-key": RequestorSettings("publickey", PUBLIC.decode()),
    }
    server = InMemoryServer(ServerSettings(requestors=known))
    app = SimulatedApp(server)
    app.add(EMAIL, {"email": "ada@example.com"})
    server.when_started(app.accept)
    return server


@attrs.frozen
class Known:
    """The settings with which a requestor authenticates."""

    name: str | None = None
    key: str | None = None
    token: str | None = None


@pytest.fixture
def pem_file(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(PEM)
    return tmp_path / "key.pem"


@pytest.mark.parametrize(
    "known",
    [
        Known(token="api-token-81"),
        Known("by-hmac", "hmac:shop"),
        Known("by-hmac", "vault:shop"),
        Known("by-key", "file:{}"),
    ],
    ids=str,
)
async def test_a_token_or_a_key_authenticates_the_requestor(
    known: Known, server: InMemoryServer, acme: ModuleType, pem_file: Path
) -> None:
    """A token or a key authenticates a requestor for a whole session, in both modes."""
    key = known.key and known.key.format(pem_file)
    with connect(
        server.url,
        name=known.name,
        key=key,
        token=known.token,
        plugins=[acme],
        secrets={"shop": TEXT},
        transport=server.transport(),
    ) as requestor:
        answer = requestor.wait_for_answer(requestor.start_session(ASK), timeout=MINUTE)
        assert answer["email"].value == "ada@example.com"
    async with connect_async(
        server.url,
        name=known.name,
        key=key,
        token=known.token,
        plugins=[acme],
        secrets={"shop": TEXT},
        transport=server.async_transport(),
    ) as awaited:
        answer = await awaited.wait_for_answer(await awaited.start_session(ASK), timeout=MINUTE)
        assert answer["email"].value == "ada@example.com"


async def test_a_requestor_without_key_or_token_is_refused(server: InMemoryServer) -> None:
    """A server with known requestors refuses a requestor that has neither a key nor a token."""
    with (
        connect(server.url, transport=server.transport()) as requestor,
        pytest.raises(ServerRefusedError),
    ):
        requestor.start_session(ASK)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Known("shop", "vault:x", token="t"), "either key or token"),
        (Known(key="vault:x"), "key and name must be given together"),
        (Known("shop"), "key and name must be given together"),
        (Known(token=""), "the token must be one non-empty line"),
        (Known("", "vault:x"), "name must be the requestor"),
    ],
    ids=str,
)
def test_conflicting_settings_are_refused(known: Known, words: str, acme: ModuleType) -> None:
    """The error for conflicting settings names the settings that go together."""
    with (
        pytest.raises(ConfigurationError, match=words),
        connect(URL, name=known.name, key=known.key, token=known.token, plugins=[acme]),
    ):
        pass


def test_a_signer_with_an_unknown_algorithm_is_refused(events: list[str]) -> None:
    """A signer with an algorithm that no IRMA server accepts is refused and closed."""
    part = Part("elliptic", events, algorithm="ES256")
    curves = signer_plugin(factory_of(part))
    with (
        pytest.raises(ConfigurationError, match="this one is for ES256"),
        connect(URL, name="shop", key="vault:", plugins=[curves]),
    ):
        pass
    assert events == ["close elliptic"]


def test_a_failing_block_closes_all_parts(acme: ModuleType, events: list[str]) -> None:
    """When the block of `connect` fails, all parts are closed."""
    with pytest.raises(KeyError), connect(URL, name="shop", key="vault:a", plugins=[acme]):
        raise KeyError
    assert events == ["open vault:a", "close vault:a"]


async def test_a_failing_async_block_closes_all_parts(acme: ModuleType, events: list[str]) -> None:
    """When the block of `connect_async` fails, all parts are closed."""
    with pytest.raises(KeyError):
        async with connect_async(URL, name="shop", key="vault:a", plugins=[acme]):
            raise KeyError
    assert events == ["open vault:a", "close vault:a"]


async def test_an_invalid_url_closes_the_opened_key(acme: ModuleType, events: list[str]) -> None:
    """If the URL proves to be invalid after a key was opened, the key is closed."""
    with pytest.raises(ConfigurationError), connect("x", name="s", key="vault:a", plugins=[acme]):
        pass
    with pytest.raises(ConfigurationError):
        async with connect_async("x", name="s", key="vault:b", plugins=[acme]):
            pass
    assert events == ["open vault:a", "close vault:a", "open vault:b", "close vault:b"]


@pytest.mark.parametrize("can_be_closed", [True, False])
async def test_a_blocking_signer_is_closed_on_a_thread(
    can_be_closed: bool, events: list[str]
) -> None:
    """An asyncio program can use and close a blocking signer on a thread."""
    blocking = Part("token", events) if can_be_closed else HmacSigner(KEY)
    tokens = signer_plugin(factory_of(in_thread(blocking)))
    async with open_parts_async(plugins=[tokens]) as parts:
        signer = parts.signer("vault:")
        assert await signer.sign(b"x") == HmacSigner(KEY).sign(b"x")
        assert not events
    assert events == ["close token"] * can_be_closed


async def test_watches_use_the_status_backend(
    server: InMemoryServer, acme: ModuleType, events: list[str]
) -> None:
    """A watch gets its final status from the status backend, which is closed before the key."""
    with connect(
        server.url,
        name="by-hmac",
        key="vault:a",
        status="pigeon:over",
        plugins=[acme],
        transport=server.transport(),
    ) as requestor:
        session = requestor.start_session(ASK)
        with requestor.watch_status(session) as statuses:
            assert list(statuses) == [SessionStatus.CANCELLED]
    assert events == ["open vault:a", "open pigeon:over", "close pigeon:over", "close vault:a"]
    events.clear()
    async with connect_async(
        server.url,
        name="by-hmac",
        key="vault:a",
        status="pigeon:over",
        plugins=[acme],
        transport=server.async_transport(),
    ) as awaited:
        session = await awaited.start_session(ASK)
        async with awaited.watch_status(session) as news:
            assert [status async for status in news] == [SessionStatus.CANCELLED]
    assert events == ["open vault:a", "open pigeon:over", "close pigeon:over", "close vault:a"]


def test_an_unknown_status_backend_closes_the_opened_key(
    acme: ModuleType, events: list[str]
) -> None:
    """If no plugin has the scheme of the status backend, a key that was opened before is closed."""
    with (
        pytest.raises(PluginError, match="dove: unknown status backend"),
        connect(URL, name="s", key="vault:a", status="dove:x", plugins=[acme]),
    ):
        pass
    assert events == ["open vault:a", "close vault:a"]


async def test_other_settings_reach_the_requestor() -> None:
    """Other settings are passed to the requestor unchanged, in both modes."""
    # A gateway and a token need the same header, so a requestor refuses them together.
    gateway = GatewayAuthentication("https://login.example", GatewaySecret("shop", "a secret"))
    with (
        pytest.raises(ConfigurationError, match="gateway"),
        connect(URL, gateway=gateway, token="t"),
    ):
        pass
    with pytest.raises(ConfigurationError, match="gateway"):
        async with connect_async(URL, gateway=gateway, token="t"):
            pass
    risk = Risk.DEMO_ATTRIBUTES
    with connect(
        URL,
        gateway=gateway,
        server_key=PUBLIC,
        jwt_issuer="issuer",
        timeout=MINUTE,
        allow=[risk],
    ) as requestor:
        wired = requestor.context
    async with connect_async(
        URL,
        gateway=gateway,
        server_key=PUBLIC,
        jwt_issuer="issuer",
        timeout=MINUTE,
        allow=[risk],
    ) as awaited:
        wirings = (wired, awaited.context)
    for each in wirings:
        assert each.server_keys == (PUBLIC,)
        assert (each.jwt_issuer, each.call_timeout, each.allow) == (
            "issuer",
            MINUTE,
            frozenset({risk}),
        )


class Closing(ScriptedTransport):
    """A transport that fails the test if it is closed."""

    def close(self) -> None:
        raise AssertionError("the caller's transport was closed")


async def test_the_callers_transport_stays_open(acme: ModuleType) -> None:
    """A transport that the caller passes stays open, and the parts get it and its clock."""
    given: list[Transport | AsyncTransport] = []

    def factory(_uri: PluginUri, context: FactoryContext) -> HmacSigner:
        assert context.clock is context.transport.clock
        given.append(context.transport)
        return HmacSigner(KEY)

    mine, transport = plugin(irma_signing_schemes=lambda: {"mine": factory}), Closing()
    with connect(URL, name="s", key="mine:", plugins=[mine], transport=transport):
        pass
    assert given == [transport]


def test_parts_are_closed_in_reverse_order(acme: ModuleType, events: list[str]) -> None:
    """At the end of its block, `open_parts` closes everything that it opened, the newest first."""
    with open_parts(plugins=[acme]) as parts:
        assert parts.signer("vault:a").sign(b"x") == HmacSigner(KEY).sign(b"x")
        parts.status_backend("pigeon:b").publish(TOKEN, PublishedEnd(SessionStatus.DONE))
        parts.requestor(URL, name="shop", key="vault:c", status="pigeon:d")
    opened = ["open vault:a", "open pigeon:b", "DONE", "open vault:c", "open pigeon:d"]
    closed = ["close pigeon:d", "close vault:c", "close pigeon:b", "close vault:a"]
    assert events == opened + closed


async def test_async_parts_are_closed_in_reverse_order(acme: ModuleType, events: list[str]) -> None:
    """At the end of its block, `open_parts_async` closes everything it opened, the newest first."""
    async with open_parts_async(plugins=[acme]) as parts:
        assert await parts.signer("vault:a").sign(b"x") == HmacSigner(KEY).sign(b"x")
        await parts.status_backend("pigeon:b").publish(TOKEN, PublishedEnd(SessionStatus.TIMEOUT))
        parts.requestor(URL, name="shop", key="vault:c", status="pigeon:d")
    opened = ["open vault:a", "open pigeon:b", "TIMEOUT", "open vault:c", "open pigeon:d"]
    closed = ["close pigeon:d", "close vault:c", "close pigeon:b", "close vault:a"]
    assert events == opened + closed


def fail_after_opening(parts: Parts | AsyncParts) -> None:
    """Open a part, fail to open another part, and raise."""
    parts.signer("vault:a")
    with pytest.raises(PluginError):
        parts.requestor(URL, name="shop", key="vault:b", status="dove:x")
    raise KeyError


async def test_all_parts_are_closed_after_an_error(acme: ModuleType, events: list[str]) -> None:
    """After a failing block with an unknown scheme, every part is closed."""
    with pytest.raises(KeyError), open_parts(plugins=[acme]) as parts:
        fail_after_opening(parts)
    with pytest.raises(KeyError):
        async with open_parts_async(plugins=[acme]) as async_parts:
            fail_after_opening(async_parts)
    assert events == ["open vault:a", "open vault:b", "close vault:b", "close vault:a"] * 2


@attrs.define
class Stuck:
    """A signer that cannot be closed."""

    part: Part
    algorithm: str = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        return self.part.sign(signing_input)

    def close(self) -> None:
        self.part.close()
        raise RuntimeError("a secret")


@attrs.define
class AsyncStuck:
    """An asyncio signer that cannot be closed."""

    part: Part
    algorithm: str = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        return self.part.sign(signing_input)

    async def aclose(self) -> None:
        self.part.close()
        raise RuntimeError("a secret")


async def test_a_failing_close_does_not_keep_other_parts_open(events: list[str]) -> None:
    """If a part fails to close, the other parts are closed, and the error names its plugin."""
    made: list[object] = [
        *(Stuck(Part("a", events)), Part("b", events)),
        *(AsyncStuck(Part("c", events)), AsyncPart(Part("d", events))),
    ]
    vault = signer_plugin(lambda _uri, _context: made.pop(0))
    with (
        pytest.raises(PluginError, match="RuntimeError") as caught,
        open_parts(plugins=[vault]) as parts,
    ):
        _ = [parts.signer("vault:") for _ in range(2)]
    with pytest.raises(PluginError, match="RuntimeError") as other:
        async with open_parts_async(plugins=[vault]) as async_parts:
            _ = [async_parts.signer("vault:") for _ in range(2)]
    assert events == ["close b", "close a", "close d", "close c"]
    for error in (caught.value, other.value):
        assert (error.plugin, "secret" in str(error)) == ("acme", False)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CancelledError(), ConfigurationError("no")])
async def test_the_blocks_error_is_raised_despite_a_failed_close(
    error: BaseException, events: list[str]
) -> None:
    """If the block and a close fail, the block's error is raised, with a note about the close."""
    made: list[object] = [Stuck(Part("a", events)), AsyncStuck(Part("b", events))]
    vault = signer_plugin(lambda _uri, _context: made.pop(0))

    def fail(parts: Parts | AsyncParts) -> None:
        parts.signer("vault:")
        raise error

    with pytest.raises(type(error)) as caught, open_parts(plugins=[vault]) as parts:
        fail(parts)
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        async with open_parts_async(plugins=[vault]) as async_parts:
            fail(async_parts)
    assert caught.value is error
    assert events == ["close a", "close b"]
    notes = [
        note
        for note in error.__notes__
        if note.startswith("A second error followed: plugin acme: ")
    ]
    assert len(notes) == 2
    assert not any("a secret" in note for note in notes)


def calls_that_open(parts: Parts | AsyncParts) -> list[Callable[[], object]]:
    return [
        lambda: parts.requestor(URL),
        lambda: parts.signer("vault:"),
        lambda: parts.status_backend("pigeon:"),
        lambda: parts.store("memory:"),
    ]


async def test_nothing_is_opened_after_the_block(acme: ModuleType, events: list[str]) -> None:
    """After the block of `open_parts`, no part can be opened, because nothing would close it."""
    with open_parts(plugins=[acme]) as parts:
        pass
    async with open_parts_async(plugins=[acme]) as async_parts:
        pass
    for opening in calls_that_open(parts) + calls_that_open(async_parts):
        with pytest.raises(ConfigurationError, match="block of open_parts has ended"):
            opening()
    assert events == []


async def test_unknown_settings_are_refused() -> None:
    """Every function that takes settings refuses an unknown setting, and names the known ones."""
    wrong: dict[str, Any] = {"nmae": "shop"}
    with (
        open_parts() as parts,
        pytest.raises(ConfigurationError, match=r"^nmae: .* expected one of name, "),
    ):
        parts.requestor(URL, **wrong)
    with pytest.raises(ConfigurationError, match=r"^nmae: "), connect(URL, **wrong):
        pass
    async with open_parts_async() as async_parts:
        with pytest.raises(ConfigurationError, match=r"^nmae: "):
            async_parts.requestor(URL, **wrong)
    with pytest.raises(ConfigurationError, match=r"^nmae: "):
        async with connect_async(URL, **wrong):
            pass


@pytest.mark.parametrize("plugins", ["acme", None, [5], [Part]])
def test_plugins_are_a_list_of_names_or_modules(plugins: list[str]) -> None:
    """`plugins` must be a list, because a string would be a list of letters."""
    with pytest.raises(ConfigurationError, match="plugins: "), connect(URL, plugins=plugins):
        pass


def test_two_plugins_with_one_name_are_refused(acme: ModuleType) -> None:
    """Two plugins with the same name are refused, but a plugin may be listed twice."""
    with connect(URL, plugins=[acme, acme]):
        pass
    with (
        pytest.raises(PluginError, match="plugin acme: two different modules have this name"),
        connect(URL, plugins=[acme, plugin()]),
    ):
        pass


def test_verifier_and_schemes_reach_the_requestor() -> None:
    """`signature_verifier` and `schemes`, which only a program can pass, reach the requestor."""

    class EmptySchemes:
        def credential_types(self) -> list[str]:
            return []

        def attribute_types(self, credential_type: str) -> None:
            return None

    class UnusedVerifier:
        def verify(self, *_: object, **__: object) -> Any:
            raise AssertionError

    verifier, schemes = UnusedVerifier(), EmptySchemes()
    with connect(URL, signature_verifier=verifier, schemes=schemes) as requestor:
        assert requestor.context.signature_verifier is verifier
        assert requestor.context.schemes is schemes


def test_other_settings_are_checked_before_anything_opens() -> None:
    """A wrong `secrets` or `allow` is refused before anything is opened."""
    wrong = ["k"]
    with (
        pytest.raises(ConfigurationError, match="secrets must be a mapping"),
        connect(URL, secrets=wrong),  # type: ignore[arg-type]  # the point of it
    ):
        pass
    with (
        pytest.raises(ConfigurationError, match="allow: must"),
        open_parts(allow="memory"),  # type: ignore[arg-type]  # the point of it
    ):
        pass


def test_a_plugin_cannot_claim_a_built_in_scheme() -> None:
    """A plugin that claims a built-in scheme is refused, and the error names the plugin."""
    evil = plugin(irma_stores=lambda: {"memory": dict})
    with (
        pytest.raises(
            PluginError, match="acme: claims the store `memory:`, which belongs to irma-backend"
        ),
        open_parts(plugins=[evil]),
    ):
        pass


def test_an_unknown_scheme_lists_schemes_and_plugins() -> None:
    """The error for an unknown scheme lists the known schemes and installed plugins."""
    with (
        open_parts() as parts,
        pytest.raises(PluginError, match=r"Known: file:, hmac:\. To use an installed plugin"),
    ):
        parts.signer("vault:hunter2")
