"""The fields of session requests and their Go types, in the current and the legacy form.

Requests are read from JSON and written as the app receives them. The module `requests` decides
which form a body has. Source: irmago `irma/requests.go` and `irma/legacy.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from irma_testing.memory.go_json import EscapedText, GoJsonError, Json, Members, Number
from irma_testing.memory.go_types import (
    FLAG,
    INT,
    TEXT,
    UINT,
    Field,
    Kind,
    MismatchError,
    Struct,
    decode_base64,
    mapping,
    parse_int,
    pointer,
    sequence,
)
from irma_testing.memory.replies import compact_json
from irma_testing.memory.session_request import SessionKind

__all__ = [
    "CONTEXTS",
    "EXTENDED",
    "REQUESTS",
    "REVOCATION_REQUEST",
    "TIMESTAMP",
    "context_of",
    "version_of",
    "write_request",
]

_CONTEXT = "https://irma.app/ld/request/"
CONTEXTS: Mapping[SessionKind, str] = {
    "disclosing": f"{_CONTEXT}disclosure/v2",
    "signing": f"{_CONTEXT}signature/v2",
    "issuing": f"{_CONTEXT}issuance/v2",
}
_VERSION_PARTS = 2
# Python refuses to convert more digits.
_MAX_DIGITS = 4000
_ONLY_CONTEXT = Struct(Field("@context", TEXT))


def context_of(value: Json) -> str:
    """Return the `@context` of an object, or an empty string.

    Raises:
        GoJsonError: The value is not an object, or its context is not a string.
    """
    return str(_ONLY_CONTEXT.read_new(value)["@context"])


def _read_timestamp(value: Json, _old: int) -> int:
    raw = _raw(value)
    try:
        return parse_int(raw)
    except ValueError as problem:
        raise GoJsonError(f"strconv.Atoi: parsing {compact_json(raw)}: {problem}") from None


def _raw(value: Json) -> str:
    """Return a value approximately as it was written in the JSON."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Members):
        return "{…}"
    return "[…]" if isinstance(value, list) else compact_json(value)


def _read_big_int(value: Json, _old: int) -> int:
    if isinstance(value, str):
        if isinstance(value, EscapedText):
            raise GoJsonError("illegal base64 data")
        _check_base64(value)
        return 0
    if not isinstance(value, Number) or not value.text.removeprefix("-").isdigit():
        raise GoJsonError("math/big: cannot unmarshal into a *big.Int")
    if value.text.startswith("-") and value.text.strip("-0"):
        raise GoJsonError("Unexpected negative integer")
    # The server replaces this number with its own.
    return 0


def _check_base64(value: str) -> None:
    try:
        decode_base64(value, url=False, padded=True)
    except ValueError:
        raise GoJsonError("illegal base64 data") from None


def _read_version(value: Json, _old: object) -> tuple[int, int]:
    return version_of(str(value or "") if value is None or isinstance(value, str) else _raw(value))


def version_of(version: str) -> tuple[int, int]:
    """Return the major and minor number of a protocol version such as `2.8`.

    Raises:
        GoJsonError: The string does not have the form `x.y` with two numbers.
    """
    parts = version.split(".")
    if len(parts) != _VERSION_PARTS:
        raise GoJsonError("Invalid protocol version number: not of form x.y")
    try:
        return parse_int(parts[0]), parse_int(parts[1])
    except ValueError as problem:
        raise GoJsonError(f"strconv.Atoi: parsing: {problem}") from None


def _read_label_place(name: str) -> int:
    try:
        return parse_int(name)
    except ValueError:
        raise MismatchError(f"number {name}", "int") from None


def _read_key_number(name: str) -> int:
    if not name.isascii() or not name.isdigit() or len(name) > _MAX_DIGITS:
        raise MismatchError(f"number {name}", "uint")
    return int(name)


# A requestor never sends the updates that the official server adds, so their form is not checked
# further.
_UPDATE = pointer(Struct().kind)
_DEMAND = Struct(
    Field("tolerance", UINT), Field("updates", mapping(_UPDATE, read_key=_read_key_number))
)
_DEMANDS = mapping(pointer(_DEMAND.kind))
_NAMES = sequence(TEXT)


def _read_demands(value: Json, old: dict[str, Any] | None) -> dict[str, Any]:
    before = old or {}
    if value is None or isinstance(value, list):
        try:
            names = _NAMES.read(value, None) or []
        except GoJsonError:
            pass
        else:
            return {**before, **{name: dict(_DEMAND.kind.zero) for name in names}}
    read: dict[str, Any] = _DEMANDS.read(value, before)
    return read


_ATTRIBUTE = Struct(
    Field("type", TEXT, omit_empty=False), Field("value", pointer(TEXT)), Field("notNull", FLAG)
)


def _read_attribute(value: Json, old: dict[str, Any]) -> dict[str, Any]:
    if value is None or isinstance(value, str):
        return {**_ATTRIBUTE.kind.zero, "type": str(value or "")}
    return _ATTRIBUTE.read(value, old)


def _write_attribute(value: dict[str, Any]) -> Any:
    if value["value"] is None and not value["notNull"]:
        return value["type"]
    return _ATTRIBUTE.write(value)


_ATTRIBUTES = Kind(_read_attribute, _ATTRIBUTE.kind.zero, write=_write_attribute)
_BASE = (
    Field("@context", TEXT),
    Field("context", pointer(Kind(_read_big_int, 0))),
    Field("nonce", pointer(Kind(_read_big_int, 0))),
    Field("protocolVersion", pointer(Kind(_read_version))),
    Field("revocation", Kind(_read_demands, None, write=_DEMANDS.write)),
    Field("type", TEXT),
    Field("devMode", FLAG),
    Field("clientReturnUrl", TEXT),
    Field("augmentReturnUrl", FLAG),
    Field("host", TEXT),
)
_DISCLOSE = (
    Field("disclose", sequence(sequence(sequence(_ATTRIBUTES)))),
    Field("labels", mapping(mapping(TEXT), read_key=_read_label_place)),
    Field("skipExpiryCheck", sequence(TEXT)),
)
TIMESTAMP = Kind(_read_timestamp, 0)
_CREDENTIAL = Struct(
    Field("validity", pointer(TIMESTAMP)),
    Field("keyCounter", UINT),
    Field("credential", TEXT, omit_empty=False),
    Field("attributes", mapping(TEXT), omit_empty=False),
    Field("revocationKey", TEXT),
    Field("revocationSupported", FLAG),
    Field("randomblindIDs", sequence(TEXT)),
    Field("sdJwtBatchSize", UINT),
)
_MESSAGE = Field("message", TEXT, omit_empty=False)
_CREDENTIALS = Field("credentials", sequence(pointer(_CREDENTIAL.kind)), omit_empty=False)
_MODERN: Mapping[SessionKind, Struct] = {
    "disclosing": Struct(*_BASE, *_DISCLOSE),
    "signing": Struct(*_BASE, *_DISCLOSE, _MESSAGE),
    "issuing": Struct(*_BASE, *_DISCLOSE, _CREDENTIALS),
}
# The server reads `requestSdJwts` and does not use it.
_ISSUING = Struct(*_BASE, *_DISCLOSE, _CREDENTIALS, Field("requestSdJwts", FLAG))


def _read_options(value: Json, old: list[Any] | None) -> list[Any]:
    """Return `old` plus the options of a legacy disjunction.

    These are names of attributes, or a mapping from such names to the required values.
    """
    if value is None or isinstance(value, list):
        try:
            named = [(name, None) for name in _NAMES.read(value, None) or []]
        except GoJsonError:
            pass
        else:
            return [*(old or []), *named]
    found: dict[str, str | None] = mapping(pointer(TEXT)).read(value, None)
    return [*(old or []), *found.items()]


_CONTENT = sequence(Struct(Field("label", TEXT), Field("attributes", Kind(_read_options))).kind)
_LEGACY: Mapping[SessionKind, tuple[Struct, str]] = {
    "disclosing": (Struct(*_BASE, Field("content", _CONTENT)), "content"),
    "signing": (Struct(*_BASE, Field("content", _CONTENT), _MESSAGE), "content"),
    "issuing": (Struct(*_BASE, _CREDENTIALS, Field("disclose", _CONTENT)), "disclose"),
}


def _reader(kind: SessionKind) -> Callable[[Json, dict[str, Any]], dict[str, Any]]:
    def read(value: Json, old: dict[str, Any]) -> dict[str, Any]:
        if context_of(value):
            modern = (_ISSUING if kind == "issuing" else _MODERN[kind]).read_new(value)
            modern.pop("requestSdJwts", None)
            return modern
        form, content = _LEGACY[kind]
        legacy = form.read_new(value)
        if legacy["type"] != kind:
            raise GoJsonError(f"not a {kind} session request")
        disjunctions = legacy.pop(content) or []
        return {
            **old,
            **legacy,
            "@context": CONTEXTS[kind],
            "disclose": [
                [
                    [{"type": name, "value": demanded, "notNull": False}]
                    for name, demanded in disjunction["attributes"] or []
                ]
                for disjunction in disjunctions
            ],
            "labels": {
                index: dict.fromkeys(("en", "nl"), disjunction["label"])
                for index, disjunction in enumerate(disjunctions)
            },
        }

    return read


REQUESTS: Mapping[SessionKind, Kind] = {
    kind: Kind(_reader(kind), struct.kind.zero, write=struct.write)
    for kind, struct in _MODERN.items()
}
"""The type of each kind of session request. Reading converts the legacy form to the current one."""

_OPTIONS = (
    Field("validity", INT),
    Field("timeout", INT),
    Field("callbackUrl", TEXT),
    Field("nextSession", pointer(Struct(Field("url", TEXT)).kind)),
)
EXTENDED: Mapping[SessionKind, Struct] = {
    kind: Struct(*_OPTIONS, Field("request", pointer(request)))
    for kind, request in REQUESTS.items()
}
"""The type of each kind of extended request."""

REVOCATION_REQUEST = Struct(
    Field("@context", TEXT), Field("type", TEXT), Field("revocationKey", TEXT), Field("issued", INT)
)


def write_request(kind: SessionKind, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session request in JSON."""
    return _MODERN[kind].write(request)
