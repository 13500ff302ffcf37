"""Functions that run a check at a server in memory, with or without a proxy in front of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from irma_backend.doctor.checkup import CHECKS, examine
from irma_backend.doctor.diagnoses import Diagnosis
from irma_backend.doctor.examination import Examination, Requests
from irma_backend.parts import open_parts
from irma_backend.settings import settings_with
from irma_core import AttributeRequest, DisclosureRequest
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import ReadOutcome, Transport
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport

TOKEN = "api-token-81"
EMAIL = "pbdf.sidn-pbdf.email.email"
ASKED: Requests = {"login": DisclosureRequest([AttributeRequest(EMAIL)])}
SHOP = {"shop": RequestorSettings("token", TOKEN)}
KNOWN = ServerSettings(requestors=SHOP, enable_sse=True)
Diagnose = Callable[..., Diagnosis]
Change = Callable[[HttpRequest, HttpResponse], HttpResponse]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings from the environment, except the token."""
    for name in [name for name in os.environ if name.startswith("IRMA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IRMA_TOKEN", TOKEN)


def diagnosing(
    name: str,
    url: str,
    transport: Transport,
    *,
    requests: Requests = ASKED,
    static: Path | None = None,
    promptness: timedelta = timedelta(seconds=30),
    plugins: Sequence[ModuleType] = (),
    **settings: Any,
) -> Diagnosis:
    """Return the diagnosis of one check; `__` in the name of a setting means a dot."""
    given = {key.replace("__", "."): ("a test", value) for key, value in settings.items()}
    read = settings_with({"server.url": ("a test", url), **given})
    (check,) = (each for each in CHECKS if each.name == name)
    with open_parts(settings=read, transport=transport, plugins=plugins) as parts:
        examination = Examination(
            read, parts, transport, requests, static=static, promptness=promptness
        )
        return next(examine(examination, [check]))


@pytest.fixture
def diagnose() -> Diagnose:
    """Return a function that runs one check at a server in memory, without a socket."""

    def run(name: str, server: InMemoryServer | None = None, **options: Any) -> Diagnosis:
        at = server or InMemoryServer(KNOWN)
        return diagnosing(name, options.pop("url", at.url), at.transport(), **options)

    return run


@pytest.fixture
def diagnose_by_network() -> Iterator[Diagnose]:
    """Return a function that runs one check at a URL, over real connections."""
    with Urllib3Transport() as transport:

        def run(name: str, url: str, **options: Any) -> Diagnosis:
            return diagnosing(name, url, transport, **options)

        yield run


def problems(diagnosis: Diagnosis) -> list[str]:
    """Return the identifiers of a diagnosis's problems."""
    return [problem.id for problem in diagnosis.problems]


def _as_it_is(_request: HttpRequest, response: HttpResponse) -> HttpResponse:
    return response


@contextmanager
def behind_a_proxy(
    settings: ServerSettings = KNOWN,
    *,
    change: Change = _as_it_is,
    let_through: int | None = None,
    cuts: bool = False,
) -> Generator[str]:
    """Yield the URL of a proxy in front of a server in memory.

    Args:
        settings: The configuration of the server.
        change: Changes each response, except event streams.
        let_through: How many pieces of an event stream pass before the proxy holds the rest back,
            counting the head as one. None lets all pieces pass.
        cuts: Whether the proxy closes the connection instead of holding the rest back.
    """
    server = InMemoryServer(settings, clock=SystemClock())
    with MisbehavingServer(_forward(server, change, let_through, cuts=cuts)) as proxy:
        server.url = proxy.url
        yield proxy.url


def _forward(
    server: InMemoryServer, change: Change, let_through: int | None, *, cuts: bool
) -> Behaviour:
    def behave(peer: Peer) -> None:
        received = peer.read_request()
        request = HttpRequest(
            received.method,
            f"http://{received.headers['host']}{received.target}",
            label="forwarded",
            headers=tuple(received.headers.items()),
            body=received.body or None,
        )
        if urlsplit(received.target).path.endswith("/statusevents"):
            _stream(server, request, peer, let_through)
            if let_through is not None and not cuts:
                peer.wait(timedelta(minutes=1))
            peer.finish()
            return
        response = change(request, server.handle(request))
        head = [*response.headers, ("content-length", str(len(response.body)))]
        peer.send(_head(response.status, head) + response.body)

    return behave


def _stream(
    server: InMemoryServer, request: HttpRequest, peer: Peer, let_through: int | None
) -> None:
    transport = server.transport()
    stream = transport.open_stream(request, transport.clock.monotonic() + 60)
    piece: bytes | ReadOutcome = _head(stream.status, [*stream.headers, ("connection", "close")])
    sent = 0
    while piece is not ReadOutcome.END and sent != let_through and not peer.stopped.is_set():
        if isinstance(piece, bytes):
            peer.send(piece)
            sent += 1
        piece = stream.read(transport.clock.monotonic() + 0.05)


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode()
