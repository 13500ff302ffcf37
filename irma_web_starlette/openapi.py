"""The OpenAPI description of the endpoints: the bodies of calls, and the replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from irma_core.web.web_refusals import REFUSALS, Step

__all__ = ["SUMMARIES", "request_body_of", "responses_of"]

SUMMARIES: Final[Mapping[Step, str]] = {
    Step.START: "Start a session for a question",
    Step.FINISH: "Finish a session",
    Step.STATUS: "Return the status of a session",
    Step.CANCEL: "Cancel a session",
}
_STRING: Final = {"type": "string"}
_OF_A_SESSION: Final = {
    "handle": {"type": "string", "description": "The handle from the reply to `start`."},
    "slot": {"type": "integer", "description": "The number in `#irma-NAME-NUMBER`."},
}
_BODIES: Final[Mapping[Step, Mapping[str, Any]]] = {
    Step.START: {"page": _STRING, "same_device": {"type": "boolean"}},
    Step.FINISH: {**_OF_A_SESSION, "next": _STRING},
    Step.STATUS: _OF_A_SESSION,
    Step.CANCEL: _OF_A_SESSION,
}
_STATUS: Final = {"status": _STRING}
_REPLIES: Final[Mapping[Step, Mapping[str, Any]]] = {
    Step.START: {
        "sessionPtr": {"type": "object"},
        "frontendRequest": {"type": "object"},
        "handle": _STRING,
        "timeout": {"type": "integer", "description": "Seconds."},
    },
    Step.FINISH: {"next": {"type": ["string", "null"]}},
    Step.STATUS: _STATUS,
    Step.CANCEL: _STATUS,
}
_ERROR: Final = {
    "error": {
        "type": "object",
        "required": ["code", "message", "again"],
        "properties": {
            "code": {"type": "string", "enum": sorted(REFUSALS)},
            "message": _STRING,
            "again": {"type": ["string", "null"], "enum": ["finish", "start", None]},
        },
    }
}


def request_body_of(step: Step) -> dict[str, Any]:
    """Return the description of a call's body."""
    return {"required": True, "content": _json(_BODIES[step], required=False)}


def responses_of(step: Step) -> dict[int | str, dict[str, Any]]:
    """Return the description of a call's replies."""
    error = {"description": "A code, and a sentence for the person", "content": _json(_ERROR)}
    success = {"description": "The call succeeded", "content": _json(_REPLIES[step])}
    return {200: success, "4XX": error, "5XX": error}


def _json(properties: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(properties)
    return {"application/json": {"schema": schema}}
