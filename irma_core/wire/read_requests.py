"""Read requests that come from outside: from files, command lines, handles and verified JWTs.

People or other programs write these requests, so the functions here refuse unknown fields.
"""

from __future__ import annotations

import codecs
from typing import TypeVar

import attrs

from irma_core.errors import RequestError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.condiscon import ConDisCon, as_condiscon
from irma_core.models.session_requests import (
    ExtendedRequest,
    Labels,
    RevocationRequest,
    SessionRequest,
)
from irma_core.tracebacks import boundary
from irma_core.wire.values import WireError, read_list, read_object, read_string
from irma_core.wire.write_requests import REVOCATION_CONTEXT, SLOT_NAMES, AnyRequest

__all__ = ["read_request", "read_request_value"]

ModelT = TypeVar("ModelT")


def read_request_value(value: JsonValue) -> AnyRequest:
    """Read a request of any kind, plain or extended; slots without names are numbered.

    Raises:
        RequestError: A value is invalid, or a field is unknown; the error's `path` says where it
            is.
    """
    try:
        fields = read_object(value)
        if "request" in fields:
            # Libraries from before 2019 add a field `data`. It requests nothing, and servers ignore
            # it.
            fields = {name: item for name, item in fields.items() if name != "data"}
            return _read_extended(fields)
        if fields.get("@context") == REVOCATION_CONTEXT:
            return _structure(fields, RevocationRequest)
        return _structure_session_request(fields)
    except WireError as error:
        raise RequestError(error.path.removeprefix("."), error.reason) from None


@boundary
def read_request(text: str | bytes) -> AnyRequest:
    """Read a request of any kind from JSON, as the IRMA documentation describes it.

    Args:
        text: A session request, plain or extended, or a revocation request.

    Returns:
        The model of that kind; its slots are numbered.

    Raises:
        RequestError: The request is invalid at the path that the error names, or is not JSON.
    """
    try:
        value = read_json(_without_mark(text), unique_keys=True)
    except JsonTextError as error:
        raise RequestError("", f"the request {error.reason}") from None
    return read_request_value(value)


def _without_mark(text: str | bytes) -> str | bytes:
    """Return JSON without the byte order mark that Windows editors put at the start of a file.

    RFC 8259, section 8.1, lets a reader ignore it.
    """
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if not isinstance(text, bytes):
        raise RequestError("", "text: must be JSON as str or bytes")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RequestError("", "the request is in UTF-16: save the file as UTF-8")
    return text.removeprefix(codecs.BOM_UTF8)


def _read_extended(fields: dict[str, JsonValue]) -> ExtendedRequest:
    if SLOT_NAMES not in fields:
        return _structure(fields, ExtendedRequest)
    path = f".{SLOT_NAMES}"
    names = tuple(
        read_string(name, f"{path}[{i}]")
        for i, name in enumerate(read_list(fields[SLOT_NAMES], path))
    )
    rest = {name: value for name, value in fields.items() if name != SLOT_NAMES}
    extended = _structure(rest, ExtendedRequest)
    request = extended.request
    try:
        disclose = as_condiscon(ConDisCon(request.disclose.disjunctions, names), "")
    except RequestError as error:
        raise WireError(path, error.reason) from None
    labels: Labels = {names[int(slot)]: label for slot, label in request.labels.items()}
    named = attrs.evolve(request, disclose=disclose, labels=labels)
    return attrs.evolve(extended, request=named)


# cattrs is imported when the first request is read, because most programs read none.


def _structure(value: JsonValue, model: type[ModelT]) -> ModelT:
    from irma_core.wire.converter import structure  # noqa: PLC0415  # as above

    return structure(value, model)


def _structure_session_request(value: JsonValue) -> SessionRequest:
    from irma_core.wire.converter import structure_session_request  # noqa: PLC0415  # as above

    return structure_session_request(value)
