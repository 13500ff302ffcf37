"""Argument checks that all stores in the library share."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from irma_core.errors import ConfigurationError

__all__ = ["MAX_VALUE", "check_clock", "check_entry", "check_key"]

MAX_VALUE: Final = 1024 * 1024
"""The largest size of a value in bytes, as `Store` documents it."""


def check_clock(clock: object) -> None:
    """Check the clock of a store.

    Raises:
        ConfigurationError: The argument is not a clock.
    """
    if isinstance(clock, type) or not (hasattr(clock, "now") and hasattr(clock, "monotonic")):
        raise ConfigurationError("clock: must be a Clock, such as transport.clock")


def check_key(key: object) -> None:
    """Check that a key is a string that can be stored.

    Raises:
        ConfigurationError: The key is not a string, or has lone surrogates.
    """
    if not isinstance(key, str):
        raise ConfigurationError("key: must be a string")
    if not key.isascii() and any("\ud800" <= each <= "\udfff" for each in key):
        raise ConfigurationError("key: must not contain lone surrogates")


def check_entry(key: object, value: object, lifetime: object) -> None:
    """Check the arguments of `put_if_absent`.

    Raises:
        ConfigurationError: The key is not a string that can be stored, the value is not bytes or is
            longer than 1 MiB, or the lifetime is not a duration above zero.
    """
    check_key(key)
    if not isinstance(value, bytes) or len(value) > MAX_VALUE:
        raise ConfigurationError(f"value: must be bytes, and not longer than {MAX_VALUE} bytes")
    if not isinstance(lifetime, timedelta) or lifetime <= timedelta(0):
        raise ConfigurationError("lifetime: must be a timedelta greater than zero")
