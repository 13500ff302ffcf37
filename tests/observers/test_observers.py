"""No observer of an application, such as an error tracker or a log, sees a secret of a session.

The observers are real, and are set up as users do. A process with one observer runs whole sessions
over HTTP, in both modes. The test then searches everything that the observer received.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from irma_backend.dev_server import running_server
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import SessionType
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer, unused_port
from irma_testing.misbehaviours import answer, hang_up, raw, redirect, response
from irma_transport import SystemClock
from tests.gateway.authorization_server import Client, running_token_server
from tests.gateway.reverse_proxy import running_gateway

ROOT = Path(__file__).parent.parent.parent
SECRETS = {
    "bearer": "bearer-token-of-the-shop-58",
    "api_key": "api-key-of-the-shop-77",
    "hmac_key": "the observed key! Wq5#zK8vT1mR4xB7",
    "gateway_secret": "gateway-secret-31",
    "gateway_token": "~of.the/gateway=",
    "proxy_word": "proxy-password-19",
    "value": "Ada-1815-12-10",
    "issued_value": "Grace-1906-12-09",
    "revocation_key": "revocation-key-23",
    "message": "I-owe-Babbage-5-guineas",
    "binding": "web-session-secret-41",
    "gone": "Gone0Gone1Gone2Gone3",
}


def quoting(peer: Peer) -> None:
    """Refuse a request, and quote it in every part of the response."""
    request = peer.read_request()
    quoted = f"{request.target} {request.headers.get('authorization')} {request.body!r}"
    code = request.target.upper().replace("/", "_")
    body = json.dumps({"status": 400, "error": code, "description": quoted, "message": quoted})
    line = quoted.replace("\r", " ").replace("\n", " ")
    headers = [("Content-Type", "application/json"), ("X-Quoted", line), ("Location", line)]
    peer.send(response(400, reason=line, headers=headers, body=body.encode()))


def nonsense(peer: Peer) -> None:
    """Quote the request in the malformed head of a response."""
    request = peer.read_request()
    peer.send(f"HTTP/1.1 200 {request.target}\r\n{request.target}\r\n\r\n".encode())
    peer.finish()


@contextmanager
def server_with(behaviour: Behaviour) -> Generator[str]:
    with MisbehavingServer(*[behaviour] * 60) as server:
        yield server.url


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    known = {
        "token-owner": RequestorSettings("token", SECRETS["bearer"]),
        "key-owner": RequestorSettings(
            "hmac", base64.b64encode(SECRETS["hmac_key"].encode()).decode()
        ),
    }
    server = InMemoryServer(ServerSettings(requestors=known, enable_sse=True), clock=SystemClock())
    open_server = InMemoryServer(clock=SystemClock())
    for each in (server, open_server):
        app = SimulatedApp(each)
        values = {"firstname": SECRETS["value"], "familyname": SECRETS["value"]}
        app.add("example.town.resident", values)
        each.when_started(accepting(app))
    with ExitStack() as running:
        url = running.enter_context(running_server(server))
        tokens = running.enter_context(
            running_token_server(Client("shop", SECRETS["gateway_secret"], "client_secret_basic"))
        )
        behind = running.enter_context(running_server(open_server))
        port = running.enter_context(unused_port())
        yield {
            **SECRETS,
            "server_url": url,
            "token_url": tokens.token_url,
            "gateway_url": running.enter_context(running_gateway(behind, tokens)).url,
            "proxy_url": running.enter_context(server_with(answer(407, body=b"no"))),
            "bad_closed_url": f"http://127.0.0.1:{port}",
            "bad_rude_url": running.enter_context(server_with(hang_up)),
            "bad_quoting_url": running.enter_context(server_with(quoting)),
            "bad_nonsense_url": running.enter_context(server_with(nonsense)),
            "bad_raw_url": running.enter_context(
                server_with(raw(b"\x00garbage\r\n\r\n", close=True))
            ),
            "bad_redirecting_url": running.enter_context(
                server_with(redirect(f"https://elsewhere.example/session/{SECRETS['gone']}"))
            ),
        }


def accepting(app: SimulatedApp) -> Any:
    def accept(pointer: SessionPointer) -> None:
        if pointer.type is SessionType.DISCLOSING:
            app.accept(pointer)

    return accept


def spellings(secret: str) -> set[str]:
    """Return a secret in every encoding in which an observer may write it."""
    raw_bytes = secret.encode()
    # In `Basic` credentials the user precedes the password, which shifts its base64.
    shifted = {base64.b64encode(bytes(shift) + raw_bytes).decode()[4:-4] for shift in range(1, 3)}
    return shifted | {
        secret,
        quote(secret, safe=""),
        base64.b64encode(raw_bytes).decode().rstrip("="),
        base64.urlsafe_b64encode(raw_bytes).decode().rstrip("="),
        raw_bytes.hex(),
        json.dumps(secret)[1:-1],
    }


@pytest.mark.parametrize("mode", ["threads", "async"])
@pytest.mark.parametrize("observer", ["sentry", "telemetry", "logs", "debug output", "hooks"])
def test_no_observer_sees_a_secret(observer: str, mode: str, settings: dict[str, str]) -> None:
    """No observer sees a secret of the requestor, a secret of a session, or an attribute."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.observers", observer, mode],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["errors"] > 20  # fails if too few sessions were played
    assert found["seen"]
    if mode == "threads" or observer == "hooks":  # our transport removes aiohttp's traces
        assert any("{token}" in text or "%7Btoken%7D" in text for text in found["seen"])
    texts = [text.lower() for text in (*found["seen"], done.stderr)]
    leaks = {
        (name, text[max(0, text.find(each) - 200) : text.find(each) + 200])
        for name, secret in found["secrets"].items()
        for each in {spelt.lower() for spelt in spellings(secret)}
        for text in texts
        if each in text
    }
    assert not leaks
