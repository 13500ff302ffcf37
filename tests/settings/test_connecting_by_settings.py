"""`connect` and `open_parts` with a settings file, in both modes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from irma_backend import (
    AsyncSqliteStore,
    SqliteStore,
    connect,
    connect_async,
    open_parts,
    open_parts_async,
    read_settings,
)
from irma_core import DisclosureRequest, Requestor, Risk
from irma_core.errors import ConfigurationError, PluginError
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings
from tests.plugins.in_process import factory_of, plugin, signer_plugin

TOKEN = "an-api-token"
KEY = base64.b64encode(bytes(range(32))).decode()
ASK = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
WORD = "zq7"


@pytest.fixture(scope="module")
def server() -> InMemoryServer:
    known = {
        "by-token": RequestorSettings("token", TOKEN),
        "by-hmac": RequestorSettings("hmac", KEY),
    }
    return InMemoryServer(ServerSettings(requestors=known))


@pytest.fixture
def token_file(settings_file: Path, server: InMemoryServer) -> Path:
    """Return a settings file with a token by reference."""
    (settings_file.parent / "token.txt").write_text(f"{TOKEN}\n")
    settings_file.write_text(
        f'server = {{ url = "{server.url}" }}\nauthentication.token = "file:token.txt"\n'
    )
    return settings_file


@pytest.fixture
def key_file(settings_file: Path, server: InMemoryServer) -> Path:
    """Return a settings file with a key by reference, and with the server's public key."""
    (settings_file.parent / "hmac.txt").write_text(KEY)
    (settings_file.parent / "server-key.pem").write_text(server.public_key_pem)
    settings_file.write_text(
        "[server]\n"
        f'url = "{server.url}"\n'
        'key_files = ["server-key.pem"]\n'
        'jwt_issuer = ""\n'
        'allow = ["simulated-proofs"]\n'
        "[authentication]\n"
        'requestor = "by-hmac"\n'
        'key = "hmac:shop"\n'
        '[secrets]\nshop = "file:hmac.txt"\n'
    )
    return settings_file


def start(requestor: Requestor) -> None:
    """Start a session, which fails without authentication."""
    assert requestor.start_session(ASK).pointer.url


async def test_a_file_names_the_server_and_the_token(
    token_file: Path, server: InMemoryServer
) -> None:
    """`connect` takes the server and the token from a settings file, in both modes."""
    with connect(settings=token_file, transport=server.transport()) as requestor:
        start(requestor)
    async with connect_async(
        settings=str(token_file), transport=server.async_transport()
    ) as awaited:
        assert (await awaited.start_session(ASK)).pointer.url


def test_the_environment_names_the_file(
    token_file: Path, server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without arguments, `connect` uses the file or the settings in environment variables."""
    monkeypatch.setenv("IRMA_SETTINGS", str(token_file))
    with connect(transport=server.transport()) as requestor:
        start(requestor)
    monkeypatch.delenv("IRMA_SETTINGS")
    monkeypatch.setenv("IRMA_SERVER", server.url)
    monkeypatch.setenv("IRMA_TOKEN", TOKEN)
    with connect(transport=server.transport()) as requestor:
        start(requestor)


def test_keys_of_both_sides_come_from_the_file(key_file: Path, server: InMemoryServer) -> None:
    """A key in the file signs requests, and the server's key in the file verifies results."""
    with connect(settings=key_file, transport=server.transport()) as requestor:
        start(requestor)
        assert requestor.context.jwt_issuer is None
        assert requestor.context.server_keys == (server.public_key_pem,)


def test_arguments_override_the_file(key_file: Path, server: InMemoryServer) -> None:
    """An argument overrides the setting with the same meaning, and a token replaces a key."""
    with connect(
        server.url, settings=key_file, token=TOKEN, transport=server.transport()
    ) as requestor:
        start(requestor)
    with (
        pytest.raises(PluginError, match="32 bytes"),
        connect(settings=key_file, secrets={"shop": "AAAA"}, transport=server.transport()),
    ):
        pass


async def test_parts_come_from_the_file(
    settings_file: Path, server: InMemoryServer, tmp_path: Path
) -> None:
    """`open_parts` takes the URIs of parts from the settings, in both modes."""
    backend = _Backend()
    pigeon = plugin(irma_status_backends=lambda: {"pigeon": factory_of(backend)})
    settings_file.write_text(  # noqa: ASYNC240  # a small file
        f'server.url = "{server.url}"\n'
        'parts = { store = "sqlite:irma.db", status = "pigeon:" }\n'
        'authentication = { requestor = "by-hmac", key = "hmac:shop" }\n'
    )
    settings = read_settings(settings_file)
    with open_parts(
        settings=settings, plugins=[pigeon], secrets={"shop": KEY}, transport=server.transport()
    ) as parts:
        assert isinstance(parts.store(), SqliteStore)
        assert (tmp_path / "irma.db").exists()
        assert parts.status_backend() is backend
        assert parts.signer().algorithm == "HS256"
        start(parts.requestor())
    async with open_parts_async(
        settings=settings, secrets={"shop": KEY}, transport=server.async_transport()
    ) as awaited:
        assert isinstance(awaited.store(), AsyncSqliteStore)
        assert awaited.signer().algorithm == "HS256"


class _Backend:
    def publish(self, *_: object) -> None: ...

    def wait(self, *_: object) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("text", "line", "name", "says"),
    [
        ('server.url = "http://zq7.example"', 1, "server.url", 'add "plain-http" to server.allow'),
        (
            'server.url = "https://irma.example"\nserver.frontend_url = "http://irma.example"',
            *(2, "server.frontend_url", "plain-http"),
        ),
        (
            'server.url = "https://irma.example"\nserver.key_files = ["zq7.pem"]',
            *(2, "server.key_files", "No such file"),
        ),
        (
            'server.url = "https://irma.example"\nserver.key_files = ["settings.toml"]',
            *(2, "server.key_files", "BEGIN PUBLIC KEY"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.token = "file:zq7.txt"',
            *(2, "authentication.token", "No such file"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.token = "env:SHOP_TOKEN"',
            *(2, "authentication.token", "not set"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.token = "file:empty.txt"',
            *(2, "authentication.token", "the file is empty"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.token = "file:latin.txt"',
            *(2, "authentication.token", "UTF-8"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.token = "file:large.txt"',
            *(2, "authentication.token", "1 MiB"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.key = "hmac:shop"',
            *(2, "authentication.key", "authentication.requestor"),
        ),
        (
            'server.url = "https://irma.example"\nauthentication.requestor = "shop"',
            *(2, "authentication.requestor", "must be given together"),
        ),
    ],
)
def test_an_error_on_connecting_names_the_line(
    text: str, line: int, name: str, says: str, settings_file: Path
) -> None:
    """The error for a setting that fails when it is used names its file and line."""
    (settings_file.parent / "empty.txt").write_text("\n")
    (settings_file.parent / "latin.txt").write_bytes(b"\xff")
    (settings_file.parent / "large.txt").write_bytes(b"a" * 1_100_000)
    settings_file.write_text(text)
    with pytest.raises(ConfigurationError) as caught, connect(settings=settings_file):
        pass
    assert str(caught.value).startswith(f"{settings_file}, line {line}, {name}: ")
    assert says in str(caught.value)


def test_an_error_of_a_plugin_names_the_line(settings_file: Path) -> None:
    """The error for a missing plugin or scheme names the line of its setting."""
    settings_file.write_text(
        'server.url = "https://irma.example"\nplugins.use = ["no-such-plugin"]'
    )
    with (
        pytest.raises(PluginError, match=r"line 2, plugins.use\)"),
        connect(settings=settings_file),
    ):
        pass
    settings_file.write_text('parts.store = "pigeon:"')
    with (
        open_parts(settings=settings_file, plugins=[signer_plugin(factory_of(None))]) as parts,
        pytest.raises(PluginError, match=r"line 1, parts.store\)"),
    ):
        parts.store()


@pytest.mark.parametrize("part", ["requestor", "store", "status_backend", "signer"])
def test_a_part_without_a_setting_is_refused(part: str, settings_file: Path) -> None:
    """A part without a URI and without a setting is refused, and the error says what to set."""
    settings_file.write_text("")
    openers: list[tuple[Any, str]] = [
        (open_parts, "uri: must be|url: must be"),
        (
            lambda: open_parts(settings=settings_file),
            rf"{settings_file}: \w+\.\w+ is missing; set .* IRMA_",
        ),
        (lambda: open_parts(settings=read_settings()), r"\w+\.\w+: is missing; set it .* IRMA_"),
    ]
    for opener, reason in openers:
        with opener() as parts:
            call: Callable[[], object] = getattr(parts, part)
            with pytest.raises(ConfigurationError, match=reason):
                call()


def test_risks_of_code_and_file_add_up(key_file: Path, server: InMemoryServer) -> None:
    """A risk is accepted if the code or the file accepts it."""
    with connect(
        settings=key_file, allow={Risk.PLAIN_HTTP}, transport=server.transport()
    ) as requestor:
        assert requestor.context.allow == {Risk.PLAIN_HTTP, Risk.SIMULATED_PROOFS}
