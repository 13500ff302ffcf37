"""A session request in the form in which it is kept until its answer comes.

Only against what was asked a result makes an answer; so what was asked is kept, in a sealed handle
or URL or in a database, and not asked again of a program that may have been deployed anew since.
Belongs here: that form. It has all that makes an answer: the slots' names too, which JSON of the
protocol has not, and the SHA-256 of a message to sign, which may be long. It has neither what is
issued, which may be personal, nor where the server posts to.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.condiscon import ConDisCon
from irma_core.models.hidden import HiddenHash
from irma_core.models.session_requests import (
    ExtendedRequest,
    IssuanceRequest,
    RevocationRequest,
    SignatureRequest,
)
from irma_core.models.validation import check_text
from irma_core.wire.read_requests import read_request_value
from irma_core.wire.write_requests import request_value

__all__ = ["MAX_STORED_BYTES", "read_kept_request", "stored_request"]

MAX_STORED_BYTES: Final = 128 * 1024
"""Bytes of its JSON: some thousand slots."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def stored_request(request: ExtendedRequest) -> JsonValue:
    """Give the form in which a request is kept.

    Raises:
        RequestError: It is too large to be kept so, or a slot's name is no Unicode.
    """
    asked = request.request
    if isinstance(asked, IssuanceRequest):
        credentials = [
            attrs.evolve(credential, attributes={}, validity=None, revocation_key=None)
            for credential in asked.credentials
        ]
        asked = attrs.evolve(asked, credentials=credentials)
    if isinstance(asked, SignatureRequest):
        # As a message, which the JSON of the protocol has a field for.
        asked = attrs.evolve(asked, message=asked.message_sha256)
    asked = attrs.evolve(
        asked,
        labels={},
        skip_expiry_check=(),
        client_return_url=None,
        augment_return_url=False,
        host=None,
    )
    slots: list[JsonValue] = list(asked.disclose.slots)
    kept: JsonValue = [request_value(asked), slots]
    if len(check_text(write_json(kept), "disclose").encode()) > MAX_STORED_BYTES:
        over = f"the request takes over {MAX_STORED_BYTES} bytes without what is issued or signed"
        raise RequestError("", f"{over}: too large to be kept")
    return kept


def read_kept_request(kept: JsonValue) -> ExtendedRequest:
    """Give the request that was kept.

    Raises:
        RequestError: It is none.
    """
    match kept:
        case [dict() as value, list() as slots]:
            request = read_request_value(value)
        case _:
            raise RequestError("", "this is no request that was kept")
    if isinstance(request, ExtendedRequest | RevocationRequest):
        raise RequestError("", "this is no session request that was kept")
    if isinstance(request, SignatureRequest):
        if not _HASH.fullmatch(request.message):
            raise RequestError("message", "this is no SHA-256")
        request = attrs.evolve(request, message=HiddenHash(request.message))
    names = tuple(slot for slot in slots if isinstance(slot, str))
    if names:
        disclose = ConDisCon(request.disclose.disjunctions, names)
        request = attrs.evolve(request, disclose=disclose)
    return ExtendedRequest(request)
