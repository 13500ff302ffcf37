"""The errors of the official server: name, HTTP status, description.

Belongs here: the table, and the exception that carries an entry of it to the response. Does not
belong here: when each is due. Source: irmago `irma/server/errors.go`.
"""

from __future__ import annotations

from typing import final

import attrs

__all__ = [
    "ATTRIBUTES_EXPIRED",
    "EXCEPTION",
    "INTERNAL_ERROR",
    "INVALID_PROOFS",
    "INVALID_REQUEST",
    "MALFORMED_INPUT",
    "NEXT_SESSION",
    "PAIRING_REQUIRED",
    "PROTOCOL_VERSION",
    "REVOCATION",
    "SESSION_UNKNOWN",
    "SSE_DISABLED",
    "UNAUTHORIZED",
    "UNAUTHORIZED_IN_SESSION",
    "UNEXPECTED_REQUEST",
    "UNKNOWN_REVOCATION_KEY",
    "UNSUPPORTED",
    "Refusal",
    "ServerCrash",
    "ServerError",
]


@final
@attrs.frozen
class ServerError:
    """One kind of error."""

    name: str
    status: int
    description: str


ATTRIBUTES_EXPIRED = ServerError("ATTRIBUTES_EXPIRED", 400, "Disclosed attributes were expired")
EXCEPTION = ServerError("EXCEPTION", 500, "Encountered unexpected problem")
INTERNAL_ERROR = ServerError("INTERNAL_ERROR", 500, "Internal server error")
INVALID_PROOFS = ServerError(
    "INVALID_PROOFS", 400, "Invalid secret key commitments and/or disclosure proofs"
)
INVALID_REQUEST = ServerError("INVALID_REQUEST", 400, "Invalid HTTP request")
MALFORMED_INPUT = ServerError("MALFORMED_INPUT", 400, "Input could not be parsed")
NEXT_SESSION = ServerError("NEXT_SESSION", 500, "Error starting next session")
PAIRING_REQUIRED = ServerError("PAIRING_REQUIRED", 403, "Pairing is required first")
PROTOCOL_VERSION = ServerError("PROTOCOL_VERSION", 400, "Protocol version negotiation failed")
REVOCATION = ServerError("REVOCATION", 500, "Revocation error")
SESSION_UNKNOWN = ServerError("SESSION_UNKNOWN", 400, "Unknown or expired session")
SSE_DISABLED = ServerError("SSE_DISABLED", 500, "Server sent events disabled")
UNAUTHORIZED = ServerError(
    "UNAUTHORIZED", 403, "You are not authorized to issue or verify this attribute"
)
UNAUTHORIZED_IN_SESSION = ServerError(
    "UNAUTHORIZED", 403, "You are not authorized to access the session"
)
UNEXPECTED_REQUEST = ServerError("UNEXPECTED_REQUEST", 403, "Unexpected request in this state")
UNKNOWN_REVOCATION_KEY = ServerError(
    "UNKNOWN_REVOCATION_KEY", 404, "No issuance records correspond to the given revocationKey"
)
UNSUPPORTED = ServerError("UNSUPPORTED", 501, "Unsupported by this server")


class Refusal(Exception):  # noqa: N818  # it is an answer, and no fault of the server
    """The server says no; `message` is its word on this case."""

    def __init__(self, error: ServerError, message: str = "") -> None:
        super().__init__(f"{error.name} {message}".strip())
        self.error = error
        self.message = message

    def as_json(self) -> dict[str, object]:
        """Give irmago's `RemoteError`."""
        said: dict[str, object] = {
            "status": self.error.status,
            "error": self.error.name,
            "description": self.error.description,
        }
        if self.message:
            said["message"] = self.message
        return said


class ServerCrash(Exception):  # noqa: N818  # what Go calls a panic
    """The official server falls over here: 500 `INTERNAL_ERROR`, and nothing is stored."""
