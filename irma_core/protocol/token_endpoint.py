"""The token endpoint of an authorization server (RFC 6749, section 5).

Belongs here: what it is asked and says, as far as a gateway needs it. Does not belong here: how it
knows who asks (`trust.gateway`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from irma_core.errors import GatewayError
from irma_core.models.json_text import JsonTextError, JsonValue, read_json
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary

__all__ = ["build_token_request", "parse_token_response"]

_OK = 200
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
_CODE = re.compile(r"[a-z_]{1,40}")
_LONGEST = 9  # digits: decades


@boundary
def build_token_request(url: str, headers: Mapping[str, str], form: str) -> HttpRequest:
    """Ask for a token."""
    pairs = tuple(headers.items())
    return HttpRequest("POST", url, path="POST token", headers=pairs, body=form.encode())


@boundary
def parse_token_response(response: HttpResponse) -> tuple[str, int | None]:
    """Give the access token, and for how many seconds it is good if the server says so.

    Raises:
        GatewayError: The server refused, or gave no bearer token. What it says beside its error
            code is in no text: it may repeat what it was sent.
    """
    status = response.status
    try:
        said = read_json(response.body, unique_keys=True)
    except JsonTextError:
        said = None
    values = said if isinstance(said, dict) else {}
    if status != _OK:
        error = values.get("error")
        code = error if isinstance(error, str) and _CODE.fullmatch(error) else None
        reason = f"it refused with HTTP {status}" + (f" {code}" if code else "")
        raise GatewayError(reason, http_status=status, code=code)
    token, kind = values.get("access_token"), values.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise GatewayError("it gave no bearer token", http_status=status)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise GatewayError("its token has not the form of one", http_status=status)
    return token, _seconds(values.get("expires_in"))


def _seconds(value: JsonValue) -> int | None:
    if value is None:
        return None
    text = str(value)  # some servers write the number as a text
    if isinstance(value, bool) or not text.isascii() or not text.isdigit():
        raise GatewayError("its token ends at no time that can be read", http_status=_OK)
    return int(text) if len(text) <= _LONGEST else 10**_LONGEST
