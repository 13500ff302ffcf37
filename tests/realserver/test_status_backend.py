"""A result travels by callback and through Redis to another process, which waits for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from irma_core import (
    Binding,
    CallbackReceiver,
    DisclosureRequest,
    Handles,
    Requestor,
    new_sealing_key,
)
from irma_core.trust.sealing import Sealer
from irma_redis import RedisStatusBackend, RedisStore
from irma_transport_urllib3 import Urllib3Transport
from tests.processes import Process
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Succeeded
from tests.redis.redis_server import RedisServer, running_redis

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def receiving(page: ThreadingHTTPServer) -> Generator[None]:
    serving = threading.Thread(target=page.serve_forever)
    serving.start()
    try:
        yield
    finally:
        page.shutdown()
        serving.join()
        page.server_close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running


def test_a_waiting_process_learns_of_anothers_callback(
    official_server: OfficialServer, wallet: Wallet, redis: RedisServer
) -> None:
    """A process that waits polls the server once, and takes the answer from the published JWT."""
    _follow(official_server, wallet, redis)


def test_a_watch_works_if_the_server_uses_redis_too(
    start_official_server: ServerPool, wallet: Wallet, redis: RedisServer
) -> None:
    """A watch works although a server that keeps its sessions in Redis sends no events."""
    server = start_official_server(
        ServerOptions(
            sse=False,
            extra_flags=(
                "--store-type=redis",
                f"--redis-addr=127.0.0.1:{redis.port}",
                "--redis-no-tls",
                "--redis-allow-empty-password",
            ),
        )
    )
    _follow(server, wallet, redis)


def _follow(official_server: OfficialServer, wallet: Wallet, redis: RedisServer) -> None:
    delivered: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            reply = receiver.receive("POST", self.path, self.headers.items(), body)
            self.send_response(reply.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's
            """Log nothing."""

    page, key = ThreadingHTTPServer(("127.0.0.1", 0), Page), new_sealing_key()
    with (
        closing(RedisStatusBackend(redis.uri)) as backend,
        closing(RedisStore(redis.uri)) as store,
        Urllib3Transport() as transport,
        receiving(page),
    ):
        requestor = Requestor(
            official_server.url,
            transport,
            server_key=official_server.jwt_public_key_pem,
            status_backend=backend,
        )
        receiver = CallbackReceiver(
            requestor,
            f"http://127.0.0.1:{page.server_port}/irma",
            sealer=Sealer([key]),
            store=store,
            deliver=lambda end: delivered.append(end.status.value),
        )
        asked = DisclosureRequest({"over": "example.town.age.over18"})
        session = requestor.start_session(receiver.with_callback(asked))
        handles = Handles(requestor, [key], store=store, purpose="test")
        handle = handles.seal(session, binding=Binding.NONE)
        server_key = official_server.jwt_public_key_pem
        arguments = (official_server.url, redis.uri, key, server_key, handle)
        with Process[str](
            [sys.executable, "-m", "tests.realserver.watching_process", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "\n"  # the process waits
            assert isinstance(wallet.accept(session.pointer.json_text()), Succeeded)
            came = json.loads(process.stdout.read())
    assert delivered == ["DONE"]
    assert came == {
        "seen": ["INITIALIZED", "DONE"],
        "value": "yes",
        "evidence": "signed",
        "asked": ["GET session/{token}/status"],
    }
