"""For requestors' keys in every form, both servers start or refuse alike, and read the same key."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from irma_core.errors import ConfigurationError
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, RequestorSettings, ServerSettings
from irma_transport import SystemClock
from tests.contract.inputs import VISIT, Caller, MemoryCaller, WireCaller, load
from tests.realserver.build import Tools
from tests.realserver.child_process import StartError
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool

KEYS = load("keys")
TAKEN = {f"r{number}": entry for number, entry in enumerate(KEYS) if entry["starts"]}
REFUSED = [entry for entry in KEYS if not entry["starts"]]


def _started(caller: Caller) -> dict[str, int]:
    """Start a session with each HMAC key, and return the HTTP status by the input's name."""
    return {
        entry["name"]: caller.call(
            "POST", f"{caller.url}/session", [["Content-Type", "text/plain"]], _jwt(name, entry)
        ).status
        for name, entry in TAKEN.items()
        if "secret" in entry
    }


def _jwt(name: str, entry: dict[str, Any]) -> bytes:
    claims = {
        "iss": name,
        "iat": int(time.time()) - 5,
        "sub": "verification_request",
        "sprequest": {"request": VISIT["request"]},
    }
    signing_input = b".".join(map(_part, ({"alg": "HS256"}, claims)))
    signature = hmac.digest(bytes.fromhex(entry["secret"]), signing_input, "sha256")
    return signing_input + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def _part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def _all_ok(statuses: Sequence[int]) -> bool:
    return len(statuses) > 20 and set(statuses) == {200}


def test_keys_are_decoded_as_by_the_official_server() -> None:
    """The in-memory server reads the same bytes from each HMAC key as the official server."""
    requestors = {
        name: RequestorSettings(entry["auth_method"], entry["key"]) for name, entry in TAKEN.items()
    }
    settings = ServerSettings(requestors=requestors)
    server = InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=SystemClock())
    statuses = _started(MemoryCaller(server))
    assert _all_ok(list(statuses.values())), statuses


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry["name"])
def test_a_key_that_the_official_server_refuses_is_refused(entry: dict[str, Any]) -> None:
    """The settings refuse every key with which the official server fails to start."""
    with pytest.raises(ConfigurationError) as caught:
        RequestorSettings(entry["auth_method"], entry["key"])
    assert len(entry["key"]) <= 1 or entry["key"] not in str(caught.value)


def test_the_official_server_starts_with_the_recorded_keys(
    start_official_server: ServerPool, tmp_path: Path
) -> None:
    """The official server accepts all keys that are recorded as valid, in settings and files."""
    requestors: dict[str, dict[str, object]] = {}
    for name, entry in TAKEN.items():
        requestors[name] = {"auth_method": entry["auth_method"], "key": entry["key"]}
        file = tmp_path / name
        file.write_bytes(entry["key"].encode())
        requestors[f"f-{name}"] = {"auth_method": entry["auth_method"], "key_file": str(file)}
    server = start_official_server(ServerOptions(requestors=requestors))
    statuses = _started(WireCaller(server.url))
    assert _all_ok(list(statuses.values())), statuses


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry["name"])
def test_the_official_server_refuses_the_invalid_keys(
    entry: dict[str, Any], yivi_tools: Tools, schemes: Path, tmp_path: Path
) -> None:
    """The official server does not start with a key that is recorded as invalid."""
    requestor = {"auth_method": entry["auth_method"], "key": entry["key"]}
    with pytest.raises(StartError):
        OfficialServer(
            yivi_tools,
            schemes,
            ServerOptions(requestors={"wrong": requestor}),
            log=tmp_path / "server.log",
        )
