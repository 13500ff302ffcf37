"""Random values that no attacker can guess.

No other module of the core generates random values. A transport's jitter only spreads waiting
times, and need not be unpredictable.
"""

from __future__ import annotations

__all__ = ["new_random_secret"]


def new_random_secret() -> str:
    """Return 32 random bytes in base64url: 43 letters, digits, `-` and `_`."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  # slow to import

    return Fernet.generate_key().decode("ascii").rstrip("=")
