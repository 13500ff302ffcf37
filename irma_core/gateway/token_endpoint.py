"""Requests to an authorization server's token endpoint, and its responses.

Source: RFC 6749, section 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, final

import attrs

from irma_core.errors import GatewayError
from irma_core.json_text import DuplicateKeyError, JsonTextError, JsonValue, read_json
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.policy import retry_after
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["build_token_request", "parse_token_response"]

_OK, _TOO_MANY, _TIMED_OUT, _SERVER_ERRORS = 200, 429, 408, 500
_BEARER: Final = r"[A-Za-z0-9._~+/-]+=*"  # RFC 6750, section 2.1
_CODES = frozenset(
    # RFC 6749, section 5.2; RFC 8707; and codes from RFC 6749, section 4.1.2.1, that servers also
    # use here.
    {"invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target"}
    | {"unauthorized_client", "unsupported_grant_type", "access_denied", "server_error"}
    | {"temporarily_unavailable", "slow_down"}
)
_SECONDS: Final = r"[+-]?[0-9]+(\.[0-9]*)?"
_LONGEST_LIFE = 10.0**9  # seconds: about 32 years
_LARGEST_BEARER = 16 * 1024
"""The maximum length of a token, in characters. Proxies and servers refuse longer headers, and
their errors do not say why.
"""


@boundary
def build_token_request(url: str, headers: Mapping[str, str], form: str) -> HttpRequest:
    """Return the HTTP request that asks the token endpoint for a token."""
    pairs = tuple(headers.items())
    return HttpRequest("POST", url, label="POST token", headers=pairs, body=form.encode())


@boundary
def parse_token_response(response: HttpResponse, now: datetime) -> tuple[str, float | None]:
    """Return the access token, and its lifetime in seconds if the response states one.

    Otherwise the lifetime is None. An `expires_in` that is zero, negative or empty also counts as
    unstated.

    Args:
        response: The authorization server's response.
        now: The present time in UTC.

    Raises:
        GatewayError: The server refused the request, or sent no bearer token. The error has the
            server's error code, but not the server's message, which may repeat a secret that was
            sent.
    """
    # The body may hold the token, or repeat a secret. `_read` never raises, so that no frame of a
    # traceback has the body among its local variables.
    read = _read(response)
    if isinstance(read, _Refused):
        raise GatewayError(
            f"no token from the gateway's authorization server: {read.reason}",
            http_status=response.status,
            code=read.code,
            may_pass=read.may_pass,
            retry_after=retry_after(response, now).total_seconds(),
        )
    return read.token, read.seconds


@final
@attrs.frozen(eq=False, repr=False)
class _Granted(ValueObject):
    token: str = attrs.field(repr=False)
    seconds: float | None


@final
@attrs.frozen(eq=False, repr=False)
class _Refused(ValueObject):
    reason: str
    code: str | None = None
    may_pass: bool = False


def _read(response: HttpResponse) -> _Granted | _Refused:
    status = response.status
    try:
        body = read_json(response.body, unique_keys=True)
    except DuplicateKeyError:
        return _Refused(f"its HTTP {status} response has a duplicate key", may_pass=_passes(status))
    except JsonTextError:
        body = None
    values = body if isinstance(body, dict) else {}
    if status != _OK:
        error = values.get("error")
        code = error if isinstance(error, str) and error in _CODES else None
        reason = f"it refused with HTTP {status}" + (f" {code}" if code else "")
        return _Refused(reason, code, _passes(status))
    token, kind = values.get("access_token"), values.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return _Refused("the response must have the token_type Bearer")
    if not isinstance(token, str) or not re.fullmatch(_BEARER, token):
        return _Refused("the access token is malformed")
    if len(token) > _LARGEST_BEARER:
        return _Refused(
            f"the access token is too long for a header: over {_LARGEST_BEARER} characters"
        )
    seconds = _seconds(values.get("expires_in"))
    if seconds is None:
        return _Refused("expires_in must be a number of seconds")
    return _Granted(token, min(seconds, _LONGEST_LIFE) if seconds > 0 else None)


def _passes(status: int) -> bool:
    return status in {_TOO_MANY, _TIMED_OUT} or status >= _SERVER_ERRORS


def _seconds(value: JsonValue) -> float | None:
    """Return the lifetime in `expires_in`; zero if it is absent or empty, None if it is invalid."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(max(min(value, _LONGEST_LIFE), 0))
    if isinstance(value, str) and re.fullmatch(_SECONDS, value):
        return float(value)  # some servers write the number as a string
    return None
