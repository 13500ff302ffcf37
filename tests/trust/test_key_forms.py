"""Keys as other programs write them are read, or refused with the name of the fault."""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
import gzip
import hmac
import pickle
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from irma_core import (
    GatewaySecret,
    HmacSigner,
    PublicKey,
    RsaSigner,
    Sealer,
    SharedKey,
    TokenAuthentication,
    new_sealing_key,
)
from irma_core.errors import ConfigurationError
from irma_core.trust.key_forms import check_shared_secret, has_other_key, is_repetition
from irma_core.trust.server_keys import parse_server_keys
from tests.rsa_keys import RSA_KEY as RSA

SECRET = bytes(range(100, 164))
ODD = rsa.generate_private_key(3, 1024)  # without 65537, a mark of RSA
EC = ec.generate_private_key(ec.SECP256R1())
OTHER_EC = ec.generate_private_key(ec.SECP384R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
DSA = dsa.generate_private_key(1024)
KEYS: dict[str, Any] = {
    "RSA": RSA, "odd RSA": ODD, "EC": EC, "P-384": OTHER_EC, "Ed25519": EDWARDS, "DSA": DSA
}  # fmt: skip


def certificate(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=9))
    return builder.public_key(key.public_key()).sign(key, SHA256())


def rsa_number(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


MODULUS = RSA.public_key().public_numbers().n


def other_keys() -> dict[str, bytes]:
    """Return keys that are not shared secrets, under names of their kind and form."""
    made: dict[str, bytes] = {}
    for kind, key in KEYS.items():
        public = key.public_key()
        for form, encoding in {"PEM": Encoding.PEM, "DER": Encoding.DER}.items():
            spki, pkcs8 = PublicFormat.SubjectPublicKeyInfo, PrivateFormat.PKCS8
            made[f"{kind}, public, {form}"] = public.public_bytes(encoding, spki)
            made[f"{kind}, private, {form}"] = key.private_bytes(encoding, pkcs8, NoEncryption())
            locked = BestAvailableEncryption(b"x")
            made[f"{kind}, encrypted, {form}"] = key.private_bytes(encoding, pkcs8, locked)
            if isinstance(key, rsa.RSAPrivateKey):
                pkcs1 = public.public_bytes(encoding, PublicFormat.PKCS1)
                made[f"{kind}, public in PKCS #1, {form}"] = pkcs1
            if key is not EDWARDS:
                old = key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())
                made[f"{kind}, private in the old form, {form}"] = old
        if key is not DSA:
            ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            made[f"{kind}, SSH"] = ssh
            made[f"{kind}, SSH in binary"] = base64.b64decode(ssh.split()[1])
    made["certificate, PEM"] = certificate(RSA).public_bytes(Encoding.PEM)
    made["certificate, DER"] = certificate(RSA).public_bytes(Encoding.DER)
    made["certificate of EC, DER"] = certificate(EC).public_bytes(Encoding.DER)
    locked = BestAvailableEncryption(b"x")
    made["PKCS #12"] = pkcs12.serialize_key_and_certificates(b"x", RSA, None, None, locked)
    made["OpenSSH, private"] = RSA.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    text = made["RSA, SSH"].split()[1]
    lines = b"\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    ends = b"---- BEGIN SSH2 PUBLIC KEY ----\n%s\n---- END SSH2 PUBLIC KEY ----\n"
    made["RFC 4716"] = ends % lines
    made["PuTTY"] = b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 6\n" + lines
    made["XML"] = b"<RSAKeyValue><Modulus>" + rsa_number(MODULUS).encode() + b"</Modulus>"
    made["JWK"] = b'{"kty":"RSA","n":"%s","e":"AQAB"}' % rsa_number(MODULUS).encode()
    made["JWKS"] = b'{ "keys" : [{"e":"AQAB", "kty": "RSA", "n":"%s"}]}' % text
    made["half of a JWK"] = b'{"n":"%s","e":"AQAB"}' % rsa_number(MODULUS).encode()
    packet = b"\x04" + bytes(4) + b"\x01\x08\x00" + MODULUS.to_bytes(256, "big") + b"\0\x11\1\0\1"
    made["PGP in an old packet"] = b"\x99" + len(packet).to_bytes(2, "big") + packet
    made["PGP in a new packet"] = b"\xc6" + (len(packet) - 192 + 0xC000).to_bytes(2, "big") + packet
    armour = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%s\n-----END PGP PUBLIC KEY BLOCK-----\n"
    made["PGP"] = armour % base64.b64encode(packet)
    return made


OTHER_KEYS = other_keys()
AROUND: dict[str, Callable[[bytes], bytes]] = {
    "unchanged": bytes,
    "after a byte order mark": lambda data: codecs.BOM_UTF8 + data,
    "after bag attributes": lambda data: b"Bag Attributes\n    friendlyName: x\n" + data,
    "surrounded by whitespace": lambda data: b" \r\n\t" + data + b"\n\n",
    "surrounded by zeros": lambda data: b"\0" + data + b"\0\0",
    "in quotes": lambda data: b'"' + data + b'"',
    "without its last byte": lambda data: data[:-1],
    "with Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "on one line": lambda data: data.replace(b"\n", b" "),
    "with escaped line ends": lambda data: data.replace(b"\n", b"\\n"),
    "in base64": base64.b64encode,
    "in URL-safe base64": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "in lines of base64": base64.encodebytes,
    "in base64 twice": lambda data: base64.b64encode(base64.b64encode(data)),
    "after a name": lambda data: b"key=" + base64.b64encode(data),
    "in a data URL": lambda data: b"data:application/x-pem-file;base64," + base64.b64encode(data),
    "in hexadecimal digits": binascii.hexlify,
    "in digits with colons": lambda data: data.hex(":").upper().encode(),
    "in base64 and then hexadecimal": lambda data: base64.b64encode(data).hex().encode(),
    "Latin-1 written as UTF-8": lambda data: data.decode("latin-1").encode(),
    "text in UTF-16": lambda data: (
        data.decode("latin-1").encode("utf-16") if data.isascii() else data
    ),
    "text in UTF-16 without a byte order mark": lambda data: (
        data.decode("latin-1").encode("utf-16-be") if data.isascii() else data
    ),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("what", OTHER_KEYS)
def test_a_public_key_is_refused_as_a_shared_secret(what: str, around: str) -> None:
    """Anybody could sign with a public key, so each of its forms is refused, raw and in base64."""
    data = AROUND[around](OTHER_KEYS[what])
    for make in (SharedKey, HmacSigner):
        with pytest.raises(ConfigurationError):
            make(data)
        with pytest.raises(ConfigurationError):
            make.from_base64(base64.b64encode(data).decode())
        with pytest.raises(ConfigurationError):
            make.from_base64(data)


SPKI = OTHER_KEYS["RSA, public, DER"]
RAW_MODULUS = MODULUS.to_bytes(256, "big")
DUMPS: dict[str, bytes] = {
    "PowerShell's BitConverter": "-".join(f"{byte:02X}" for byte in SPKI).encode(),
    "an array in C": ", ".join(f"0x{byte:02x}" for byte in SPKI).encode(),
    "decimal numbers": ",".join(str(byte) for byte in SPKI).encode(),
    "signed numbers, as in Java": ",".join(str((byte ^ 128) - 128) for byte in SPKI).encode(),
    "escapes": "".join(f"\\x{byte:02x}" for byte in SPKI).encode(),
    "a Python literal": repr(SPKI).encode(),
    "compressed": zlib.compress(OTHER_KEYS["RSA, public, PEM"]),
    "compressed by gzip": gzip.compress(OTHER_KEYS["RSA, public, PEM"], mtime=0),
    "base32": base64.b32encode(SPKI),
    "base85": base64.b85encode(SPKI),
    "backwards": SPKI[::-1],
    "only its end": SPKI[40:],
    "a Windows CryptoAPI key": b"\6\2\0\0\0\xa4\0\0RSA1\0\x08\0\0\1\0\1\0" + RAW_MODULUS[::-1],
    "a Windows CNG key": b"RSA1\0\x08\0\0\3\0\0\0\0\1\0\0" + bytes(8) + b"\1\0\1" + RAW_MODULUS,
    "a DNS record": b"257 3 8 " + base64.b64encode(b"\3\1\0\1" + RAW_MODULUS),
    "a modulus": RAW_MODULUS,
    "a modulus in decimal digits": str(MODULUS).encode(),
    "a JWK in YAML": b"n: " + base64.urlsafe_b64encode(RAW_MODULUS) + b"\ne: AQAB",
    "base64 five times": functools.reduce(lambda data, _: base64.b64encode(data), range(5), SPKI),
}


@pytest.mark.parametrize("what", DUMPS)
def test_a_public_key_is_too_long_for_a_shared_secret(what: str) -> None:
    """Every form of an RSA key, listed or not, is longer than any good secret."""
    for make in (SharedKey, HmacSigner):
        with pytest.raises(ConfigurationError):
            make(DUMPS[what])
        with pytest.raises(ConfigurationError):
            make.from_base64(base64.b64encode(DUMPS[what]))


@pytest.mark.search
@pytest.mark.parametrize("size", [32, 33, 48, 64, 128, 255])
def test_no_random_key_is_refused(size: int) -> None:
    """No rule on the look of a secret can refuse a random key by chance."""
    source = random.Random(size)
    for _ in range(2_000):
        key = source.randbytes(size)
        assert SharedKey(key).reveal() == key
        assert SharedKey.from_base64(base64.b64encode(key)).reveal() == key


@given(st.binary(min_size=32, max_size=255).filter(lambda data: not is_repetition(data)))
def test_random_bytes_are_accepted_as_a_shared_secret(data: bytes) -> None:
    """Random bytes without the mark of another key are accepted as a shared secret."""
    if not data.isascii():
        assert check_shared_secret(data, "key") == data
        assert SharedKey.from_base64(base64.b64encode(data).decode()).reveal() == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x99\x01\x00\x04" + bytes(range(60)),
        b"\x99\x00\x10\x04\0\0\0\0\x01" + bytes(range(1, 200)),
        b"{" + bytes(range(1, 64)),
        b"0\x82" + bytes(range(1, 200)),
        b"-----BEGINNING " + bytes(range(1, 64)),
    ],
)
def test_bytes_that_begin_like_another_key_may_be_a_secret(data: bytes) -> None:
    """The first bytes alone do not identify another kind of key, so a secret may begin like it."""
    assert has_other_key(data) is data.startswith(b"-----BEGIN")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (bytes(32), "just a few bytes repeated"),
        (b"ab" * 16, "just a few bytes repeated"),
        (b"password" * 4, "just a few bytes repeated"),
        (b"0123456789abcdef" * 2, "just a few bytes repeated"),
        (bytes(31) + b"\1", "just a few bytes repeated"),
        (bytes(range(256)), "at most 255 bytes"),
        (b"k" * 64, "just a few bytes repeated"),
        (SECRET[:31], "at least 32 bytes long"),
        (b"", "at least 32 bytes long"),
        (base64.b64encode(SECRET), "encoded: decode base64 with from_base64"),
        (base64.encodebytes(SECRET), "still seems to be encoded"),
        (base64.urlsafe_b64encode(SECRET).rstrip(b"="), "still seems to be encoded"),
        (SECRET.hex().encode(), "still seems to be encoded"),
        (SECRET.hex(":").encode(), "still seems to be encoded"),
        (SECRET.hex().encode() + b"\r\n", "still seems to be encoded"),
        (b'"' + base64.b64encode(SECRET) + b'"', "still seems to be encoded"),
        ("k" * 32, "must be bytes"),
        (bytearray(SECRET), "must be bytes"),
        (None, "must be bytes"),
    ],
)
def test_a_weak_secret_is_refused(key: Any, said: str) -> None:
    """The error says why a secret is weak, and never shows the key."""
    for make in (SharedKey, HmacSigner):
        with pytest.raises(ConfigurationError, match=said) as caught:
            make(key)
        assert caught.value.__context__ is None


def test_a_sentence_may_be_a_shared_secret() -> None:
    """A sentence is accepted as a shared secret, because its spaces show that it is not base64."""
    assert SharedKey(b"a shared key of thirty-two bytes").reveal()


def test_a_client_secret_is_not_decoded() -> None:
    """A client secret that looks like base64 is not decoded, because OAuth decodes no secret."""
    secret = "vkJ5bUtdYcZ7gqPzLw3xN8eRh2aTf6Sm"
    signer = HmacSigner.from_client_secret(secret)
    assert signer.sign(b"x") == hmac.digest(secret.encode(), b"x", "sha256")
    for wrong in (PUBLIC, "short", "k" * 32, secret.encode(), None):
        with pytest.raises(ConfigurationError, match="client secret"):
            HmacSigner.from_client_secret(wrong)  # type: ignore[arg-type]  # the point of the test


TEXT = base64.b64encode(SECRET).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "\n",
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(SECRET).decode(),
        base64.urlsafe_b64encode(SECRET).decode().rstrip("="),
        base64.encodebytes(SECRET).decode(),
        base64.encodebytes(SECRET).decode().replace("\n", "\r\n"),
        base64.encodebytes(SECRET).decode().replace("\n", "\\n"),
        "\ufeff" + TEXT,
        codecs.BOM_UTF8 + TEXT.encode() + b"\r\n",
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode() + b"\0",
        f"  {TEXT}\t",
    ],
)
def test_base64_is_accepted_as_programs_write_it(text: str | bytes) -> None:
    """All forms of openssl, PowerShell and Kubernetes that the server accepts are accepted."""
    assert SharedKey.from_base64(text).reveal() == SECRET
    assert HmacSigner.from_base64(text).sign(b"x") == HmacSigner(SECRET).sign(b"x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'"{TEXT}"', "in quotes"),
        (f"'{TEXT}'", "in quotes"),
        (f"{TEXT[:40]} {TEXT[40:]}", "base64 without whitespace"),
        (TEXT[:-1], "characters or padding are missing"),
        (TEXT.rstrip("=") + "A" * (1 + -len(TEXT.rstrip("=")) % 4), "base64"),
        ("-" + TEXT[1:40] + "+" + TEXT[41:], "must be base64"),
        (TEXT[:20] + "=" + TEXT[21:], "must be base64"),
        (f"hmac:{TEXT}", "must be base64"),
        ("AAAA" * 16, "just a few bytes repeated"),
        (TEXT[:20], "at least 32 bytes long"),
        ("/run/secrets/key", "looks like the path of a file"),
        ("", "at least 32 bytes long"),
        (b"\xff\x00\x81" * 20, "must be base64"),
        (None, "must be base64 as str or bytes"),
    ],
)
def test_invalid_base64_is_refused_with_its_cause(text: Any, said: str) -> None:
    """Invalid base64 is refused: the server refuses it too, or reads a different key."""
    for make in (SharedKey, HmacSigner):
        with pytest.raises(ConfigurationError, match=said):
            make.from_base64(text)


PUBLIC = OTHER_KEYS["RSA, public, PEM"].decode()
PRIVATE = OTHER_KEYS["RSA, private, PEM"].decode()
PEM_FORMS: dict[str, Callable[[str], str | bytes]] = {
    "text": str,
    "bytes": str.encode,
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "escaped line ends": lambda text: text.replace("\n", "\\n"),
    "escaped Windows line ends": lambda text: text.replace("\n", "\\r\\n"),
    "one line": lambda text: text.replace("\n", " "),
    "one line without spaces": lambda text: text.replace("\n", ""),
    "in quotes": lambda text: f'"{text}"',
    "indented": lambda text: text.replace("\n", "\n    "),
    "after a byte order mark": lambda text: "\ufeff" + text,
    "bytes after a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a byte order mark": lambda text: text.encode("utf-16-le"),
    "after bag attributes": lambda text: f"Bag Attributes\n    x: y\n{text}",
    "surrounded by empty lines": lambda text: f"\n\n {text}\n\0",
}


@pytest.mark.parametrize("form", PEM_FORMS)
def test_pem_is_accepted_as_programs_write_it(form: str) -> None:
    """PEM is accepted in the forms of files, environment variables, YAML and PowerShell."""
    assert PublicKey(PEM_FORMS[form](PUBLIC)).pem
    assert len(parse_server_keys(PEM_FORMS[form](PUBLIC))) == 1
    assert RsaSigner(PEM_FORMS[form](PRIVATE)).sign(b"x") == RsaSigner(PRIVATE).sign(b"x")


def test_an_old_encrypted_key_is_accepted() -> None:
    """The headers before the base64 of an old encrypted key are kept."""
    old = PrivateFormat.TraditionalOpenSSL
    locked = RSA.private_bytes(Encoding.PEM, old, BestAvailableEncryption(b"secret"))
    for pem in (locked, locked.replace(b"\n", b"\r\n"), locked.replace(b"\n", b"\\n")):
        assert RsaSigner(pem, password=b"secret").sign(b"x") == RsaSigner(PRIVATE).sign(b"x")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "it is empty"),
        (OTHER_KEYS["certificate, PEM"], "openssl x509 -pubkey"),
        (PRIVATE, "it is a private key: `openssl pkey -pubout"),
        (OTHER_KEYS["EC, public, PEM"], "it is not an RSA key"),
        (OTHER_KEYS["Ed25519, public, PEM"], "it is not an RSA key"),
        (PUBLIC[:300], "its end is missing"),
        (PUBLIC.replace("MII", "MIJ"), "it is not an RSA key, or it was truncated or changed"),
        (OTHER_KEYS["RSA, SSH"], "ssh-keygen -e -m PKCS8"),
        (OTHER_KEYS["RFC 4716"], "ssh-keygen -e -m PKCS8"),
        (OTHER_KEYS["PuTTY"], "PuTTY"),
        (OTHER_KEYS["JWK"], "JWK"),
        (OTHER_KEYS["PGP"], "PGP"),
        (OTHER_KEYS["RSA, public, DER"], "openssl pkey -inform DER"),
        ("".join(PUBLIC.splitlines()[1:-1]), "first and last lines are missing"),
        ("/etc/irma/key.pem", "the contents of the file"),
        ("C:\\keys\\key", "the contents of the file"),
        ("no key", "no line says BEGIN PUBLIC KEY"),
        (b"\xff\xfe", "it is empty"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
            "certificate request",
        ),
        (7, "as str or bytes"),
        (OTHER_KEYS["odd RSA, public, PEM"], "2048 bits or more"),
    ],
)
def test_an_invalid_public_key_is_refused_with_its_cause(key: Any, said: str) -> None:
    """The error for a public key says what the value seems to be, and what to do."""
    with pytest.raises(ConfigurationError, match=said):
        parse_server_keys([key])
    with pytest.raises(ConfigurationError, match=said):
        PublicKey(key)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (PUBLIC, "it is a public key: use the matching private key"),
        (OTHER_KEYS["certificate, PEM"], "certificate"),
        (OTHER_KEYS["RSA, encrypted, PEM"], "it is encrypted: its password is missing"),
        (OTHER_KEYS["RSA, private, DER"], "openssl pkey -inform DER"),
        (OTHER_KEYS["EC, private, PEM"], "RS256 needs an RSA key"),
        (OTHER_KEYS["JWK"], "JWK"),
        (PRIVATE[:500], "its end is missing"),
        ("", "it is empty"),
        (7, "must be PEM as str or bytes"),
        (OTHER_KEYS["odd RSA, private, PEM"], "2048 bits or more"),
    ],
)
def test_an_invalid_private_key_is_refused_with_its_cause(key: Any, said: str) -> None:
    """The error for a private key says what the value seems to be, and what to do."""
    with pytest.raises(ConfigurationError, match=said):
        RsaSigner(key)


def test_a_password_must_be_bytes() -> None:
    """The password of a key is bytes, since a string has no encoding of its own."""
    with pytest.raises(ConfigurationError, match="password must be bytes"):
        RsaSigner(PRIVATE, password="x")  # type: ignore[arg-type]  # the point of the test


def test_no_repr_or_pickle_shows_a_shared_key() -> None:
    """A shared key is in no `repr` and no pickle; a public key may be shown and pickled."""
    shared, public = SharedKey(SECRET), PublicKey(PUBLIC)
    assert (repr(shared), repr(public)) == ("<SharedKey>", "<PublicKey>")
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(shared)


KEY = new_sealing_key()


@pytest.mark.parametrize(
    "key",
    [f"{KEY}\n", f" {KEY}", f"\ufeff{KEY}", KEY.rstrip("="), KEY.translate({45: "+", 95: "/"})],
    ids=["a line", "a space before it", "a byte order mark", "no padding", "standard base64"],
)
def test_a_sealing_key_is_accepted_as_programs_write_it(key: str) -> None:
    """All forms of a sealing key open a string that one of them sealed."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    text = Sealer([KEY]).seal("v", purpose="p", now=now, lifetime=timedelta(hours=1))
    assert Sealer([key]).unseal(text, purpose="p", now=now) == "v"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([base64.b64encode(bytes(32)).decode()], "just a few bytes repeated"),
        ([base64.b64encode(b"k" * 32).decode()], "just a few bytes repeated"),
        ([KEY, KEY], "twice"),
        ([KEY, f"{KEY}\n"], "twice"),
        ([f'"{KEY}"'], "in quotes"),
        ([KEY[:-2]], "base64"),
        ([base64.b64encode(SECRET).decode()], "must be 32 bytes"),
        ([f"{KEY[:20]} {KEY[20:]}"], "base64 without whitespace"),
        ([KEY.encode()], "must be a string"),
    ],
)
def test_an_invalid_sealing_key_is_refused_with_its_cause(keys: Any, said: str) -> None:
    """An invalid sealing key is refused, because no other process could open what it seals."""
    with pytest.raises(ConfigurationError, match=said):
        Sealer(keys)


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ("{}\n", "strip it"),
        ("{}\r\n", "strip it"),
        ("\ufeff{}", "strip it"),
        (" {}", "strip it"),
        ('"\n{}"', "remove them"),
        ("{}\u00e9", "line of ASCII$"),
        ("", "line of ASCII$"),
    ],
)
def test_characters_around_a_token_are_named(around: str, said: str) -> None:
    """The error names what surrounds a token, such as a line end, and never shows the token."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        TokenAuthentication(around.format("t0ken"))
    assert "t0ken" not in str(caught.value)


def test_a_line_end_after_a_gateways_secret_is_named() -> None:
    """The error names the line end that a file adds to a gateway's secret."""
    with pytest.raises(ConfigurationError, match="strip it"):
        GatewaySecret("shop", "t0ken\n")
