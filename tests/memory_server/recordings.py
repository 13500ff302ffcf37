"""The recorded exchanges, and the form in which they are compared with new ones.

Values that differ from run to run, such as tokens, times and proofs, are masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.memory_server.calling import claims_in

FOLDER = Path(__file__).parent.parent / "vectors" / "recorded"
_TOKEN = re.compile(r"[0-9A-Za-z]{20}")
_BASE = re.compile(r"https?://[^/]+(/api/v1)?/irma/session/")
_TIMES = ("iat", "exp", "issuancetime", "Time")
_MADE = ("nonce", "pairingCode", "Data", "Alg", "ServerUrl", "PublicKey", "attr", "context")


def recording(name: str) -> dict[str, Any]:
    """Read a recording."""
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return value


def all_names() -> list[str]:
    """Return the name of every recording."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def comparable(body: bytes | str) -> Any:
    """Return a body in a form for comparison, without the values that differ between runs."""
    text = body.decode() if isinstance(body, bytes) else body
    if text.startswith("eyJ"):
        claims = claims_in(text)
        lifetime = claims["exp"] - claims["iat"]
        claims.pop("simulated", None)
        return {"lifetime": lifetime, **masked(claims)}
    if text.startswith("-----BEGIN PUBLIC KEY-----"):
        return "a public key"
    try:
        return masked(json.loads(text))
    except ValueError:
        return text


def masked(value: Any, key: str = "") -> Any:
    """Return a JSON value without the values that differ between runs."""
    if key == "signature" and isinstance(value, list):
        return f"{len(value)} proofs"
    if isinstance(value, dict):
        return {name: masked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, key) for inner in value]
    if key in _TIMES or key in _MADE:
        return f"<{key}>"
    if isinstance(value, str):
        return _TOKEN.sub("<token>", _BASE.sub("<base>/irma/session/", value))
    return value


def expected_head(recorded: Mapping[str, Any]) -> tuple[int, str]:
    """Return the status and the content type of a recorded response."""
    return recorded["status"], recorded["headers"].get("content-type", "")
