"""The form in which a request, or a started session, is stored until its answer arrives.

A result becomes an answer only after it has been compared with the request. So the library or the
application stores the request: in a handle, in a callback URL, in a store, or in the application's
database. By the time the answer arrives, a new version of the application may be running, with a
different request in its code.

The stored form has everything that an answer is compared with. This includes the names of the
slots, which the protocol's JSON does not have, and the SHA-256 of a message to sign. It leaves out
issued attributes, which may be personal, and the URLs that the server posts to, which are secrets.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import attrs

from irma_core.errors import RequestError, UsageError
from irma_core.json_text import JsonTextError, JsonValue, read_json, write_json
from irma_core.models.arguments import check_instance
from irma_core.models.condiscon import ConDisCon
from irma_core.models.holders import HiddenHash
from irma_core.models.session_requests import (
    ExtendedRequest,
    IssuanceRequest,
    RevocationRequest,
    SessionRequest,
    SignatureRequest,
)
from irma_core.models.sessions import StartedSession
from irma_core.models.validation import check_text
from irma_core.tracebacks import boundary
from irma_core.wire.read_requests import read_request_value
from irma_core.wire.read_results import read_session_package
from irma_core.wire.write_requests import request_value

__all__ = [
    "MAX_STORED_BYTES",
    "check_storable",
    "dump_started_session",
    "load_started_session",
    "read_stored_request",
    "read_stored_session",
    "stored_request",
    "stored_session",
]

MAX_STORED_BYTES: Final = 128 * 1024
"""The largest size of a stored request as JSON, enough for about a thousand slots."""
_HASH: Final = r"[0-9a-f]{64}"
_BYTES_PER_CHARACTER: Final = 6
"""JSON writes a control character as `\\u001f`; no other character takes more bytes."""
_BYTES_PER_ATTRIBUTE: Final = 48
"""An upper bound for the JSON syntax around an attribute's type and value, or around a slot."""
_VERSION: Final = 1
_VERSION_FIELD: Final = "irmaStartedSession"


def stored_request(request: ExtendedRequest) -> JsonValue:
    """Return a JSON value that holds a request until its answer arrives.

    Raises:
        RequestError: The stored request would exceed `MAX_STORED_BYTES`, or a slot's name is not
            valid Unicode.
    """
    reduced = _reduced(request.request)
    slots: list[JsonValue] = list(reduced.disclose.slots)
    stored: JsonValue = [request_value(reduced), slots]
    if len(check_text(write_json(stored), "disclose").encode()) > MAX_STORED_BYTES:
        raise RequestError(
            "disclose",
            f"takes more than {MAX_STORED_BYTES} bytes, not counting the issued attributes and the "
            "message: ask for fewer attributes, or for shorter values",
        )
    return stored


def check_storable(request: ExtendedRequest) -> None:
    """Check that a request can be stored, so that its session also fits in a handle.

    Raises:
        RequestError: The stored request would exceed `MAX_STORED_BYTES`, or a slot's name is not
            valid Unicode.
    """
    asked = request.request
    if asked.is_storable:  # websites start many sessions with the same request
        return
    # A cheap upper bound, because this runs at every start.
    size = sum(map(len, asked.revocation)) + _BYTES_PER_ATTRIBUTE * (len(asked.revocation) + 8)
    for slot in asked.disclose.slots:
        size += len(check_text(str(slot), "disclose")) + _BYTES_PER_ATTRIBUTE
    for disjunction in asked.disclose.disjunctions:
        for option in disjunction:
            size += _BYTES_PER_ATTRIBUTE
            for attribute in option:
                size += len(attribute.type) + len(attribute.value or "") + _BYTES_PER_ATTRIBUTE
    if isinstance(asked, IssuanceRequest):
        size += sum(len(credential.credential) + 128 for credential in asked.credentials)
    if size > MAX_STORED_BYTES // _BYTES_PER_CHARACTER:
        stored_request(request)
    object.__setattr__(asked, "is_storable", True)


def _reduced(asked: SessionRequest) -> SessionRequest:
    """Return a copy of the request with only the parts that an answer is checked against."""
    if isinstance(asked, IssuanceRequest):
        credentials = [
            attrs.evolve(credential, attributes={}, validity=None, revocation_key=None)
            for credential in asked.credentials
        ]
        asked = attrs.evolve(asked, credentials=credentials)
    if isinstance(asked, SignatureRequest):
        # The hash is stored as the message, for which the protocol's JSON has a field.
        asked = attrs.evolve(asked, message=asked.message_sha256)
    return attrs.evolve(
        asked,
        labels={},
        skip_expiry_check=(),
        client_return_url=None,
        augment_return_url=False,
        host=None,
    )


def read_stored_request(stored: JsonValue) -> ExtendedRequest:
    """Return the request that `stored_request` wrote.

    Raises:
        RequestError: The value is not a stored request.
    """
    match stored:
        case [dict() as value, list() as slots]:
            request = read_request_value(value)
        case _:
            raise RequestError("", "is not a stored request")
    if isinstance(request, ExtendedRequest | RevocationRequest):
        raise RequestError("", "is not a stored session request")
    if isinstance(request, SignatureRequest):
        if not re.fullmatch(_HASH, request.message):
            raise RequestError("message", "must be a SHA-256 in hexadecimal digits")
        request = attrs.evolve(request, message=HiddenHash(request.message))
    names = tuple(slot for slot in slots if isinstance(slot, str))
    if names:
        disclose = ConDisCon(request.disclose.disjunctions, names)
        request = attrs.evolve(request, disclose=disclose)
    if list(request.disclose.slots) != slots:
        raise RequestError("disclose", "must have one name for each slot, or no names")
    return ExtendedRequest(request)


def stored_session(session: StartedSession) -> dict[str, JsonValue]:
    """Return a JSON value that holds a started session, including its requestor token.

    Raises:
        RequestError: The request cannot be stored; see `stored_request`.
    """
    return {
        "package": session.package.json_value(),
        "started": session.started_at.isoformat(),
        "asked": stored_request(session.request),
    }


def read_stored_session(value: JsonValue) -> StartedSession | None:
    """Return the session that `stored_session` wrote, or None if the value is no such session."""
    match value:
        case {"package": package, "started": str() as started, "asked": asked}:
            try:
                return StartedSession(
                    read_stored_request(asked),
                    read_session_package(package),
                    started_at=datetime.fromisoformat(started),
                )
            except ValueError:  # every reader above raises a subclass
                return None
        case _:
            return None


@boundary
def dump_started_session(session: StartedSession) -> str:
    """Return a started session as a string, for the application's own database.

    The string holds the requestor token in the clear, which is enough to read the result and to
    cancel the session. Store it like a password, and never send it to a browser. For a browser,
    make a handle with `Handles` instead.

    The string keeps the slot names, and the other parts of the request that an answer is compared
    with. It leaves out issued credentials and callback URLs, and replaces a message to sign with
    its SHA-256.

    Args:
        session: What `start_session` returned.

    Returns:
        JSON on one line, with a format version. Later versions of the library can read it.

    Raises:
        UsageError: The argument is not a `StartedSession`.
        RequestError: The request is too large to be stored, so this library cannot have started the
            session.
    """
    check_instance(session, StartedSession, "session", "a StartedSession")
    return write_json({_VERSION_FIELD: _VERSION, **stored_session(session)})


@boundary
def load_started_session(dumped: str | bytes) -> StartedSession:
    """Return the session that `dump_started_session` wrote.

    Raises:
        UsageError: The argument is not what `dump_started_session` returned, or a newer version of
            the library wrote it.
    """
    check_instance(dumped, (str, bytes), "dumped", "what dump_started_session returned")
    try:
        value = read_json(dumped, unique_keys=True)
    except JsonTextError:
        value = None
    version = value.get(_VERSION_FIELD) if isinstance(value, dict) else None
    if type(version) is int and version > _VERSION:
        raise UsageError(
            f"dumped: has format version {version}, but this irma-backend reads version "
            f"{_VERSION}; update irma-backend"
        )
    session = read_stored_session(value) if version == _VERSION and type(version) is int else None
    if session is None:
        raise UsageError("dumped: must be what dump_started_session returned")
    return session
