"""Clients by other authors, the development server, and an app that answers."""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import attrs
import pytest

from irma_backend.dev_server import running_server
from irma_core.models.pointers import SessionPointer
from irma_testing import (
    EXAMPLE_SCHEME,
    InMemoryServer,
    RequestorSettings,
    ServerSettings,
    SimulatedApp,
)
from irma_transport import SystemClock
from tests.memory_server.calling import AGE, RESIDENT
from tests.realserver.build import cache_folder, cached, digest_of, run
from tests.realserver.conftest import run_folder, schemes, timestamp_server, yivi_tools

__all__ = ["run_folder", "schemes", "timestamp_server", "yivi_tools"]

NPM = Path(__file__).parent / "npm"
LONGEST = 300
EVENTS = ServerSettings(enable_sse=True)
Act: TypeAlias = Callable[[SessionPointer], object]


def known(requestors: Mapping[str, RequestorSettings]) -> ServerSettings:
    """Return the settings of a server that knows these requestors."""
    return attrs.evolve(EVENTS, requestors=requestors)


class _Requests(logging.Handler):
    """A log handler that collects the development server's log lines."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.put(record.getMessage())


@attrs.frozen
class Stage:
    """A development server, and Ada's app, which has an age and an address."""

    url: str
    server: InMemoryServer
    app: SimulatedApp
    _requests: _Requests

    def act_after(self, *asked: str, act: Act) -> threading.Thread:
        """Act on the open session as soon as a client has made these requests, in this order."""

        def wait_and_act() -> None:
            for wanted in asked:
                while not self._requests.seen.get(timeout=LONGEST).startswith(wanted):
                    pass
            act(self.server.open_sessions()[-1].pointer)

        thread = threading.Thread(target=wait_and_act)
        thread.start()
        return thread


StartStage: TypeAlias = Callable[..., Stage]


@pytest.fixture
def start_stage() -> Iterator[StartStage]:
    """Return a function that starts a development server with these settings."""
    logger = logging.getLogger("irma_backend.dev_server")
    level = logger.level
    with ExitStack() as running:
        requests = _Requests()
        logger.addHandler(requests)
        logger.setLevel(logging.DEBUG)
        running.callback(logger.removeHandler, requests)
        running.callback(logger.setLevel, level)

        def start(settings: ServerSettings = EVENTS) -> Stage:
            server = InMemoryServer(
                settings,
                scheme=EXAMPLE_SCHEME,
                clock=SystemClock(),
            )
            app = SimulatedApp(server)
            for credential in (AGE, RESIDENT):
                app.add(credential["credential"], credential["attributes"])  # type: ignore[arg-type]
            url = running.enter_context(running_server(server))
            return Stage(url, server, app, requests)

        yield start


def _missing(what: str) -> NoReturn:
    why = f"the tests with foreign clients need {what}: no such command was found"
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@attrs.frozen
class Played:
    """A client's reports about one session, by event."""

    events: tuple[tuple[str, Any], ...]

    def one(self, event: str) -> Any:
        """Return the value of an event that occurred once."""
        (value,) = self.all(event)
        return value

    def all(self, event: str) -> list[Any]:
        """Return the values of an event."""
        return [value for name, value in self.events if name == event]


NodeClient: TypeAlias = Callable[[Mapping[str, Any]], Played]


@pytest.fixture(scope="session")
def node_client() -> NodeClient:
    """Return a function that runs the official package for Node.js, by `npm/session.js`."""
    node = shutil.which("node") or _missing("node")

    def fetch(folder: Path) -> None:
        npm = shutil.which("npm") or _missing("npm")
        shutil.copytree(NPM, folder, dirs_exist_ok=True)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    folder = cached(cache_folder(), f"irma-backend-npm-{digest_of(NPM)}", fetch)

    def play(asked: Mapping[str, Any]) -> Played:
        done = subprocess.run(
            [node, "session.js"],
            input=json.dumps(asked),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines, done.stderr
        return Played(tuple((line["event"], line.get("value")) for line in lines))

    return play
