"""Write requests as JSON values.

cattrs does not generate this code, because some fields depend on each other. For example, a slot
has a name in the models, but only a position in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.condiscon import AttributeRequest, ConDisCon
from irma_core.models.credentials import CredentialRequest
from irma_core.models.holders import Hidden
from irma_core.models.session_requests import (
    ExtendedRequest,
    IssuanceRequest,
    RevocationRequest,
    SessionRequest,
    SignatureRequest,
)

__all__ = [
    "DISCLOSURE_CONTEXT",
    "ISSUANCE_CONTEXT",
    "REVOCATION_CONTEXT",
    "SIGNATURE_CONTEXT",
    "SLOT_NAMES",
    "AnyRequest",
    "named_request_value",
    "request_value",
    "write_request",
]

AnyRequest: TypeAlias = SessionRequest | ExtendedRequest | RevocationRequest

DISCLOSURE_CONTEXT: Final = "https://irma.app/ld/request/disclosure/v2"
SIGNATURE_CONTEXT: Final = "https://irma.app/ld/request/signature/v2"
ISSUANCE_CONTEXT: Final = "https://irma.app/ld/request/issuance/v2"
REVOCATION_CONTEXT: Final = "https://irma.app/ld/request/revocation/v1"
SLOT_NAMES: Final = "slotNames"
"""The field, next to `request`, in which this library writes the slots' names. Servers ignore this
field, because the protocol has no slot names.
"""


def request_value(request: AnyRequest) -> dict[str, JsonValue]:
    """Return the JSON value of a request of any kind.

    Raises:
        RequestError: A credential's validity is a duration; `resolve_request` converts it to a
            date.
    """
    if isinstance(request, ExtendedRequest):
        return _extended_request_value(request)
    if isinstance(request, RevocationRequest):
        return _revocation_request_value(request)
    return _session_request_value(request)


def write_request(request: AnyRequest) -> str:
    """Return the JSON text of a request of any kind.

    Raises:
        RequestError: As for `request_value`.
    """
    if isinstance(request, RevocationRequest):
        return write_json(_revocation_request_value(request))
    if not isinstance(request, ExtendedRequest):
        return _write_session_request(request)
    text = f'{{"request":{_write_session_request(request.request)}'
    options = _options_value(request)
    return f"{text},{write_json(options)[1:]}" if options else f"{text}}}"


def _write_session_request(request: SessionRequest) -> str:
    # Cached in the frozen request, because websites start many sessions with the same request.
    if request.written is None:
        written = Hidden(write_json(_session_request_value(request)))
        object.__setattr__(request, "written", written)
        return written.reveal()
    return request.written.reveal()


def named_request_value(request: ExtendedRequest) -> dict[str, JsonValue]:
    """Return the JSON value of a request, including the slots' names, which servers ignore.

    Raises:
        RequestError: As for `request_value`.
    """
    names = request.request.disclose.names
    value = _extended_request_value(request)
    return value if names is None else {**value, SLOT_NAMES: list(names)}


def _session_request_value(request: SessionRequest) -> dict[str, JsonValue]:
    value: dict[str, JsonValue]
    if isinstance(request, SignatureRequest):
        value = {"@context": SIGNATURE_CONTEXT, "message": request.message}
    elif isinstance(request, IssuanceRequest):
        value = {
            "@context": ISSUANCE_CONTEXT,
            "credentials": [_credential_value(credential) for credential in request.credentials],
        }
    else:
        value = {"@context": DISCLOSURE_CONTEXT}
    if len(request.disclose):
        value["disclose"] = _condiscon_value(request.disclose)
    _add_options(request, value)
    return value


def _add_options(request: SessionRequest, value: dict[str, JsonValue]) -> None:
    if request.labels:
        slots = request.disclose.slots
        value["labels"] = {
            str(slots.index(slot)): dict(label) for slot, label in request.labels.items()
        }
    if request.skip_expiry_check:
        value["skipExpiryCheck"] = list(request.skip_expiry_check)
    if request.revocation:
        value["revocation"] = _non_revocation_value(request.revocation)
    if request.client_return_url is not None:
        value["clientReturnUrl"] = request.client_return_url
    if request.augment_return_url:
        value["augmentReturnUrl"] = True
    if request.host is not None:
        value["host"] = request.host


def _condiscon_value(condiscon: ConDisCon) -> JsonValue:
    return [
        [[_attribute_value(attribute) for attribute in option] for option in disjunction]
        for disjunction in condiscon.disjunctions
    ]


def _attribute_value(attribute: AttributeRequest) -> JsonValue:
    if attribute.accepts_any:
        return attribute.type
    value: dict[str, JsonValue] = {"type": attribute.type}
    if attribute.value is not None:
        value["value"] = attribute.value
    if attribute.not_null:
        value["notNull"] = True
    return value


def _non_revocation_value(revocation: Mapping[str, timedelta | None]) -> JsonValue:
    if all(tolerance is None for tolerance in revocation.values()):
        return list(revocation)
    return {
        credential: {} if tolerance is None else {"tolerance": int(tolerance.total_seconds())}
        for credential, tolerance in revocation.items()
    }


def _credential_value(request: CredentialRequest) -> JsonValue:
    value: dict[str, JsonValue] = {
        "credential": request.credential,
        "attributes": dict(request.attributes),
    }
    if request.validity is not None:
        if isinstance(request.validity, timedelta):
            raise RequestError(
                "validity", "must be a date: convert a duration with resolve_validity()"
            )
        value["validity"] = int(request.validity.timestamp())
    if request.revocation_key is not None:
        value["revocationKey"] = request.revocation_key
    if request.sd_jwt_batch_size is not None:
        value["sdJwtBatchSize"] = request.sd_jwt_batch_size
    return value


def _extended_request_value(request: ExtendedRequest) -> dict[str, JsonValue]:
    return {"request": _session_request_value(request.request), **_options_value(request)}


def _options_value(request: ExtendedRequest) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {}
    if request.validity is not None:
        value["validity"] = int(request.validity.total_seconds())
    if request.timeout is not None:
        value["timeout"] = int(request.timeout.total_seconds())
    if request.callback_url is not None:
        value["callbackUrl"] = request.callback_url
    if request.next_session is not None:
        value["nextSession"] = {"url": request.next_session.url}
    return value


def _revocation_request_value(request: RevocationRequest) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {
        "@context": REVOCATION_CONTEXT,
        "type": request.credential,
        "revocationKey": request.revocation_key,
    }
    if request.issued is not None:
        value["issued"] = request.issued
    return value
