"""Recorded requests that need no session get the recorded responses of the official server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irma_core.protocol.messages import HttpResponse
from irma_testing import (
    EXAMPLE_SCHEME,
    InMemoryServer,
    ManualClock,
    RequestorSettings,
    ServerSettings,
)
from tests.memory_server.calling import OVER18, Http, disclosure, json_in
from tests.memory_server.recordings import all_names, comparable, expected_head, recording

DETOUR = {
    "error-start-unknown-attribute",
    "error-start-unknown-credential",
    "error-start-issuance-missing-attribute",
}
"""For these, the official server calls the scheme's URL first, and reports that call's error."""

NOT_REPLAYED = {
    "error-start-unknown-attribute-scheme-silent": "a scheme in memory has no URL",
    "error-start-body-too-large": "its body was left out; see test_starting",
}

BEGINNINGS = ("start-", "error-start-", "error-auth-", "error-revocation-", "error-token-")
SINGLE = (
    "error-404-no-route",
    "error-405-method",
    "error-no-auth-but-authorization",
    "health",
    "next-session-start",
    "publickey",
    "static-session",
)
NAMES = [name for name in all_names() if name.startswith(BEGINNINGS) or name in SINGLE]
WITHOUT_KEY = {"error-start-callback-without-key"}
AUTHENTICATED = ("start-token", "start-hmac", "start-publickey", "start-host", "error-auth-")


def settings_for(name: str) -> ServerSettings:
    """Return the configuration of the recorded server."""
    if name.startswith(AUTHENTICATED) or name == "error-revocation-not-enabled":
        return ServerSettings(
            requestors={
                "tok": RequestorSettings("token", "secret-token"),
                "mac": RequestorSettings(
                    "hmac",
                    recording("start-hmac")["hmac_key_base64"],
                    host_perms=["127.0.0.1:8110", "localhost:*"],
                ),
                "pub": RequestorSettings(
                    "publickey",
                    recording("start-publickey")["requestor_public_key"],
                    revoke_perms=["*"],
                ),
            },
            disclose_perms=["example.town.age.*"],
            issue_perms=[],
        )
    agecb = {"callbackUrl": "https://example.com/cb", "request": disclosure([[OVER18]])}
    return ServerSettings(
        has_jwt_key=name not in WITHOUT_KEY,
        enable_sse=True,
        static_sessions={} if name in WITHOUT_KEY else {"agecb": agecb},
    )


def replay(name: str) -> tuple[HttpResponse, dict[str, Any]]:
    """Send a recorded request to a server whose clock shows the time of the recording."""
    case = recording(name)
    request = case["request"]
    prefix = "/api/v1" if request["path"].startswith("/api/v1/") else ""
    server = InMemoryServer(
        settings_for(name),
        url=f"http://127.0.0.1:8110{prefix}",
        scheme=EXAMPLE_SCHEME,
        clock=ManualClock(datetime.fromtimestamp(case["recorded"], UTC)),
    )
    body = None if request["body"] is None else request["body"].encode()
    headers = {key.replace("-", "_"): value for key, value in request["headers"].items()}
    path = request["path"].removeprefix(prefix)
    return Http(server.url, server.handle).call(request["method"], path, body, **headers), case


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_REPLAYED])
def test_responses_match_the_recordings(name: str) -> None:
    """The status, content type and JSON of each response are as recorded."""
    response, case = replay(name)
    assert (response.status, response.header("content-type")) == expected_head(case["response"])
    if name in DETOUR:
        expected = {**comparable(case["response"]["body"]), "message": "(another one)"}
        assert {**json_in(response), "message": "(another one)"} == expected
    elif name == "error-start-next-session-empty-url":
        first, both = case["response"]["body"].split("}{"), response.body.decode().split("}{")
        assert first[0] == both[0]
        assert comparable("{" + first[1]) == comparable("{" + both[1])
    else:
        assert comparable(response.body) == comparable(case["response"]["body"])
