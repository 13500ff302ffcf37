"""Built-in schemes: keys in files, keys from `secrets`, and the store in memory."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from irma_backend import MemoryStore, open_parts, open_parts_async
from irma_core import HmacSigner, Risk, RsaSigner, Signer
from irma_core.errors import PluginError
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from tests.rsa_keys import RSA_KEY as RSA

KEY = bytes(range(223, 255))
TEXT = base64.b64encode(KEY).decode()
MINUTE = timedelta(minutes=1)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = RSA,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
    password: bytes | None = None,
) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def refused(uri: str) -> str:
    secrets = {"clerk": TEXT, "short": TEXT[:20]}
    with open_parts(secrets=secrets) as parts, pytest.raises(PluginError) as caught:
        parts.signer(uri)
    assert caught.value.plugin == "irma-backend"
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("form", ["file:{}", "file://{}", "file://localhost{}", "FILE:{}"])
def test_a_key_is_read_from_a_file(form: str, tmp_path: Path) -> None:
    """A file may hold a PEM key for RS256 or a base64 key for HS256, and is read once."""
    for content, expected in (
        (pem(), RsaSigner(pem())),
        (b"\n" + pem(form=serialization.PrivateFormat.TraditionalOpenSSL), RsaSigner(pem())),
        (TEXT.encode() + b"\n", HmacSigner(KEY)),
    ):
        path = tmp_path / "the key #1?.pem"
        path.write_bytes(content)
        with open_parts() as parts:
            signer = parts.signer(form.format(quote(str(path))))
            path.unlink()
            assert signer.algorithm == expected.algorithm
            assert signer.sign(b"x") == expected.sign(b"x")


def test_a_relative_path_starts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path in a `file:` URI starts from the working directory."""
    (tmp_path / "key").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    with open_parts() as parts:
        assert parts.signer("file:key").sign(b"x") == HmacSigner(KEY).sign(b"x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "at least 32 bytes long"),
        (TEXT[:20].encode(), "at least 32 bytes long"),
        (
            b"no key at all",
            "must be base64 without whitespace; for RS256, use a private key in PEM",
        ),
        (KEY, "must be base64; for RS256, use a private key in PEM"),
        (bytes(65537), "too large for a key"),
        (pem(password=b"hunter2"), "the key in the file is encrypted"),
        (
            pem(RSA, serialization.PrivateFormat.TraditionalOpenSSL, b"hunter2"),
            "the key in the file is encrypted",
        ),
        (pem(ec.generate_private_key(ec.SECP256R1())), "RS256 needs an RSA key"),
        (pem()[:500], "the private key cannot be read"),
    ],
)
def test_a_file_without_a_key_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    """The error for a file without a valid key says what is wrong, and omits content and path."""
    path = tmp_path / "webshop-key"
    path.write_bytes(content)
    message = refused(f"file:{path}")
    assert words in message
    assert "webshop-key" not in message
    assert not content or content[:60] not in message.encode()


def test_unreadable_file(tmp_path: Path) -> None:
    """A `file:` URI of a missing file, a directory or an invalid path raises an error."""
    assert "No such file or directory" in refused(f"file:{tmp_path}/nowhere")
    assert "Is a directory" in refused(f"file:{tmp_path}")
    assert "the path is not valid" in refused("file:/x%00")


@pytest.mark.parametrize("rest", ["", "//elsewhere/key", "/key?x", "/key#x", "//[", "?key"])
def test_a_file_uri_without_a_plain_path_is_refused(rest: str) -> None:
    """A `file:` URI with a host, a query or no path is refused."""
    assert "file: must be followed by a path" in refused(f"file:{rest}")


@pytest.mark.parametrize("secret", [TEXT, TEXT.encode(), lambda: TEXT])
def test_an_hmac_uri_names_a_key(secret: str | bytes | Callable[[], str]) -> None:
    """An `hmac:` URI names a key in `secrets`, which is base64 as in the server's configuration."""
    with open_parts(secrets={"clerk key": secret}) as parts:
        signer = parts.signer("hmac:clerk%20key")
        assert signer.algorithm == "HS256"
        assert signer.sign(b"x") == HmacSigner(KEY).sign(b"x")


def test_a_key_that_is_given_as_a_name_is_not_shown() -> None:
    """The error for an unknown key name lists the known names, and omits the unknown one."""
    message = refused(f"hmac:{TEXT}")
    assert message.endswith("must name a key in secrets= (available: clerk, short)")
    assert TEXT not in message
    assert "32 bytes" in refused("hmac:short")
    with open_parts() as parts, pytest.raises(PluginError, match=r"secrets= \(available: none\)"):
        parts.signer("hmac:x")


async def test_async_signers_make_the_same_signatures(tmp_path: Path) -> None:
    """Asyncio signers make the same signatures as sync ones, and their `repr` contains no key."""
    (tmp_path / "key").write_bytes(pem())
    transport = AsyncScriptedTransport()
    signers: list[tuple[str, Signer]] = [
        (f"file:{tmp_path}/key", RsaSigner(pem())),
        ("hmac:k", HmacSigner(KEY)),
    ]
    for uri, expected in signers:
        async with open_parts_async(secrets={"k": TEXT}, transport=transport) as parts:
            signer = parts.signer(uri)
            assert signer.algorithm == expected.algorithm
            assert await signer.sign(b"x") == expected.sign(b"x")
            assert repr(signer) == f"<{type(expected).__name__}, awaited>"


async def test_memory_uri_opens_a_new_store() -> None:
    """Each call of `store("memory:")` returns an empty store on the transport's clock."""
    allow = [Risk.MEMORY_STORE]
    transport, awaited = ScriptedTransport(), AsyncScriptedTransport()
    with open_parts(allow=allow, transport=transport) as parts:
        first, second = parts.store("memory:"), parts.store("memory:")
        assert isinstance(first, MemoryStore)
        for store in (first, second):
            assert store.put_if_absent("k", b"", MINUTE)
        transport.sleep(MINUTE)
        assert first.get("k") is None
    async with open_parts_async(allow=allow, transport=awaited) as async_parts:
        for _ in range(2):
            other = async_parts.store("memory:")
            assert await other.put_if_absent("k", b"", MINUTE)
            assert await other.get("k") == b""


@pytest.mark.parametrize(
    ("uri", "allow", "words"),
    [
        ("memory:", [], "allow Risk.MEMORY_STORE"),
        ("memory:x", [Risk.MEMORY_STORE], "exactly `memory:`"),
    ],
)
def test_memory_uri_needs_the_memory_store_risk(uri: str, allow: list[Risk], words: str) -> None:
    """`memory:` needs `Risk.MEMORY_STORE`, because processes cannot share the store."""
    with open_parts(allow=allow) as parts, pytest.raises(PluginError, match=words):
        parts.store(uri)
