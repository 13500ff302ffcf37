"""Session requests from JSON, in all the forms that the official server takes.

Belongs here: plain and extended, of today and from before condiscons; and the checks of form that
need nothing but the request. Does not belong here: whether it may start (`request_checks`). Source:
irmago `ParseSessionRequest` in `irma/server/api.go`, and `irma/requests.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irma_core.models.legacy import is_legacy, modernised
from irma_core.models.reading import WireError
from irma_testing.memory.json_reading import Fields, of_type, read_fields
from irma_testing.memory.refusals import INVALID_REQUEST, Refusal, ServerCrash
from irma_testing.memory.replies import compact_json
from irma_testing.memory.request_form import check_form
from irma_testing.memory.start_request import (
    DEFAULT_VALIDITY,
    AttributeAsked,
    ConDisCon,
    CredentialAsked,
    Kind,
    StartRequest,
)

__all__ = ["read_extended", "read_start_request", "read_static"]

_CONTEXT = "https://irma.app/ld/request/"
_KINDS: Mapping[str, Kind] = {
    f"{_CONTEXT}disclosure/v2": "disclosing",
    f"{_CONTEXT}signature/v2": "signing",
    f"{_CONTEXT}issuance/v2": "issuing",
}
_NOT_A: Mapping[Kind, str] = {
    "disclosing": "Not a disclosure request",
    "signing": "Not a signature request",
    "issuing": "Not an issuance request",
}


def read_start_request(body: bytes | None) -> StartRequest:
    """Read a plain or extended session request.

    Raises:
        Refusal: It is none, or its form is wrong.
        ServerCrash: The official server falls over it.
    """
    return _read_any(read_fields(body))


def read_static(configured: Mapping[str, Any]) -> StartRequest:
    """Read the request of a static session, as it stands in the configuration.

    Raises:
        Refusal: It is none, or its form is wrong.
        ServerCrash: The official server falls over it.
    """
    return _read_any(Fields(dict(configured)))


def _read_any(outer: Fields) -> StartRequest:
    context = outer.text("@context")
    if context:
        return _read(_kind(context, "Invalid session request type"), outer, Fields({}))
    inner = outer.fields("request")
    context = inner.text("@context") if inner else ""
    if inner and context:
        return _read(_kind(context, "Invalid requestor request type"), inner, outer)
    return _read_legacy(inner, outer) if inner else _read_legacy(outer, Fields({}))


def read_extended(kind: Kind, extended: Fields) -> StartRequest:
    """Read an extended request of a kind that is known beforehand, from a JWT.

    Raises:
        Refusal: It is none, or its form is wrong.
        ServerCrash: The official server falls over it.
    """
    request = extended.fields("request")
    if request is None:
        raise Refusal(INVALID_REQUEST, f"{_NOT_A[kind]} with options")
    if is_legacy(request.values):
        return _read_legacy(request, extended)
    if _KINDS.get(request.text("@context")) != kind:
        raise Refusal(INVALID_REQUEST, _NOT_A[kind])
    return _read(kind, request, extended)


def _kind(context: str, otherwise: str) -> Kind:
    if context not in _KINDS:
        raise Refusal(INVALID_REQUEST, otherwise)
    return _KINDS[context]


def _read_legacy(request: Fields, options: Fields) -> StartRequest:
    try:
        modern = Fields(modernised(request.values))
        return _read(_KINDS[modern.text("@context")], modern, options)
    except (KeyError, WireError, Refusal):
        raise Refusal(INVALID_REQUEST, "Failed to JSON unmarshal request bytes") from None


def _read(kind: Kind, request: Fields, options: Fields) -> StartRequest:
    labels = request.fields("labels")
    for index in labels.values if labels else ():
        if not index.lstrip("-").isdecimal():
            raise Refusal(INVALID_REQUEST, f"json: cannot unmarshal number {index} into labels")
    next_session = options.fields("nextSession")
    read = StartRequest(
        kind,
        request.values,
        disclose=_disclose(request.array("disclose")),
        credentials=_credentials(request) if kind == "issuing" else (),
        message=request.text("message") if kind == "signing" else "",
        revocation=_revocation(request.values.get("revocation")),
        skip_expiry_check=frozenset(_texts(request.array("skipExpiryCheck"), "skipExpiryCheck")),
        host=request.text("host"),
        client_return_url=request.text("clientReturnUrl"),
        augment_return_url=request.flag("augmentReturnUrl"),
        validity=options.integer("validity") or DEFAULT_VALIDITY,
        timeout=options.integer("timeout"),
        callback_url=options.text("callbackUrl"),
        next_url=next_session.text("url") if next_session else None,
    )
    check_form(read)
    return read


def _texts(values: list[Any], place: str) -> list[str]:
    return [of_type(value, str, place) for value in values]


def _disclose(outer: list[Any]) -> ConDisCon:
    return tuple(
        tuple(
            tuple(_attribute(attribute) for attribute in _list(conjunction))
            for conjunction in _list(disjunction)
        )
        for disjunction in outer
    )


def _list(value: Any) -> list[Any]:
    return [] if value is None else list(of_type(value, list, "disclose"))


def _attribute(value: Any) -> AttributeAsked:
    if type(value) is str:
        return AttributeAsked(value)
    fields = Fields({} if value is None else of_type(value, dict, "disclose"))
    demanded = None if fields.values.get("value") is None else fields.text("value")
    return AttributeAsked(fields.text("type"), demanded, fields.flag("notNull"))


def _revocation(value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if isinstance(value, list):
        return dict.fromkeys(_texts(value, "revocation"), 0)
    demands = Fields(of_type(value, dict, "revocation"))
    return {
        name: demand.integer("tolerance") if (demand := demands.fields(name)) else 0
        for name in demands.values
    }


def _credentials(request: Fields) -> tuple[CredentialAsked, ...]:
    return tuple(_credential(value) for value in request.array("credentials"))


def _credential(value: Any) -> CredentialAsked:
    if value is None:
        raise ServerCrash("a credential is null")
    fields = Fields(of_type(value, dict, "credentials"))
    given = fields.fields("attributes") or Fields({})
    validity = fields.values.get("validity")
    if validity is not None and type(validity) is not int:
        written = compact_json(compact_json(validity))
        raise Refusal(INVALID_REQUEST, f"strconv.Atoi: parsing {written}: invalid syntax")
    return CredentialAsked(
        fields.text("credential"),
        # Go reads `null` as an empty text, and so it is issued: as a value.
        {name: given.text(name) for name in given.values},
        validity=validity,
        revocation_key=fields.text("revocationKey"),
    )
