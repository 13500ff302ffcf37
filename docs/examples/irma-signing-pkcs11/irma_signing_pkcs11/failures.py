"""The internal error of this package. It replaces native errors, and shows no PIN and no URI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pkcs11.exceptions import PKCS11Error

__all__ = ["TokenError", "native"]

T = TypeVar("T")

_WRONG_PIN: Final = (
    "the PIN is wrong; it is not sent again, because the token would lock: correct it, then open "
    "the signer again"
)
_REASONS: Final = {
    "PinIncorrect": _WRONG_PIN,
    "PinInvalid": _WRONG_PIN,
    "PinLenRange": _WRONG_PIN,
    "PinLocked": "the token has locked its PIN: its security officer must unlock it",
    "PinExpired": "the PIN has expired: set a new one with the token's own tool",
    "UserPinNotInitialized": "the token has no PIN yet: set one with its own tool",
    "SessionCount": "the token has no free session",
}


class TokenError(Exception):
    """The token refused or failed.

    Attributes:
        kind: The native error's name, such as `PinIncorrect`; empty if there is none.
    """

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.kind = kind


def native(act: Callable[[], T], doing: str) -> T:
    """Call a function of the module, and return its result.

    The module's errors show names and paths, so a TokenError replaces them.

    Raises:
        TokenError: The call failed.
    """
    try:
        return act()
    except PKCS11Error as error:
        kind = type(error).__name__
    # Raised outside `except`, so that the native error is not its context.
    raise TokenError(_REASONS.get(kind, f"the module failed while {doing}: {kind}"), kind)
