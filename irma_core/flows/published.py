"""What a status backend knows of a session that has ended, for its answer.

Belongs here: the signed result that was published, believed only after every check; and whether an
end was published at all. Does not belong here: waiting for statuses (`watch`).
"""

from __future__ import annotations

from datetime import timedelta

from irma_core.errors import ResultJwtError, StatusBackendError
from irma_core.flows.effects import Flow, NextStatus, PublishedResult
from irma_core.flows.server_key import verified_result_flow
from irma_core.flows.wiring import Wiring
from irma_core.models.results import SessionResult
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken

__all__ = ["is_published_final_flow", "published_result_flow"]


def published_result_flow(
    wiring: Wiring, token: RequestorToken, deadline: float
) -> Flow[SessionResult | None]:
    """Give the signed result that was published, verified; None where the server must be asked.

    That is so where none was published, the backend fails, or what it gives is refused, not final,
    or of another session.
    """
    if wiring.status_backend is None or not wiring.takes_signed_results:
        return None
    try:
        by = wiring.try_deadline(deadline)
        jwt = yield from PublishedResult(wiring.status_backend, token, by)
        if not isinstance(jwt, str):
            return None
        result = yield from verified_result_flow(wiring, jwt, may_fetch=False)
    except (StatusBackendError, ResultJwtError):
        return None
    return result if result.token == token and result.status.is_final else None


def is_published_final_flow(wiring: Wiring, token: RequestorToken, deadline: float) -> Flow[bool]:
    """Tell whether the status backend says that the session has ended."""
    if wiring.status_backend is None:
        return False
    try:
        by = wiring.try_deadline(deadline)
        told = yield from NextStatus(wiring.status_backend, token, None, timedelta(0), by)
    except StatusBackendError:
        return False
    return isinstance(told, SessionStatus) and told.is_final
