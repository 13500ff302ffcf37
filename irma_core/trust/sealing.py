"""Seal JSON values: encrypt them with an expiry time, for one purpose and perhaps one web session.

A handle in a browser, or a URL that the server posts to, carries sealed data that the backend will
need later. Only the backend can read, change or make such data.

The cipher is Fernet (AES-128-CBC, then HMAC-SHA256), from the package `cryptography`. It encrypts
compressed JSON that holds the purpose, the expiry time in seconds since 1970, the SHA-256 of the
binding (or null), and the value. This format is stable: a newer version unseals what an older one
sealed. Compression is safe here, because an attacker cannot make the backend seal one secret
repeatedly next to strings of the attacker's choice.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, final

from irma_core.errors import (
    ConfigurationError,
    HandleExpiredError,
    HandleInvalidError,
    UsageError,
    WrongBindingError,
    WrongPurposeError,
)
from irma_core.json_text import JsonTextError, JsonValue, read_json, write_json
from irma_core.models.arguments import as_utc, check_instance, check_string, check_timedelta
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import decoded_base64, is_repetition

if TYPE_CHECKING:
    # cryptography is slow to import, and only needed to seal.
    from cryptography.fernet import MultiFernet

__all__ = ["Sealer", "check_sealer", "new_sealing_key"]

_SEALING_KEY_BYTES: Final = 32
LARGEST_SEALED: Final = 1024 * 1024
"""The maximum length of a sealed string, in characters."""


@boundary
def new_sealing_key() -> str:
    """Return a new key for a `Sealer`: 32 random bytes in base64. Store it as a secret."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  # slow to import

    return Fernet.generate_key().decode("ascii")


@final
@boundary
class Sealer:
    """Seals with the first of its keys, and unseals with any of them. Threads may share it.

    Args:
        keys: Keys from `new_sealing_key`. To change keys, put the new key first. Remove the old key
            when everything sealed with it has expired.

    Raises:
        ConfigurationError: There is no key, or a key is invalid.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        given: object = keys
        if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not given:
            raise ConfigurationError(
                "keys must be a list of sealing keys, such as [new_sealing_key()]"
            )
        self._cipher = _cipher(keys)

    def seal(
        self,
        value: JsonValue,
        *,
        purpose: str,
        now: datetime,
        lifetime: timedelta,
        binding: str | None = None,
    ) -> str:
        """Seal a value in a string that a URL, a header or a cookie can hold.

        Args:
            value: The value.
            purpose: The purpose of the value. Only `unseal` with the same purpose returns the
                value.
            now: The present time, as an aware `datetime`.
            lifetime: How long `unseal` accepts the string. At least one second.
            binding: A secret of the one web session that may present the string. With None, anyone
                who has the string may present it.

        Returns:
            A string of about 200 letters, digits, `-` and `_`, or more for a longer value. The
            string may be too long for a URL, a header or a cookie, which may be limited to 4000
            characters.

        Raises:
            UsageError: The purpose or the binding is empty or not a string, the time is not aware,
                the lifetime is too short, or the value is too large or not JSON.
        """
        check_string(purpose, "purpose")
        # In seconds, because a sum of datetimes fails beyond the year 9999.
        sealed_at, lives = _seconds(now), check_timedelta(lifetime, "lifetime")
        if lives < timedelta(seconds=1):
            raise UsageError("lifetime must be at least one second")
        if binding is not None:  # an empty binding would be the same for every visitor
            check_string(binding, "binding")
        expires = sealed_at + int(lives.total_seconds())
        packed = zlib.compress(_packed([purpose, expires, _bound(binding), value]))
        token = self._cipher.encrypt_at_time(packed, sealed_at)
        if len(token) > LARGEST_SEALED:
            raise UsageError(f"value must not exceed {LARGEST_SEALED} characters when sealed")
        return token.decode("ascii").rstrip("=")

    def unseal(
        self, text: object, *, purpose: str, now: datetime, binding: str | None = None
    ) -> JsonValue:
        """Check a sealed string, which may be given as bytes, and return the value in it.

        Raises:
            HandleInvalidError: The string was changed or truncated, or was sealed with another key.
            WrongPurposeError: The value was sealed for another purpose.
            WrongBindingError: The value was sealed for another web session, or without a binding.
            HandleExpiredError: The value has expired.
            UsageError: The purpose is empty, the purpose or the binding is not a string, or the
                time is not aware.
        """
        check_string(purpose, "purpose")
        if binding is not None:
            check_instance(binding, str, "binding", "a string, or None")
        since = _seconds(now)
        sealed_for, expires, bound, value = self._decrypt(text)
        if sealed_for != purpose:
            raise WrongPurposeError("the sealed value is for another purpose")
        if not hmac.compare_digest(str(bound).encode(), str(_bound(binding)).encode()):
            raise WrongBindingError("the sealed value is for another web session")
        if not isinstance(expires, int) or since >= expires:
            raise HandleExpiredError("the sealed value has expired: start again")
        return value

    def __repr__(self) -> str:
        return "<Sealer>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a sealer cannot be pickled: its keys must not leave the process")

    def _decrypt(self, text: object) -> list[JsonValue]:
        from cryptography.fernet import InvalidToken  # noqa: PLC0415  # slow to import

        try:
            packed = self._cipher.decrypt(_canonical(text))
            parts = read_json(zlib.decompress(packed))
        except (InvalidToken, zlib.error, JsonTextError):
            parts = None
        if not isinstance(parts, list) or len(parts) != 4:  # noqa: PLR2004  # as `seal` packs
            raise HandleInvalidError(
                "the value was not sealed with these keys, or has been changed"
            )
        return parts


def check_sealer(sealer: object) -> None:
    """Check that an argument is a `Sealer`.

    Raises:
        UsageError: The argument is not a `Sealer`.
    """
    check_instance(sealer, Sealer, "sealer", "a Sealer, such as Sealer([new_sealing_key()])")


def _canonical(text: object) -> bytes:
    """Return a sealed string as the cipher expects it; refuse one that `seal` cannot have made.

    Fernet ignores the unused bits at the end, and characters outside its alphabet. Without this
    check, many strings would unseal to the same value.
    """
    if isinstance(text, bytes | bytearray | memoryview) and len(text) <= LARGEST_SEALED:
        text = bytes(text).decode("latin-1")
    if isinstance(text, str) and len(text) <= LARGEST_SEALED and text.isascii():
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        with suppress(binascii.Error):
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(padded)) == padded:
                return padded
    raise HandleInvalidError("the value was not sealed with these keys")


def _seconds(now: datetime) -> int:
    seconds = int(as_utc(now, "now").timestamp())
    if seconds < 0:  # the cipher cannot write an earlier time
        raise UsageError("now must not be before 1970: check the clock")
    return seconds


def _packed(parts: list[JsonValue]) -> bytes:
    try:
        return write_json(parts).encode()
    except (TypeError, ValueError, RecursionError):
        pass
    # Raised outside `except`, so that the native error, which holds the value, is not its context.
    raise UsageError("value must be JSON that is not nested too deeply")


def _bound(binding: str | None) -> str | None:
    if binding is None:
        return None
    return sha256(binding.encode("utf-8", "surrogatepass")).hexdigest()


def _cipher(keys: Sequence[object]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415  # slow to import

    secrets = [_sealing_secret(key) for key in keys]
    if len(set(secrets)) < len(secrets):
        raise ConfigurationError(
            "keys must not contain the same sealing key twice; "
            "make another key with new_sealing_key()"
        )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(secret)) for secret in secrets])


def _sealing_secret(key: object) -> bytes:
    if not isinstance(key, str):
        raise ConfigurationError(
            "a sealing key must be a string; make a key with new_sealing_key()"
        )
    secret = decoded_base64(key, "a sealing key (see new_sealing_key)")
    if len(secret) != _SEALING_KEY_BYTES:
        raise ConfigurationError(
            "a sealing key must be 32 bytes in base64; make a key with new_sealing_key()"
        )
    if is_repetition(secret):
        raise ConfigurationError(
            "a sealing key is just a few bytes repeated, so it can be guessed; make a random "
            "key with new_sealing_key()"
        )
    return secret
