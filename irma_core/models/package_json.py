"""Session packages read from JSON values, by hand.

By hand because every start reads one, and a generated hook costs twice as much (see `make bench`).
Fields that are not known are ignored: later servers may have more.
"""

from __future__ import annotations

from irma_core.errors import RequestError
from irma_core.models.json_text import JsonValue
from irma_core.models.pointers import SessionPointer
from irma_core.models.reading import (
    WireError,
    read_bool,
    read_object,
    read_text,
    read_word,
    required,
)
from irma_core.models.sessions import FrontendRequest, SessionPackage
from irma_core.models.statuses import SessionType
from irma_core.models.tokens import FrontendAuthorization, RequestorToken

__all__ = ["read_authorization", "read_frontend_request", "read_session_package", "read_token"]

_SESSION_TYPE = {kind.value: kind for kind in SessionType}
_FIRST_VERSION = "1.0"


def read_session_package(value: JsonValue) -> SessionPackage:
    """Read the answer to a start.

    Raises:
        WireError: At the place it names.
    """
    fields = read_object(value)
    frontend = fields.get("frontendRequest")
    return SessionPackage(
        _read_pointer(required(fields, "sessionPtr"), ".sessionPtr"),
        read_token(required(fields, "token"), ".token"),
        frontend_request=None
        if frontend is None
        else read_frontend_request(frontend, ".frontendRequest"),
    )


def read_frontend_request(value: JsonValue, place: str = "") -> FrontendRequest:
    """Read what is for the browser; all of it is kept."""
    fields = read_object(value, place)
    authorization = read_authorization(
        required(fields, "authorization", place), f"{place}.authorization"
    )
    pairing_hint = read_bool(fields.get("pairingHint", False), f"{place}.pairingHint")
    lowest = read_text(
        fields.get("minProtocolVersion", _FIRST_VERSION), f"{place}.minProtocolVersion"
    )
    highest = read_text(
        fields.get("maxProtocolVersion", _FIRST_VERSION), f"{place}.maxProtocolVersion"
    )
    try:
        return FrontendRequest(
            authorization,
            pairing_hint,
            min_protocol_version=lowest,
            max_protocol_version=highest,
            received=fields,
        )
    except RequestError as error:
        raise WireError(place, error.reason) from None


def read_token(value: JsonValue, place: str = "") -> RequestorToken:
    """Read a requestor token."""
    try:
        return RequestorToken(read_text(value, place))
    except RequestError as error:
        raise WireError(place, error.reason) from None


def read_authorization(value: JsonValue, place: str = "") -> FrontendAuthorization:
    """Read a frontend authorization."""
    try:
        return FrontendAuthorization(read_text(value, place))
    except RequestError as error:
        raise WireError(place, error.reason) from None


def _read_pointer(value: JsonValue, place: str) -> SessionPointer:
    fields = read_object(value, place)
    url = read_text(required(fields, "u", place), f"{place}.u")
    kind = read_word(required(fields, "irmaqr", place), _SESSION_TYPE, f"{place}.irmaqr")
    try:
        return SessionPointer(url, kind)
    except RequestError as error:
        raise WireError(f"{place}.u", error.reason) from None
