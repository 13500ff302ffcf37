"""What the app, the browser and an onlooker are shown of a session.

Source: irmago `getClientRequest` and `getRequest` in `irmaserver/helpers.go`.
"""

from __future__ import annotations

from typing import Any, final

import attrs

from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionStatus
from irma_testing.memory.sessions import Session

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


def shown_options(session: Session) -> dict[str, str]:
    """Give the options, with the pairing code if there is one."""
    said = {"@context": "https://irma.app/ld/options/v1", "pairingMethod": "none"}
    if session.pairing_code:
        said |= {"pairingMethod": "pin", "pairingCode": session.pairing_code}
    return said


def shown_request(session: Session) -> dict[str, Any]:
    """Give the session request, with what the server adds; never a revocation key."""
    request = session.request
    shown: dict[str, Any] = {
        **request.shown,
        "context": "AQ==",
        "nonce": session.nonce,
        "protocolVersion": "2.8",
        "devMode": True,
    }
    if request.augment_return_url:
        mark = "&" if "?" in request.client_return_url else "?"
        shown["clientReturnUrl"] = f"{request.client_return_url}{mark}token={session.token}"
    if request.kind == "issuing":
        shown["credentials"] = [
            {
                "validity": asked.validity,
                "credential": asked.type,
                "attributes": dict(asked.attributes),
                **({"revocationSupported": True} if asked.revocation_key else {}),
            }
            for asked in request.credentials
        ]
    return shown
