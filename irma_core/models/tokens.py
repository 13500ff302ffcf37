"""The secrets of a session, each a type of its own, so that none goes where another belongs.

| secret                 | who may hold it        | where it may appear                    |
| ---------------------- | ---------------------- | -------------------------------------- |
| requestor token        | the backend            | nowhere else: it opens the result      |
| client token           | the browser, the app   | the session pointer's URL              |
| frontend authorization | the browser            | the frontend request, a header         |

Their texts come out by `reveal()` only; `repr`, `str` and format give the fingerprint.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import final

import attrs

from irma_core.errors import RequestError
from irma_core.tracebacks import boundary

__all__ = ["FrontendAuthorization", "RequestorToken", "fingerprint_of"]

_TOKEN = re.compile(r"[0-9A-Za-z]{20}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+")


@boundary
def fingerprint_of(secret: str) -> str:
    """Give the first 12 hex digits of the SHA-256: what logs and errors show of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _check_token(text: object) -> None:
    # In full: the server's own check is unanchored, and the text becomes part of a URL.
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise RequestError("token", "a requestor token is 20 letters and digits")


def _check_visible(text: object) -> None:
    if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
        raise RequestError("authorization", "must be ASCII without blanks")


@final
@boundary
@attrs.frozen(repr=False)
class RequestorToken:
    """The secret name of a session: whoever has it reads the result. It stays in the backend.

    Args:
        text: The token itself, as `reveal` gives it.

    Raises:
        RequestError: The text is not 20 ASCII letters and digits.
    """

    _text: str

    def __attrs_post_init__(self) -> None:
        _check_token(self._text)

    def reveal(self) -> str:
        """Give the token itself, to be stored where only the backend reads."""
        return self._text

    @property
    def fingerprint(self) -> str:
        """What logs and errors show of it."""
        return fingerprint_of(self._text)

    def __repr__(self) -> str:
        return f"<RequestorToken {self.fingerprint}>"


@final
@boundary
@attrs.frozen(repr=False)
class FrontendAuthorization:
    """What the browser shows at the frontend endpoints, in a header `Authorization`.

    Args:
        text: The secret itself, as `reveal` gives it.

    Raises:
        RequestError: The text is none that can stand in a header.
    """

    _text: str

    def __attrs_post_init__(self) -> None:
        _check_visible(self._text)

    def reveal(self) -> str:
        """Give the text itself, for the browser."""
        return self._text

    def __repr__(self) -> str:
        return f"<FrontendAuthorization {fingerprint_of(self._text)}>"
