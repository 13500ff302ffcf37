"""Pseudonyms: names that reveal nothing about the person, computed with the website's own key.

A pseudonym is the HMAC-SHA256 (RFC 2104) of JSON. Without the key, an attacker cannot compute
pseudonyms. So the attacker cannot try all values, such as all social security numbers, to find the
value behind a pseudonym.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue, write_json
from irma_core.trust.key_forms import decoded_base64, is_repetition

__all__ = ["keyed_pseudonym", "same_secret"]

_KEY_BYTES: Final = 32
_PURPOSE: Final = "irma pseudonym"


def keyed_pseudonym(key: object, parts: Sequence[JsonValue]) -> str:
    """Compute a pseudonym from the given values: 43 letters, digits, `-` and `_`.

    Raises:
        ConfigurationError: The key is not 32 bytes in base64, or can be guessed.
    """
    if not isinstance(key, str):
        raise ConfigurationError("key must be a string; make a key with new_sealing_key()")
    secret = decoded_base64(key, "key")
    if len(secret) != _KEY_BYTES or is_repetition(secret):
        raise ConfigurationError(
            "key must be 32 random bytes in base64; make a key with new_sealing_key()"
        )
    message = write_json([_PURPOSE, *parts]).encode("utf-8", "surrogatepass")
    digest = hmac.new(secret, message, sha256).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def same_secret(one: str, other: str) -> bool:
    """Return whether two strings are equal; the time taken does not depend on where they differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
