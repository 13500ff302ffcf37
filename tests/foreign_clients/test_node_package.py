"""Whole sessions of the official package for Node.js with the development server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from irma_core import DisclosureRequest, HmacSigner, sign_session_request
from irma_core.models.pointers import SessionPointer
from irma_testing import RequestorSettings, ServerSettings
from tests.foreign_clients.conftest import NodeClient, Played, Stage, StartStage, known
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    OVER18,
    claims_in,
    disclosure,
    issuance,
    signature,
)

WATCHES = "GET /session/{token}/statusevents: 200"
POLLS = "GET /session/{token}/status: 200"
ADULT = disclosure([[OVER18]])
TOKEN = "a-token-of-the-tests"


def _play(stage: Stage, client: NodeClient, request: Any, **asked: Any) -> Played:
    """Let the app accept as soon as the client watches, and return the client's reports."""
    person = stage.act_after(WATCHES, act=stage.app.accept)
    played = client({"url": stage.url, "request": request, **asked})
    person.join()
    assert not played.all("error"), played
    return played


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (ADULT, "disclosing"),
        (signature("I agree", [[OVER18]]), "signing"),
        (issuance(AGE), "issuing"),
        ({"request": ADULT, "validity": 60, "timeout": 60}, "disclosing"),
        (
            {"type": "disclosing", "content": [{"label": "Age", "attributes": [OVER18]}]},
            "disclosing",
        ),
    ],
    ids=["disclosure", "signature", "issuance", "extended", "old"],
)
def test_a_session_of_each_kind(
    start_stage: StartStage, node_client: NodeClient, request_: dict[str, Any], kind: str
) -> None:
    """The Node.js package receives each status, the result and the signed result."""
    played = _play(start_stage(), node_client, request_)
    package, result = played.one("package"), played.one("result")
    assert package["sessionPtr"]["irmaqr"] == kind
    assert played.all("status") == ["INITIALIZED", "CONNECTED", "DONE"]
    assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
    claims = claims_in(played.one("jwt"))
    assert (claims["sub"], claims["token"]) == (f"{kind}_result", package["token"])
    assert played.one("key").startswith("-----BEGIN PUBLIC KEY-----")


def test_a_requestor_with_a_token(start_stage: StartStage, node_client: NodeClient) -> None:
    """The Node.js package runs a session with a token, and reports that a wrong one is refused."""
    stage = start_stage(known({"shop": RequestorSettings("token", TOKEN)}))
    played = _play(stage, node_client, ADULT, options={"serverToken": TOKEN})
    assert played.one("result")["proofStatus"] == "VALID"
    refused = node_client({"url": stage.url, "request": ADULT, "options": {"serverToken": "x"}})
    assert "Status: 403" in refused.one("error")


def test_a_signed_request(start_stage: StartStage, node_client: NodeClient) -> None:
    """The Node.js package can start a session from a signed session request."""
    key = base64.b64encode(bytes(range(200, 237))).decode()
    stage = start_stage(known({"shop": RequestorSettings("hmac", key)}))
    jwt = sign_session_request(
        DisclosureRequest({"age": OVER18}),
        name="shop",
        signer=HmacSigner.from_base64(key),
        now=datetime.now(UTC),
    )
    assert _play(stage, node_client, jwt).one("result")["proofStatus"] == "VALID"


def test_a_refusal_and_a_cancellation(start_stage: StartStage, node_client: NodeClient) -> None:
    """A session that the app refuses, or that the package cancels, is `CANCELLED`."""
    stage = start_stage()
    person = stage.act_after(WATCHES, act=stage.app.refuse)
    refused = node_client({"url": stage.url, "request": ADULT})
    person.join()
    assert refused.all("status")[-1] == "CANCELLED"
    cancelled = node_client({"url": stage.url, "request": ADULT, "cancel": True})
    assert cancelled.one("result")["status"] == "CANCELLED"
    assert "proofStatus" not in cancelled.one("result")


def test_polling_without_events(start_stage: StartStage, node_client: NodeClient) -> None:
    """If the server sends no events, the Node.js package polls the status."""
    stage = start_stage(ServerSettings())

    def accept_when_seen(pointer: SessionPointer) -> None:
        session = stage.app.scan(pointer)
        stage.act_after(POLLS, POLLS, act=lambda _pointer: session.accept()).join()

    person = stage.act_after(POLLS, POLLS, act=accept_when_seen)
    played = node_client({"url": stage.url, "request": ADULT})
    person.join()
    assert played.all("status")[-2:] == ["CONNECTED", "DONE"]


@contextmanager
def _receiving(reply: object = None) -> Generator[tuple[str, list[tuple[str, str]]]]:
    """Receive posts on loopback; yield the URL, and the received content types and bodies."""
    posts: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            posts.append((self.headers["content-type"], body))
            said = b"" if reply is None else json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{receiver.server_port}/posts", posts
        finally:
            receiver.shutdown()
            thread.join()


def test_a_callback_is_posted_as_the_result_jwt(
    start_stage: StartStage, node_client: NodeClient
) -> None:
    """The callback URL receives a JWT with the result that the package gets."""
    with _receiving() as (url, posts):
        played = _play(start_stage(), node_client, {"request": ADULT, "callbackUrl": url})
    ((content_type, body),) = posts
    assert content_type == "text/plain; charset=UTF-8"
    assert claims_in(body)["disclosed"] == played.one("result")["disclosed"]


def test_a_chain_leads_to_the_next_session(
    start_stage: StartStage, node_client: NodeClient
) -> None:
    """In a chain, the result that the package gets has the token of the next session."""
    stage = start_stage()
    with _receiving(disclosure([[EMAIL]])) as (url, posts):
        asked = {"request": ADULT, "nextSession": {"url": url}}
        played = _play(stage, node_client, asked)
    assert claims_in(posts[0][1])["status"] == "CONNECTED"
    assert len(played.one("result")["nextSession"]) == 20
