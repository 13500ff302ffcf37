"""Recognise key formats, and explain why a value is not the expected key.

Many programs make keys, such as openssl, PowerShell and ssh-keygen. The keys then pass through
files, environment variables and configuration. If the library accepted a public key as a shared
secret, anyone could sign. No list of formats is complete. So the functions here search a shared
secret for byte sequences that occur only in other kinds of key: X.509 object identifiers, PEM
armour markers, and SSH key-type names. They also search inside base64, hexadecimal digits and
UTF-16.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonTextError, read_json

__all__ = [
    "check_shared_secret",
    "decoded_base64",
    "is_repetition",
    "pem_form",
    "setting_text",
    "what_surrounds",
    "why_no_pem",
]

SHORTEST_SECRET: Final = 32
_LONGEST_SECRET: Final = 255
"""The maximum size of a shared secret, in bytes. A modulus of 2048 bits has 256 bytes, so a public
RSA key exceeds this limit in every form: compressed, as a hexadecimal dump, in C code or in a DNS
record. HMAC-SHA256 gains nothing from more than 64 bytes."""
_FEWEST_VALUES: Final = 8
"""The minimum number of different bytes in a key. A random key of 32 bytes has about 30."""
_DEEPEST: Final = 3
_EDGES: Final = " \t\r\n\v\f\0\ufeff"

_TEXT_MARKS: Final = (
    rb"(?i)BEGIN [A-Z0-9 ]*(?:KEY|CERTIFICATE|PGP|PKCS|CMS|SSH2)|ssh-(?:rsa|dss|ed25519)"
    rb"|ecdsa-sha2-|openssh-key-v1|PuTTY-User-Key-File|<RSAKeyValue>|Modulus=|[\"']kty[\"']"
    rb"|-{4,5} ?BEGIN"
)
_DER_MARKS: Final = (
    rb"(?s)\x2a\x86\x48\x86\xf7\x0d\x01"  # RSA and other PKCS algorithms
    rb"|\x2a\x86\x48\xce\x3d|\x06\x05\x2b\x81\x04\x00|\x2b\x24\x03\x03\x02\x08"  # elliptic curves
    rb"|\x2b\x06\x01\x04\x01\xda\x47"  # the curves of PGP
    rb"|\x2a\x86\x48\xce\x38\x04"  # DSA
    rb"|\x06\x03\x2b\x65[\x6e-\x71]"  # Edwards curves
    # PKCS #1 names no algorithm: the exponent of nearly all RSA keys, or a modulus in its sequence.
    rb"|\x02\x03\x01\x00\x01"
    rb"|\x30(?:\x82..|\x81.)(?:\x02\x01\x00)?\x02(?:\x82..|\x81.)\x00[\x80-\xff]"
    # PGP (RFC 9580, section 5.5): a packet of version 4 with a number of a usual length.
    rb"|[\x95\x99\xc5\xc6]..\x04....[\x01-\x03\x10-\x13][\x04\x08\x0c\x10]\x00[\x80-\xff]"
)
"""Patterns that reveal other kinds of key in binary form. Each is so long that it is unlikely to
occur even once in a hundred million random secrets.
"""
_BASE64_RUN: Final = rb"[A-Za-z0-9+/_-]{40,}"
_HEX_RUN: Final = rb"[0-9A-Fa-f]{64,}"
_JOINTS: Final = rb"[\s\0\"',:\\]+|\\[nrt]"
_UNDECODED: Final = rb"[A-Za-z0-9+/_-]+={0,2}|[0-9A-Fa-f]{2}(?:[: ][0-9A-Fa-f]{2})+"


def check_shared_secret(key: object, name: str, *, was_base64: bool = False) -> bytes:
    """Check the bytes of a shared secret, and return them.

    Args:
        key: The bytes of the secret.
        name: What to call the secret in error messages.
        was_base64: Whether the caller has just decoded the secret from base64.

    Raises:
        ConfigurationError: The secret is not a shared secret (for example, it is a PEM key), has
            the wrong length, is guessable, or is still base64-encoded.
    """
    if not isinstance(key, bytes):
        raise ConfigurationError(f"{name} must be bytes; from_base64 decodes a base64 string")
    if has_other_key(key):
        raise ConfigurationError(
            f"{name} must be a shared secret, but a public key, a private key or a certificate was "
            "given"
        )
    if len(key) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"{name} must be at least 32 bytes long; make a new key with `openssl rand -base64 32`"
        )
    if len(key) > _LONGEST_SECRET:
        raise ConfigurationError(
            f"{name} must be at most {_LONGEST_SECRET} bytes long; a longer value may be a public "
            "key. Make a new key with `openssl rand -base64 32`, and use it both here and at the "
            "server"
        )
    if is_repetition(key):
        raise ConfigurationError(
            f"{name} is just a few bytes repeated, so it can be guessed; make a new key with "
            "`openssl rand -base64 32`"
        )
    if not was_base64 and _is_undecoded(key):
        raise ConfigurationError(
            f"{name} still seems to be encoded: decode base64 with from_base64, and hexadecimal "
            "with bytes.fromhex"
        )
    return key


def is_repetition(key: bytes) -> bool:
    """Return whether a key is a shorter key repeated, or has only a few different bytes."""
    return bool(key) and (len(set(key)) < _FEWEST_VALUES or key in (key + key)[1:-1])


def has_other_key(data: bytes, depth: int = _DEEPEST) -> bool:
    """Return whether the bytes contain a key that is not a shared secret, in any known form."""
    plain = data.replace(b"\0", b"")  # the zeros of UTF-16
    if re.search(_TEXT_MARKS, plain) or re.search(_DER_MARKS, data) or re.search(_DER_MARKS, plain):
        return True
    if _is_json(plain.strip()):
        return True
    return depth > 0 and any(has_other_key(inner, depth - 1) for inner in _below(data))


def _below(data: bytes) -> Iterator[bytes]:
    """Yield the decoded bytes of each run of base64 or hexadecimal digits in the data.

    A run may be divided by line ends or quotes.
    """
    with suppress(UnicodeError):  # bytes that were read as Latin-1, and written as UTF-8
        if not data.isascii():
            yield data.decode("utf-8").encode("latin-1")
    joined = re.sub(_JOINTS, b"", data)  # removes the zeros of UTF-16 too
    for run in re.findall(_HEX_RUN, joined):
        yield bytes.fromhex(run[: len(run) // 2 * 2].decode("ascii"))
    for run in re.findall(_BASE64_RUN, joined):
        plain = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):  # other characters may precede the base64
            whole = plain[start : start + (len(plain) - start) // 4 * 4]
            yield binascii.a2b_base64(whole)
            rest = len(plain) - start - len(whole)
            if not start and rest > 1:
                yield binascii.a2b_base64(plain + b"=" * (4 - rest))


def _is_undecoded(data: bytes) -> bool:
    # Inner whitespace is kept, because a sentence is not base64 and may be a secret.
    joined = re.sub(rb"[\r\n\0]|\\[rn]", b"", data).strip(b" \t\"'\xef\xbb\xbf\xff\xfe")
    return re.fullmatch(_UNDECODED, joined) is not None


def _is_json(data: bytes) -> bool:
    if data[:1] not in {b"{", b"["}:
        return False
    try:
        read_json(data)
    except JsonTextError:
        return False
    return True


def setting_text(data: str | bytes) -> str:
    """Decode a setting, and remove the characters that a file or shell added around it.

    This function reads UTF-8 and UTF-16, with or without a byte order mark. It removes whitespace
    and NUL characters at both ends. Bytes in any other encoding become a string that is not a valid
    key.
    """
    if isinstance(data, bytes):
        data = _decoded_text(data)
    return data.strip(_EDGES)


def what_surrounds(value: object) -> str:
    """Return a hint about what a file or shell added to a setting; empty if it added nothing."""
    if not isinstance(value, str) or not value:
        return ""
    if value != setting_text(value):
        return "; this one has a line end, whitespace or a byte order mark around it: strip it"
    if value[0] in {'"', "'"} and value[-1] == value[0]:
        return "; this one is in quotes: remove them"
    return ""


def _decoded_text(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    half = len(data) // 2
    if half and data[1::2].count(0) == half:
        return data.decode("utf-16-le", "replace")
    if half and data[::2].count(0) == len(data) - half:
        return data.decode("utf-16-be", "replace")
    return data.decode("utf-8", "replace")


def decoded_base64(text: str | bytes, name: str) -> bytes:
    """Decode base64 as an IRMA server does.

    This function accepts both alphabets, with or without padding. It skips line ends, because
    openssl writes several lines.

    Raises:
        ConfigurationError: The string is not base64. The error says what seems to be wrong.
    """
    plain = setting_text(text)
    if plain[:1] in {'"', "'"} or plain[-1:] in {'"', "'"}:
        raise ConfigurationError(f"{name} is in quotes: remove them")
    plain = re.sub(r"[\r\n]|\\[rn]", "", plain)
    if re.search(r"\s", plain):
        raise ConfigurationError(f"{name} must be base64 without whitespace")
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}", plain):
        raise ConfigurationError(f"{name} must be base64")
    letters = plain.rstrip("=")
    padding = -len(letters) % 4
    if padding == 3 or len(plain) - len(letters) not in {0, padding}:  # noqa: PLR2004
        raise ConfigurationError(
            f"{name} must be complete base64: characters or padding are missing"
        )
    return base64.urlsafe_b64decode(letters.replace("+", "-").replace("/", "_") + "=" * padding)


_ARMOUR: Final = r"-----BEGIN ([A-Z0-9 ]{1,64}+)-----((?:[^-]|-(?!----))*+)-----END \1-----"


def _armoured(text: str) -> tuple[str, str] | None:
    """Return the label and the body of the first PEM block, or None if there is no such block."""
    found = re.search(_ARMOUR, text)
    return None if found is None else (found[1], found[2])


def pem_form(data: str | bytes) -> bytes | None:
    """Return the first key in the data as well-formed PEM, or None if there is no key.

    Environment variables and configuration files may alter a key. The key's lines may be joined,
    indented, or separated by a backslash and an n, and the whole key may be in quotes.
    """
    text = re.sub(r"\\r?\\n|\\n", "\n", setting_text(data))
    found = _armoured(text)
    if found is None:
        return None
    label, body = found
    lines = [line.strip() for line in body.splitlines()]
    if any(":" in line for line in lines):  # headers of an encrypted key, up to an empty line
        inner = "\n".join(lines).strip()
    else:
        joined = "".join(body.split())
        inner = "\n".join(joined[at : at + 64] for at in range(0, len(joined), 64))
    return f"-----BEGIN {label}-----\n{inner}\n-----END {label}-----\n".encode("utf-8", "replace")


def why_no_pem(data: str | bytes, *, private: bool) -> str:
    """Return what a string seems to be instead of an RSA key in PEM, and what to do about it."""
    wanted = "private" if private else "public"
    text = setting_text(data)
    if not text:
        return "it is empty"
    found = _armoured(re.sub(r"\\r?\\n|\\n", "\n", text))
    label = found[0] if found else ""
    reasons = (
        ("CERTIFICATE REQUEST" in label, "it is a certificate request"),
        (
            "CERTIFICATE" in label,
            "it is a certificate: `openssl x509 -pubkey -noout -in FILE` gives its public key",
        ),
        ("PGP" in label, "it is a PGP key"),
        (
            "PRIVATE" in label and not private,
            "it is a private key: `openssl pkey -pubout -in FILE` gives its public key",
        ),
        ("PUBLIC" in label and private, "it is a public key: use the matching private key"),
        (
            "ENCRYPTED" in text and private,
            "it is encrypted: its password is missing or incorrect",
        ),
        (
            label.startswith(("EC ", "DSA ")),
            "it is not an RSA key: make an RSA key with `openssl genrsa 2048`",
        ),
        (
            "OPENSSH" in label,
            "it is in OpenSSH's format: `ssh-keygen -p -m PEM -f FILE` converts it",
        ),
        (bool(label), "it is not an RSA key, or it was truncated or changed"),
        (
            "-----BEGIN" in text,
            "its end is missing: the last line must say END",
        ),
        (
            re.match(r"ssh-|ecdsa-|---- ?BEGIN SSH2", text) is not None,
            "it is in SSH's format: `ssh-keygen -e -m PKCS8 -f FILE` converts it",
        ),
        (text.startswith("PuTTY"), "it is in PuTTY's format: export it as an OpenSSH key in PEM"),
        (text.startswith(("{", "[")), "it is JSON, perhaps a JWK: convert it to PEM"),
        (
            isinstance(data, bytes) and data[:1] == b"0" and bool(re.search(_DER_MARKS, data)),
            "it is in DER: `openssl pkey -inform DER -in FILE` converts it; `-pubin` if public",
        ),
        (
            _is_undecoded(text.encode("utf-8", "replace")) and len(text) > 100,  # noqa: PLR2004
            f"its first and last lines are missing: BEGIN and END {wanted.upper()} KEY",
        ),
        (
            "\n" not in text and re.search(r"[/\\.]", text) is not None and len(text) < 300,  # noqa: PLR2004
            "it looks like the path of a file: pass the contents of the file",
        ),
    )
    for applies, reason in reasons:
        if applies:
            return reason
    return f"no line says BEGIN {wanted.upper()} KEY"
