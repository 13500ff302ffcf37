"""What a token fails with, in words that tell neither PIN nor URI.

Belongs here: the one error of this package's inside, and how native errors become it. The errors
that leave it are those of irma-backend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pkcs11.exceptions import PKCS11Error

__all__ = ["TokenError", "native"]

T = TypeVar("T")

_WRONG_PIN: Final = (
    "the PIN is wrong; it is not sent again, since tokens lock themselves: correct it, then wire "
    "the signer again"
)
_WORDS: Final = {
    "PinIncorrect": _WRONG_PIN,
    "PinInvalid": _WRONG_PIN,
    "PinLenRange": _WRONG_PIN,
    "PinLocked": "the token has locked its PIN: its security officer must unlock it",
    "PinExpired": "the PIN has expired: set a new one with the token's own tool",
    "UserPinNotInitialized": "the token has no PIN yet: set one with its own tool",
    "SessionCount": "the token has no session left to give",
}


class TokenError(Exception):
    """The token did not do it.

    Attributes:
        kind: The native error's name, such as `PinIncorrect`; empty where there was none.
    """

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.kind = kind


def native(act: Callable[[], T], doing: str) -> T:
    """Call into the module; its errors have names and paths in their text, so none is kept behind.

    Raises:
        TokenError: It failed.
    """
    try:
        return act()
    except PKCS11Error as error:
        kind = type(error).__name__
    # Out here, or the native error would be its context.
    raise TokenError(_WORDS.get(kind, f"the module failed while {doing}: {kind}"), kind)
