"""The one converter between JSON and models.

Belongs here: cattrs, and all that is `Any`. What a server says is read with unknown fields ignored;
what a person wrote or signed, with unknown fields refused. Nothing is coerced: not `null` to the
text "None", not `1` to `True`. Errors name the place and not the value. Does not belong here: the
rules of a request (its class has them), and what is written by hand since it is on the path of
every session (`request_json`, `package_json`, `result_json`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, override

from irma_core.errors import RequestError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.condiscon import AttributeRequest, ConDisCon, as_condiscon
from irma_core.models.credentials import CredentialRequest, Validity
from irma_core.models.hidden import Hidden
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    Labels,
    NextSession,
    RevocationRequest,
    SessionRequest,
    SignatureRequest,
)
from irma_core.models.sessions import FrontendRequest, SessionPackage
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.tracebacks import boundary
from irma_core.wire.read_results import (
    read_authorization,
    read_frontend_request,
    read_remote_error,
    read_session_package,
    read_session_result,
    read_status,
    read_token,
)
from irma_core.wire.values import (
    WireError,
    read_bool,
    read_int,
    read_list,
    read_object,
    read_seconds,
    read_text,
    read_time,
)
from irma_core.wire.write_requests import (
    DISCLOSURE_CONTEXT,
    ISSUANCE_CONTEXT,
    REVOCATION_CONTEXT,
    SIGNATURE_CONTEXT,
    extended_request_value,
    revocation_request_value,
    session_request_value,
)

__all__ = [
    "AnyRequest",
    "is_legacy",
    "named_request_value",
    "read_as",
    "read_request",
    "read_request_value",
    "request_value",
    "upgrade_legacy",
]


AnyRequest = SessionRequest | ExtendedRequest | RevocationRequest
Model = TypeVar("Model")

_REQUESTS: dict[str, type[Any]] = {
    DISCLOSURE_CONTEXT: DisclosureRequest,
    SIGNATURE_CONTEXT: SignatureRequest,
    ISSUANCE_CONTEXT: IssuanceRequest,
    REVOCATION_CONTEXT: RevocationRequest,
}
_SLOT_NAMES = "slotNames"
"""A field of ours beside `request`: servers pass over it, and have no place for names."""
_FIELD = re.compile(r"^[a-z_]+")
"""The field at the beginning of a place; what follows in brackets are the person's own names."""
_WRITTEN_BY_PEOPLE = frozenset(
    {*_REQUESTS.values(), ExtendedRequest, NextSession, CredentialRequest, AttributeRequest}
)


def read_as(value: JsonValue, model: type[Model]) -> Model:
    """Read what a server said as a model.

    Raises:
        WireError: At the place it names.
    """
    return _read(value, model)


def read_request_value(value: JsonValue) -> AnyRequest:
    """Read a request of any kind, plain or extended; slots are numbers unless they are named.

    Raises:
        RequestError: At the place it names; unknown fields are refused.
    """
    try:
        fields = read_object(value)
        if "request" in fields:
            # Libraries from before 2019 add `data`, which asks nothing: no server looks at it.
            fields = {name: item for name, item in fields.items() if name != "data"}
            return _read_extended(fields)
        if fields.get("@context") == REVOCATION_CONTEXT:
            return _read(fields, RevocationRequest)
        return _read_session_request(fields)
    except WireError as error:
        raise RequestError(error.place.removeprefix("."), error.reason) from None


@boundary
def read_request(text: str | bytes) -> AnyRequest:
    """Read a request of any kind from JSON, as documentation and other languages write it.

    Args:
        text: A session request, plain or extended, or a revocation request.

    Returns:
        The model of that kind; slots are numbers.

    Raises:
        RequestError: At the place it names, or because the text is no JSON.
    """
    try:
        value = read_json(_without_mark(text), unique_keys=True)
    except JsonTextError as error:
        raise RequestError("", f"the request {error.reason}") from None
    return read_request_value(value)


def _without_mark(text: str | bytes) -> str | bytes:
    """Return JSON without the byte order mark that editors on Windows begin a file with.

    RFC 8259, section 8.1, lets a reader ignore it.
    """
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if not isinstance(text, bytes):
        raise RequestError("", "text: must be JSON as str or bytes")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RequestError("", "the request is in UTF-16: save the file as UTF-8")
    return text.removeprefix(codecs.BOM_UTF8)


def request_value(request: AnyRequest) -> dict[str, JsonValue]:
    """Give the JSON value of a request of any kind.

    Raises:
        RequestError: A credential's validity is a duration, which only a start turns into a date.
    """
    if isinstance(request, ExtendedRequest):
        return extended_request_value(request)
    if isinstance(request, RevocationRequest):
        return revocation_request_value(request)
    return session_request_value(request)


def named_request_value(request: ExtendedRequest) -> dict[str, JsonValue]:
    """Give the JSON value of a request with the names of its slots, which servers pass over.

    Raises:
        RequestError: As `request_value`.
    """
    names = request.request.disclose.names
    value = extended_request_value(request)
    return value if names is None else {**value, _SLOT_NAMES: list(names)}


def _read_extended(fields: dict[str, JsonValue]) -> ExtendedRequest:
    if _SLOT_NAMES not in fields:
        return _read(fields, ExtendedRequest)
    place = f".{_SLOT_NAMES}"
    names = tuple(
        read_text(name, f"{place}[{i}]")
        for i, name in enumerate(read_list(fields[_SLOT_NAMES], place))
    )
    rest = {name: value for name, value in fields.items() if name != _SLOT_NAMES}
    extended = _read(rest, ExtendedRequest)
    asked = extended.request
    try:
        disclose = as_condiscon(ConDisCon(asked.disclose.disjunctions, names), "")
    except RequestError as error:
        raise WireError(place, error.reason) from None
    labels: Labels = {names[int(slot)]: label for slot, label in asked.labels.items()}
    return attrs.evolve(extended, request=attrs.evolve(asked, disclose=disclose, labels=labels))


def _read(value: JsonValue, model: type[Model]) -> Model:
    try:
        return _converter.structure(value, model)
    except BaseValidationError as group:
        raise _first_error(group, "") from None
    except ValueError as error:  # WireError and RequestError are, and what an Enum raises
        raise _as_wire_error(error, "") from None


def _read_session_request(value: JsonValue) -> SessionRequest:
    fields = read_object(value)
    if is_legacy(fields):
        fields = upgrade_legacy(fields)
    context = fields.get("@context")
    model = _REQUESTS.get(context) if isinstance(context, str) else None
    if model is None or model is RevocationRequest:
        raise WireError(".@context", "names no disclosure, signature or issuance request")
    request: SessionRequest = _read(fields, model)
    return request


def _first_error(error: BaseException, place: str) -> WireError:
    """Find the first error in cattrs' groups, and its place; its own texts print values."""
    if isinstance(error, ClassValidationError):
        noted, rest = error.group_exceptions()
        for inner in rest:
            if isinstance(inner, ForbiddenExtraKeysError):
                # First: a name misspelt tells more than the right one missing.
                return _as_wire_error(inner, place)
        for inner, note in noted:
            return _first_error(inner, f"{place}.{_wire_name(note.name, error.cl)}")
        return _as_wire_error(rest[0], place, error.cl)
    if isinstance(error, IterableValidationError):
        indexed, _ = error.group_exceptions()
        inner, index = indexed[0]
        return _first_error(inner, f"{place}[{index.index}]")
    return _as_wire_error(error, place)


def _as_wire_error(error: BaseException, place: str, model: type[Any] | None = None) -> WireError:
    if isinstance(error, WireError):
        return error.inside(place)
    if isinstance(error, RequestError):
        # Models speak Python's names, JSON has the protocol's.
        inner = _FIELD.sub(lambda match: _wire_name(match[0], model), error.place)
        return WireError(place + (inner if inner.startswith("[") else f".{inner}"), error.reason)
    if isinstance(error, ForbiddenExtraKeysError):
        name = min(error.extra_fields)[:40]
        return WireError(f"{place}.{name}", "is no field of this request")
    if isinstance(error, KeyError):
        return WireError(place, "is missing")
    return WireError(place, "is none of the words that may stand here")


def _wire_name(name: str, model: type[Any] | None) -> str:
    """Return a field's name in JSON, given its name or that of its argument."""
    fields = {} if model is None else attrs.fields_dict(model)
    field = fields.get(name) or fields.get(f"_{name}")
    written: str | None = None if field is None else field.metadata.get("wire")
    return written or re.sub(r"_([a-z])", lambda match: match[1].upper(), name.lstrip("_"))


def _structure_model(model: type[Any]) -> Callable[[Any, Any], Any]:
    renamed = {
        field.name: override(
            rename=_wire_name(field.name, model), struct_hook=_HOOKS.get(field.alias or field.name)
        )
        for field in attrs.fields(model)
    }
    structure = make_dict_structure_fn(
        model,
        _converter,
        _cattrs_forbid_extra_keys=model in _WRITTEN_BY_PEOPLE,
        **renamed,  # type: ignore[arg-type]  # the names of fields cannot clash with options
    )
    context = {kind: written for written, kind in _REQUESTS.items()}.get(model)

    def hook(value: JsonValue, kind: type[Any]) -> Any:
        fields = read_object(value)
        if context is not None:
            if fields.get("@context") != context:
                raise WireError(".@context", f"must be {context}")
            fields = {name: item for name, item in fields.items() if name != "@context"}
        return structure(fields, kind)

    return hook


def _is_tuple(kind: Any) -> bool:
    origin: object = get_origin(kind)
    return origin is tuple


def _structure_tuple(kind: Any) -> Callable[[Any, Any], Any]:
    structure = homogenous_tuple_structure_factory(kind, _converter)
    return lambda value, _kind: structure(read_list(value), kind)


def _is_hidden(kind: Any) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Hidden)


def _structure_hidden(kind: Any) -> Callable[[Any, Any], Any]:
    """Return what reads a text that the model's own converter hides."""
    is_optional = get_args(kind)[0] is not str
    return lambda value, _kind: None if value is None and is_optional else read_text(value)


def _read_condiscon(value: JsonValue, _kind: object) -> ConDisCon:
    lists = []
    for i, disjunction in enumerate(read_list(value)):
        options = []
        for j, option in enumerate(read_list(disjunction, f"[{i}]")):
            attributes = read_list(option, f"[{i}][{j}]")
            options.append(
                [_read_attribute(item, f"[{i}][{j}][{k}]") for k, item in enumerate(attributes)]
            )
        lists.append(options)
    return as_condiscon(lists, "")


def _read_attribute(value: JsonValue, place: str) -> str | AttributeRequest:
    if isinstance(value, str):
        return value
    try:
        return _read(value, AttributeRequest)
    except WireError as error:
        raise error.inside(place) from None


def _read_labels(value: JsonValue, _kind: object) -> dict[int, JsonValue]:
    labels: dict[int, JsonValue] = {}
    for position, label in read_object(value).items():
        if not re.fullmatch(r"0|[1-9][0-9]{0,8}", position):
            raise WireError("", "is keyed by positions of disjunctions: 0, 1, …")
        if label is not None:  # irmago's own library writes null for no label
            labels[int(position)] = label
    return labels


def _read_non_revocation(value: JsonValue, _kind: object) -> list[JsonValue] | Mapping[str, Any]:
    if isinstance(value, list):
        return value
    tolerances: dict[str, timedelta | None] = {}
    for credential, item in read_object(value).items():
        place = f'["{credential[:100]}"]'
        fields = read_object(item, place)
        for name in fields:
            if name != "tolerance":
                raise WireError(f"{place}.{name[:40]}", "is no field of this request")
        seconds = fields.get("tolerance")
        tolerances[credential] = (
            None if seconds is None else read_seconds(seconds, f"{place}.tolerance")
        )
    return tolerances


def _read_some_list(value: JsonValue, _kind: object) -> list[JsonValue]:
    """For lists whose items the model itself checks in full."""
    return read_list(value)


def _read_some_object(value: JsonValue, _kind: object) -> dict[str, JsonValue]:
    return read_object(value)


def _read_issued(value: JsonValue, _kind: object) -> int | None:
    # Zero is what a server in Go has where nothing was written: it revokes all.
    return None if value is None else read_int(value) or None


_HOOKS: Mapping[str, Any] = {
    "disclose": _read_condiscon,
    "labels": _read_labels,
    "revocation": _read_non_revocation,
    "skip_expiry_check": _read_some_list,
    "attributes": _read_some_object,
    "issued": _read_issued,
}

_BY_HAND: dict[type[Any], Callable[[Any], Any]] = {
    str: read_text,
    int: read_int,
    bool: read_bool,
    datetime: read_time,
    timedelta: read_seconds,
    RequestorToken: read_token,
    FrontendAuthorization: read_authorization,
    SessionStatus: read_status,
    FrontendRequest: read_frontend_request,
    SessionPackage: read_session_package,
    SessionResult: read_session_result,
    RemoteError: read_remote_error,
}


def _hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _kind: read(value)


_converter = Converter(detailed_validation=True)
for _type, _reader in _BY_HAND.items():
    _converter.register_structure_hook(_type, _hook(_reader))
_converter.register_structure_hook(
    Validity, lambda value, _kind: None if value is None else read_time(value)
)
_converter.register_structure_hook(
    SessionRequest, lambda value, _kind: _read_session_request(value)
)
_converter.register_structure_hook_factory(
    lambda kind: attrs.has(kind) and kind not in _BY_HAND, _structure_model
)
_converter.register_structure_hook_factory(_is_hidden, _structure_hidden)
_converter.register_structure_hook_factory(_is_tuple, _structure_tuple)


_CONTEXTS = {
    "disclosing": (DISCLOSURE_CONTEXT, "content"),
    "signing": (SIGNATURE_CONTEXT, "content"),
    "issuing": (ISSUANCE_CONTEXT, "disclose"),
}
_NOT_LEGACY = frozenset({"disclose", "labels", "skipExpiryCheck"})


def is_legacy(fields: dict[str, JsonValue]) -> bool:
    """Tell whether it is a request of the old form."""
    return "@context" not in fields and "type" in fields


def upgrade_legacy(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Give the same request in today's form.

    Raises:
        WireError: At the place it names.
    """
    kind = read_text(fields["type"], ".type")
    if kind not in _CONTEXTS:
        raise WireError(".type", "names no disclosure, signature or issuance request")
    context, content = _CONTEXTS[kind]
    for name in _NOT_LEGACY - {content}:
        if name in fields:
            # The server would ignore it without a word.
            raise WireError(f".{name}", "is no field of a request of this old form")
    old = {"type", content, "messageType"} if kind == "signing" else {"type", content}
    modern = {key: value for key, value in fields.items() if key not in old}
    modern["@context"] = context
    disclose: list[JsonValue] = []
    labels: dict[str, JsonValue] = {}
    for i, item in enumerate(read_list(fields.get(content, []), f".{content}")):
        place = f".{content}[{i}]"
        disjunction = read_object(item, place)
        for name in disjunction:
            if name not in ("label", "attributes"):
                raise WireError(f"{place}.{name[:40]}", "is no field of this request")
        disclose.append(_options(disjunction.get("attributes", []), f"{place}.attributes"))
        if label := read_text(disjunction.get("label", ""), f"{place}.label"):
            labels[str(i)] = {"en": label, "nl": label}
    if disclose:
        modern["disclose"] = disclose
    if labels:
        modern["labels"] = labels
    return modern


def _options(attributes: JsonValue, place: str) -> list[JsonValue]:
    if isinstance(attributes, dict):
        return [[{"type": name, "value": value}] for name, value in attributes.items()]
    names = enumerate(read_list(attributes, place))
    return [[read_text(name, f"{place}[{k}]")] for k, name in names]
