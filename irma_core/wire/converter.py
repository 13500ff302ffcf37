"""Structure JSON values into the request classes with cattrs.

The library uses cattrs only for requests that come from outside, where clear errors matter more
than speed. cattrs is imported when the library reads the first such request. The plain functions of
`read_results` read what a server sends in every session.
"""

from __future__ import annotations

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
from irma_core.json_text import JsonValue
from irma_core.models.condiscon import AttributeRequest, ConDisCon, as_condiscon
from irma_core.models.credentials import Validity
from irma_core.models.holders import Hidden
from irma_core.models.session_requests import (
    DisclosureRequest,
    IssuanceRequest,
    RevocationRequest,
    SessionRequest,
    SignatureRequest,
)
from irma_core.wire.legacy_requests import is_legacy, upgrade_legacy
from irma_core.wire.values import (
    WireError,
    read_bool,
    read_int,
    read_list,
    read_object,
    read_seconds,
    read_string,
    read_time,
)
from irma_core.wire.write_requests import (
    DISCLOSURE_CONTEXT,
    ISSUANCE_CONTEXT,
    REVOCATION_CONTEXT,
    SIGNATURE_CONTEXT,
)

__all__ = ["structure", "structure_session_request"]

ModelT = TypeVar("ModelT")

_CONTEXTS: dict[type[Any], str] = {
    DisclosureRequest: DISCLOSURE_CONTEXT,
    SignatureRequest: SIGNATURE_CONTEXT,
    IssuanceRequest: ISSUANCE_CONTEXT,
    RevocationRequest: REVOCATION_CONTEXT,
}
_SESSION_REQUESTS: dict[str, type[Any]] = {
    context: model for model, context in _CONTEXTS.items() if model is not RevocationRequest
}
_FIELD = re.compile(r"^[a-z_]+")
"""Matches the field's name at the start of a path. It does not match a key in brackets, because
such a key is not a field's name.
"""


def structure(value: JsonValue, model: type[ModelT]) -> ModelT:
    """Return a request, or a part of one, as an object of the given class.

    Raises:
        WireError: A value is invalid, or a field is unknown; the error's `path` says where it is.
    """
    try:
        return _converter.structure(value, model)
    except BaseValidationError as group:
        raise _first_error(group, "") from None
    except ValueError as error:  # a WireError or RequestError
        raise _as_wire_error(error, "") from None


def structure_session_request(value: JsonValue) -> SessionRequest:
    """Return the session request in a JSON value, whose `@context` selects the request's class.

    If the request has the form used before condiscons (2019), this function first converts it to
    the current form.

    Raises:
        WireError: A value is invalid, or a field is unknown; the error's `path` says where it is.
    """
    fields = read_object(value)
    if is_legacy(fields):
        fields = upgrade_legacy(fields)
    context = fields.get("@context")
    model = _SESSION_REQUESTS.get(context) if isinstance(context, str) else None
    if model is None:
        raise WireError(
            ".@context", "must be the type of a disclosure, signature or issuance request"
        )
    request: SessionRequest = structure(fields, model)
    return request


def _first_error(error: BaseException, path: str) -> WireError:
    """Return the first error in a group from cattrs. The group's own messages would show values."""
    if isinstance(error, ClassValidationError):
        noted, rest = error.group_exceptions()
        for inner in rest:
            if isinstance(inner, ForbiddenExtraKeysError):
                # Report a misspelt name first: it explains why a field is missing.
                return _as_wire_error(inner, path)
        for inner, note in noted:
            return _first_error(inner, f"{path}.{_wire_name(note.name, error.cl)}")
        return _as_wire_error(rest[0], path, error.cl)
    if isinstance(error, IterableValidationError):
        indexed, _ = error.group_exceptions()
        inner, index = indexed[0]
        return _first_error(inner, f"{path}[{index.index}]")
    return _as_wire_error(error, path)


def _as_wire_error(error: BaseException, path: str, model: type[Any] | None = None) -> WireError:
    if isinstance(error, WireError):
        return error.inside(path)
    if isinstance(error, RequestError):
        # The path has the names of the model's fields; JSON has the protocol's names.
        inner = _FIELD.sub(lambda match: _wire_name(match[0], model), error.path)
        return WireError(path + (inner if inner.startswith("[") else f".{inner}"), error.reason)
    if isinstance(error, ForbiddenExtraKeysError):
        name = min(error.extra_fields)[:40]
        return WireError(f"{path}.{name}", "is not a field of this request")
    return WireError(path, "is missing")  # a KeyError: cattrs raises nothing else here


def _wire_name(name: str, model: type[Any] | None) -> str:
    """Return a field's JSON name, given the field's name with or without the leading underscore."""
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
        _cattrs_forbid_extra_keys=True,
        **renamed,  # type: ignore[arg-type]  # the names of fields cannot clash with options
    )
    context = _CONTEXTS.get(model)

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
    """Return a function that reads the string for a `Hidden` field, which the model then hides."""
    is_optional = get_args(kind)[0] is not str
    return lambda value, _kind: None if value is None and is_optional else read_string(value)


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


def _read_attribute(value: JsonValue, path: str) -> str | AttributeRequest:
    if isinstance(value, str):
        return value
    try:
        return structure(value, AttributeRequest)
    except WireError as error:
        raise error.inside(path) from None


def _read_labels(value: JsonValue, _kind: object) -> dict[int, JsonValue]:
    labels: dict[int, JsonValue] = {}
    for position, label in read_object(value).items():
        if not re.fullmatch(r"0|[1-9][0-9]{0,8}", position):
            raise WireError("", "must map the positions of disjunctions (0, 1, …) to labels")
        if label is not None:  # irmago's own library writes null if there is no label
            labels[int(position)] = label
    return labels


def _read_non_revocation(value: JsonValue, _kind: object) -> list[JsonValue] | Mapping[str, Any]:
    if isinstance(value, list):
        return value
    tolerances: dict[str, timedelta | None] = {}
    for credential, item in read_object(value).items():
        path = f'["{credential[:100]}"]'
        fields = read_object(item, path)
        for name in fields:
            if name != "tolerance":
                raise WireError(f"{path}.{name[:40]}", "is not a field of this request")
        seconds = fields.get("tolerance")
        tolerances[credential] = (
            None if seconds is None else read_seconds(seconds, f"{path}.tolerance")
        )
    return tolerances


def _read_some_list(value: JsonValue, _kind: object) -> list[JsonValue]:
    # The model checks the items.
    return read_list(value)


def _read_some_object(value: JsonValue, _kind: object) -> dict[str, JsonValue]:
    return read_object(value)


def _read_issued(value: JsonValue, _kind: object) -> int | None:
    # A server in Go reads a missing value as zero, and zero revokes every credential with the key.
    return None if value is None else read_int(value) or None


_HOOKS: Mapping[str, Any] = {
    "disclose": _read_condiscon,
    "labels": _read_labels,
    "revocation": _read_non_revocation,
    "skip_expiry_check": _read_some_list,
    "attributes": _read_some_object,
    "issued": _read_issued,
}

_READERS: dict[type[Any], Callable[[Any], Any]] = {
    str: read_string,
    int: read_int,
    bool: read_bool,
    datetime: read_time,
    timedelta: read_seconds,
}


def _hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _kind: read(value)


_converter = Converter(detailed_validation=True)
for _type, _reader in _READERS.items():
    _converter.register_structure_hook(_type, _hook(_reader))
_converter.register_structure_hook(
    Validity, lambda value, _kind: None if value is None else read_time(value)
)
_converter.register_structure_hook(SessionRequest, _hook(structure_session_request))
_converter.register_structure_hook_factory(attrs.has, _structure_model)
_converter.register_structure_hook_factory(_is_hidden, _structure_hidden)
_converter.register_structure_hook_factory(_is_tuple, _structure_tuple)
