"""Base64 as Go's `encoding/base64` reads it: line ends count for nothing, spare bits neither."""

from __future__ import annotations

import base64
import re

__all__ = ["decode_any_base64", "decode_base64"]

_STANDARD = re.compile(rb"[A-Za-z0-9+/]*")
_URL = re.compile(rb"[A-Za-z0-9_-]*")
_UNIT = 4


def decode_base64(text: str | bytes, *, url: bool, padded: bool) -> bytes:
    """Decode one of the four encodings.

    Args:
        text: What is to be decoded.
        url: Whether `-` and `_` stand for what are else `+` and `/`.
        padded: Whether `=` must fill the last four characters; otherwise it must not.

    Raises:
        ValueError: It is not in that encoding.
    """
    data = text.encode() if isinstance(text, str) else text
    data = data.replace(b"\r", b"").replace(b"\n", b"")
    digits = data.rstrip(b"=") if padded else data
    spare = len(digits) % _UNIT
    filled = (b"=" * (-spare % _UNIT)) if padded else b""
    if not (_URL if url else _STANDARD).fullmatch(digits) or spare == 1 or data != digits + filled:
        raise ValueError("illegal base64 data")
    return base64.b64decode(digits + b"=" * (-spare % _UNIT), altchars=b"-_" if url else None)


def decode_any_base64(text: str | bytes) -> bytes:
    """Decode whichever of the four encodings it is, as the official server does with keys.

    Raises:
        ValueError: It is in none of them.
    """
    for url, padded in ((False, False), (True, True), (True, False)):
        try:
            return decode_base64(text, url=url, padded=padded)
        except ValueError:
            continue
    return decode_base64(text, url=False, padded=True)
