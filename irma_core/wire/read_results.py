"""Read what a server sends: packages, statuses, results and errors.

These are plain functions, because a result may hold many attributes, and the code that cattrs
generates takes several times as long (see `make bench`). They ignore unknown fields, because later
servers may send more fields. Each function raises a `WireError` if a value is invalid.
"""

from __future__ import annotations

from typing import Any

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.disclosed import (
    AttributeBasedSignature,
    DisclosedAttribute,
    checked_attribute,
)
from irma_core.models.pointers import SessionPointer
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult
from irma_core.models.sessions import (
    FrontendOptions,
    FrontendRequest,
    PairingMethod,
    SessionPackage,
)
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.wire.values import (
    WireError,
    read_enum,
    read_int,
    read_list,
    read_object,
    read_string,
    read_time,
    require_field,
)

__all__ = [
    "read_frontend_options",
    "read_frontend_request",
    "read_remote_error",
    "read_session_package",
    "read_session_pointer",
    "read_session_result",
    "read_status",
    "read_token",
]


_AttributeLists = tuple[tuple[DisclosedAttribute, ...] | None, ...]

_SESSION_STATUS = {status.value: status for status in SessionStatus}
_SESSION_TYPE = {kind.value: kind for kind in SessionType}
_PROOF_STATUS = {status.value: status for status in ProofStatus}
_ATTRIBUTE_STATUS = {status.value: status for status in AttributeProofStatus}
_PAIRING_METHOD = {method.value: method for method in PairingMethod}


def read_session_result(value: JsonValue) -> SessionResult:
    """Read a session result, from `GET result`, a callback or the claims of a JWT.

    Raises:
        WireError: A value is invalid; the error's `path` says where it is.
    """
    fields = read_object(value)
    proof_status = fields.get("proofStatus")
    next_session = fields.get("nextSession")
    error = fields.get("error")
    signature = fields.get("signature")
    return SessionResult(
        read_token(require_field(fields, "token"), ".token"),
        read_status(require_field(fields, "status"), ".status"),
        type=read_enum(require_field(fields, "type"), _SESSION_TYPE, ".type"),
        proof_status=(
            None if proof_status is None else read_enum(proof_status, _PROOF_STATUS, ".proofStatus")
        ),
        unchecked_disclosed=_read_lists(fields.get("disclosed")),
        unchecked_signature=None if signature is None else _read_signature(signature),
        error=None if error is None else read_remote_error(error, ".error"),
        next_session=None if next_session is None else read_token(next_session, ".nextSession"),
    )


def read_status(value: JsonValue, path: str = "") -> SessionStatus:
    """Read a session status from its JSON value."""
    return read_enum(value, _SESSION_STATUS, path)


def read_remote_error(value: JsonValue, path: str = "") -> RemoteError:
    """Read an error from the server; only the status and the name are required."""
    fields = read_object(value, path)
    return RemoteError(
        read_int(require_field(fields, "status", path), f"{path}.status"),
        read_string(require_field(fields, "error", path), f"{path}.error"),
        read_string(fields.get("description", ""), f"{path}.description"),
        message=read_string(fields.get("message", ""), f"{path}.message"),
        stacktrace=read_string(fields.get("stacktrace", ""), f"{path}.stacktrace"),
    )


def _read_lists(value: JsonValue) -> _AttributeLists:
    if value is None:
        return ()
    lists = read_list(value, ".disclosed")
    if lists and type(lists[0]) is dict:
        # Results from old servers are flat lists, with one attribute for each disjunction.
        return tuple([(attribute,) for attribute in _read_attributes(lists, ".disclosed")])
    read: list[tuple[DisclosedAttribute, ...] | None] = []
    for item in lists:
        try:
            read.append(None if item is None else _read_attributes(read_list(item), ""))
        except WireError as error:
            raise error.inside(f".disclosed[{len(read)}]") from None
    return tuple(read)


def _read_attributes(values: list[JsonValue], path: str) -> tuple[DisclosedAttribute, ...]:
    # Paths are built only for errors, because there may be many attributes.
    read: list[DisclosedAttribute] = []
    for value in values:
        try:
            read.append(_read_attribute(value))
        except WireError as error:
            raise error.inside(f"{path}[{len(read)}]") from None
    return tuple(read)


def _read_attribute(value: JsonValue) -> DisclosedAttribute:
    # Types are checked in line, because calling `read_string` would cost more than the check
    # itself.
    if type(value) is not dict:
        raise WireError("", "must be an object")
    fields: dict[str, Any] = value
    try:
        attribute, status, issued_at = fields["id"], fields["status"], fields["issuancetime"]
    except KeyError as missing:
        raise WireError(f".{missing.args[0]}", "is missing") from None
    if type(attribute) is not str:
        raise WireError(".id", "must be a string")
    get = fields.get
    raw_value, translations, before = get("rawvalue"), get("value"), get("notrevokedbefore")
    if raw_value is not None and type(raw_value) is not str:
        raise WireError(".rawvalue", "must be a string or null")
    if translations is not None:
        if type(translations) is not dict:
            raise WireError(".value", "must be an object")
        for translation in translations.values():
            if type(translation) is not str:
                raise WireError(".value", "must be a string")
    not_revoked = get("notrevoked", False)
    if type(not_revoked) is not bool:
        raise WireError(".notrevoked", "must be true or false")
    known = _ATTRIBUTE_STATUS.get(status) if type(status) is str else None
    return checked_attribute(
        (
            attribute,
            raw_value,
            known or read_enum(status, _ATTRIBUTE_STATUS, ".status"),
            read_time(issued_at, ".issuancetime"),
            translations,
            not_revoked,
            None if before is None else read_time(before, ".notrevokedbefore"),
        )
    )


def _read_signature(value: JsonValue) -> AttributeBasedSignature:
    fields = read_object(value, ".signature")
    message = read_string(require_field(fields, "message", ".signature"), ".signature.message")
    try:
        return AttributeBasedSignature(write_json(fields), message)
    except RecursionError:  # the writer uses more stack for each level than the reader
        raise WireError(".signature", "is nested too deeply") from None


_FIRST_VERSION = "1.0"


def read_session_package(value: JsonValue) -> SessionPackage:
    """Read the response to the start of a session.

    Raises:
        WireError: A value is invalid; the error's `path` says where it is.
    """
    fields = read_object(value)
    frontend = fields.get("frontendRequest")
    return SessionPackage(
        read_session_pointer(require_field(fields, "sessionPtr"), ".sessionPtr"),
        read_token(require_field(fields, "token"), ".token"),
        frontend_request=None
        if frontend is None
        else read_frontend_request(frontend, ".frontendRequest"),
    )


def read_frontend_request(value: JsonValue, path: str = "") -> FrontendRequest:
    """Read the `frontendRequest` for the browser. Its unknown fields are kept."""
    fields = read_object(value, path)
    get = fields.get
    authorization = require_field(fields, "authorization", path)
    pairing_hint = get("pairingHint", False)
    lowest = get("minProtocolVersion", _FIRST_VERSION)
    highest = get("maxProtocolVersion", _FIRST_VERSION)
    # In line, because each start runs this, and a call would cost more than the check itself.
    if type(authorization) is not str:
        raise WireError(f"{path}.authorization", "must be a string")
    if type(pairing_hint) is not bool:
        raise WireError(f"{path}.pairingHint", "must be true or false")
    if type(lowest) is not str:
        raise WireError(f"{path}.minProtocolVersion", "must be a string")
    if type(highest) is not str:
        raise WireError(f"{path}.maxProtocolVersion", "must be a string")
    try:
        return FrontendRequest(
            FrontendAuthorization(authorization),
            pairing_hint,
            min_protocol_version=lowest,
            max_protocol_version=highest,
            received=fields,
        )
    except RequestError as error:
        path += ".authorization" if error.path == "authorization" else ""
        raise WireError(path, error.reason) from None


def read_token(value: JsonValue, path: str = "") -> RequestorToken:
    """Read a requestor token from its JSON value."""
    if type(value) is not str:
        raise WireError(path, "must be a string")
    try:
        return RequestorToken(value)
    except RequestError as error:
        raise WireError(path, error.reason) from None


def read_session_pointer(value: JsonValue, path: str = "") -> SessionPointer:
    """Read a session pointer from its JSON value."""
    fields = read_object(value, path)
    url, kind = require_field(fields, "u", path), require_field(fields, "irmaqr", path)
    if type(url) is not str:
        raise WireError(f"{path}.u", "must be a string")
    session_type = read_enum(kind, _SESSION_TYPE, f"{path}.irmaqr")
    try:
        return SessionPointer(url, session_type)
    except RequestError as error:
        raise WireError(f"{path}.u", error.reason) from None


def read_frontend_options(value: JsonValue) -> FrontendOptions:
    """Read the response to a change of the frontend's options.

    Raises:
        WireError: A value is invalid; the error's `path` says where it is.
    """
    fields = read_object(value)
    method = read_enum(require_field(fields, "pairingMethod"), _PAIRING_METHOD, ".pairingMethod")
    code = fields.get("pairingCode")
    return FrontendOptions(method, None if code is None else read_string(code, ".pairingCode"))
