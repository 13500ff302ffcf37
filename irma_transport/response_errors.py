"""Errors for a response that must not be used, although the HTTP library accepts it.

They are `HTTPException`s, so that urllib3 closes the connection as it does for its own errors.
"""

from __future__ import annotations

from http.client import HTTPException

__all__ = ["NotHttpError", "OverLimitError"]


class OverLimitError(HTTPException):
    """The response is larger than the transport allows."""


class NotHttpError(HTTPException):
    """The response breaks a rule of HTTP that the HTTP library does not check."""
