"""Functions that read the official server's exchanges, recorded in `tests/vectors/recorded`."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

from irma_core.json_text import read_json
from irma_core.models.results import SessionResult
from irma_core.wire.read_results import read_session_result

RECORDED = Path(__file__).parent.parent / "vectors" / "recorded"
CLAIMS = ("sprequest", "absrequest", "iprequest", "revrequest")
"""The names under which a session request JWT holds its request."""


@cache
def recording(name: str) -> Any:
    """Return one recorded case."""
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


def names(*patterns: str) -> list[str]:
    """Return the names of all cases that match one of the patterns."""
    return sorted(path.stem for pattern in patterns for path in RECORDED.glob(f"{pattern}.json"))


def claims(jwt: str) -> Any:
    """Return the claims of a JWT, without checking its signature."""
    return json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))


def json_of(body: str) -> Any:
    """Return the JSON value of a body, or of the JWT in it."""
    return json.loads(body) if body[0] in '{["' else claims(body)


def requested_json(body: str) -> Any:
    """Return the JSON value of the request in a body, or in the JWT in it."""
    value = json_of(body)
    return next((value[claim] for claim in CLAIMS if claim in value), value)


def result_of(name: str, party: str = "response") -> SessionResult:
    """Read the session result that the server sent, in a response or in a post."""
    text = json.dumps(json_of(recording(name)[party]["body"]), ensure_ascii=False)
    return read_session_result(read_json(text))
