"""What the app, the browser and an onlooker are shown of a session.

Source: irmago `getClientRequest` and `getRequest` in `irmaserver/helpers.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import attrs

from irma_core.models.arguments import check_instance
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionStatus
from irma_testing.memory.sessions import Session
from irma_testing.memory.start_request import CredentialAsked

__all__ = ["OpenSession", "shown_options", "shown_request"]


@final
@attrs.frozen
class OpenSession:
    """A session that waits for an app or a person; without what only its requestor may know.

    Args:
        pointer: What the QR holds.
        status: How far it is.
    """

    pointer: SessionPointer
    status: SessionStatus

    def __attrs_post_init__(self) -> None:
        check_instance(self.pointer, SessionPointer, "pointer", "a SessionPointer")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")


def shown_options(session: Session) -> dict[str, str]:
    """Give the options, with the pairing code if there is one."""
    said = {"@context": "https://irma.app/ld/options/v1", "pairingMethod": "none"}
    if session.pairing_code:
        said |= {"pairingMethod": "pin", "pairingCode": session.pairing_code}
    return said


def shown_request(session: Session) -> dict[str, Any]:
    """Give the session request, with what the server adds; never a revocation key."""
    request = session.request
    added: dict[str, Any] = {
        "@context": request.context,
        "context": "AQ==",
        "nonce": session.nonce,
        "protocolVersion": "2.8",
    }
    shown: dict[str, Any] = {**added, **request.shown, **added}
    if request.augment_return_url:
        mark = "&" if "?" in request.client_return_url else "?"
        shown["clientReturnUrl"] = f"{request.client_return_url}{mark}token={session.token}"
    if request.kind == "issuing":
        shown["credentials"] = [
            _shown_credential(written, asked)
            for written, asked in zip(shown["credentials"], request.credentials, strict=True)
        ]
    return shown


def _shown_credential(written: Mapping[str, Any], asked: CredentialAsked) -> dict[str, Any]:
    # The validity comes first, whether the requestor gave it or the server.
    shown: dict[str, Any] = {"validity": asked.validity}
    hidden = ("validity", "revocationKey", "revocationSupported", "randomblindIDs")
    shown |= {name: value for name, value in written.items() if name not in hidden}
    return {**shown, "revocationSupported": True} if asked.revocation_key else shown
