"""Session results read from JSON values, by hand.

By hand because a result may hold many attributes, and a generated hook costs several times as
much (see `make bench`). Fields that are not known are ignored: later servers may have more.
"""

from __future__ import annotations

from typing import cast

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.pointers import SessionPointer
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult
from irma_core.models.sessions import FrontendRequest, SessionPackage
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.wire.values import (
    WireError,
    read_bool,
    read_enum,
    read_int,
    read_list,
    read_object,
    read_text,
    read_time,
    required,
)

__all__ = [
    "read_authorization",
    "read_frontend_request",
    "read_remote_error",
    "read_session_package",
    "read_session_result",
    "read_status",
    "read_token",
]


_AttributeLists = tuple[tuple[DisclosedAttribute, ...] | None, ...]

_SESSION_STATUS = {status.value: status for status in SessionStatus}
_SESSION_TYPE = {kind.value: kind for kind in SessionType}
_PROOF_STATUS = {status.value: status for status in ProofStatus}
_ATTRIBUTE_STATUS = {status.value: status for status in AttributeProofStatus}


def read_session_result(value: JsonValue) -> SessionResult:
    """Read a session result, from `GET result`, a callback or the claims of a JWT.

    Raises:
        WireError: At the place it names.
    """
    fields = read_object(value)
    proof_status = fields.get("proofStatus")
    next_session = fields.get("nextSession")
    error = fields.get("error")
    signature = fields.get("signature")
    return SessionResult(
        read_token(required(fields, "token"), ".token"),
        read_status(required(fields, "status"), ".status"),
        type=read_enum(required(fields, "type"), _SESSION_TYPE, ".type"),
        proof_status=(
            None if proof_status is None else read_enum(proof_status, _PROOF_STATUS, ".proofStatus")
        ),
        unchecked_disclosed=_read_lists(fields.get("disclosed")),
        unchecked_signature=None if signature is None else _read_signature(signature),
        error=None if error is None else read_remote_error(error, ".error"),
        next_session=None if next_session is None else read_token(next_session, ".nextSession"),
    )


def read_status(value: JsonValue, place: str = "") -> SessionStatus:
    """Read a session status."""
    return read_enum(value, _SESSION_STATUS, place)


def read_remote_error(value: JsonValue, place: str = "") -> RemoteError:
    """Read the server's account of an error; all but status and name may be missing."""
    fields = read_object(value, place)
    return RemoteError(
        read_int(required(fields, "status", place), f"{place}.status"),
        read_text(required(fields, "error", place), f"{place}.error"),
        read_text(fields.get("description", ""), f"{place}.description"),
        message=read_text(fields.get("message", ""), f"{place}.message"),
        stacktrace=read_text(fields.get("stacktrace", ""), f"{place}.stacktrace"),
    )


def _read_lists(value: JsonValue) -> _AttributeLists:
    if value is None:
        return ()
    lists = read_list(value, ".disclosed")
    if lists and type(lists[0]) is dict:
        # Results of old servers are flat: one attribute for each disjunction.
        return tuple([(attribute,) for attribute in _read_attributes(lists, ".disclosed")])
    read: list[tuple[DisclosedAttribute, ...] | None] = []
    for item in lists:
        try:
            read.append(None if item is None else _read_attributes(read_list(item), ""))
        except WireError as error:
            raise error.inside(f".disclosed[{len(read)}]") from None
    return tuple(read)


def _read_attributes(values: list[JsonValue], place: str) -> tuple[DisclosedAttribute, ...]:
    # Places are written only where they are needed: there may be many attributes.
    read: list[DisclosedAttribute] = []
    for value in values:
        try:
            read.append(_read_attribute(value))
        except WireError as error:
            raise error.inside(f"{place}[{len(read)}]") from None
    return tuple(read)


def _read_attribute(fields: JsonValue) -> DisclosedAttribute:
    # Types are looked at here: a call of `read_text` would cost more than what it does. What is
    # wrong with a status or a time is told by those who read others.
    if type(fields) is not dict:
        raise WireError("", "must be an object")
    try:
        attribute, status, issued_at = fields["id"], fields["status"], fields["issuancetime"]
    except KeyError as missing:
        raise WireError(f".{missing.args[0]}", "is missing") from None
    if type(attribute) is not str:
        raise WireError(".id", "must be a text")
    raw_value, translations = fields.get("rawvalue"), fields.get("value")
    if raw_value is not None and type(raw_value) is not str:
        raise WireError(".rawvalue", "must be a text or null")
    if translations is not None:
        if type(translations) is not dict:
            raise WireError(".value", "must be an object")
        for text in translations.values():
            if type(text) is not str:
                raise WireError(".value", "must be a text")
    word = _ATTRIBUTE_STATUS.get(status) if type(status) is str else None
    not_revoked, before = fields.get("notrevoked", False), fields.get("notrevokedbefore")
    return DisclosedAttribute(
        attribute,
        raw_value,
        status=word or read_enum(status, _ATTRIBUTE_STATUS, ".status"),
        issued_at=read_time(issued_at, ".issuancetime"),
        translations=cast("dict[str, str] | None", translations),
        not_revoked=not_revoked is not False and read_bool(not_revoked, ".notrevoked"),
        not_revoked_before=None if before is None else read_time(before, ".notrevokedbefore"),
    )


def _read_signature(value: JsonValue) -> AttributeBasedSignature:
    fields = read_object(value, ".signature")
    message = read_text(required(fields, "message", ".signature"), ".signature.message")
    try:
        return AttributeBasedSignature(write_json(fields), message)
    except RecursionError:  # the writer takes more room for each level than the reader
        raise WireError(".signature", "is nested too deeply") from None


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
    kind = read_enum(required(fields, "irmaqr", place), _SESSION_TYPE, f"{place}.irmaqr")
    try:
        return SessionPointer(url, kind)
    except RequestError as error:
        raise WireError(f"{place}.u", error.reason) from None
