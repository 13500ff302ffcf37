"""The login in the how-to on handles runs unchanged."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest

from irma_backend import SqliteStore
from irma_backend.dev_server import running_server
from irma_core import Handles, Requestor, Sealer, StartedSession, new_sealing_key
from irma_core.errors import ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import ByteStream, Transport
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.docs.pages import ROOT, check_style, code_of, files_of, runs, write_files
from tests.memory_stores import memory_store

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

PAGE = "docs/how-to/give-the-browser-a-handle.md"
BLOCKS = files_of(PAGE)
KEY = new_sealing_key()


def load(name: str, directory: Path) -> Any:
    """Import a code block as a module."""
    path = directory / f"{name}.py"
    path.write_text(BLOCKS[path.name], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Browser:
    """A browser that keeps its cookie and everything that it receives."""

    def __init__(self, application: Any) -> None:
        self._application = validator(application)
        self.cookie = ""
        self.other_cookies = ""
        self.seen = ""

    def post(self, path: str, body: str = "", **environment: str) -> tuple[str, Any]:
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "443",
            "HTTP_COOKIE": f"{self.other_cookies}{self.cookie}",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.input": io.BytesIO(body.encode()),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "https",
            **environment,
        }
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            started.extend((status, dict(headers)))

        pieces = self._application(environ, start)
        text = b"".join(pieces).decode()
        getattr(pieces, "close")()  # noqa: B009  # WSGI's, which its type does not have
        status, headers = started
        self.cookie = headers.get("Set-Cookie", self.cookie).partition(";")[0]
        self.seen += f"{status} {headers} {text}"
        return status, json.loads(text)

    def begin(self) -> dict[str, Any]:
        status, started = self.post("/login/session")
        assert status == "200 OK"
        given: dict[str, Any] = started
        return given

    def finish(self, handle: str) -> tuple[str, str]:
        status, said = self.post("/login/answer", handle)
        return status, said["words"]


@pytest.fixture
def login(tmp_path: Path, irma_requestor: Requestor, irma_server: InMemoryServer) -> Any:
    store = memory_store(irma_server.clock)
    handles = Handles(irma_requestor, [KEY], store=store, purpose="login")
    return load("login", tmp_path).Login(irma_requestor, handles)


@pytest.fixture
def browser(login: Any, irma_app: SimulatedApp) -> Browser:
    irma_app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    return Browser(login)


WELCOME = ("200 OK", "Welcome, ada@example.com.")
REFUSED = ("403 Forbidden", "You are not logged in.")
AWAY = ("503 Service Unavailable", "Please try again in a minute.")


def opened(browser: Browser, login: Any, handle: str) -> StartedSession:
    """Unseal a handle as the backend does."""
    session: StartedSession = login._handles.unseal(
        handle, binding=browser.cookie.partition("=")[2]
    )
    return session


def test_handle_logs_in_once(browser: Browser, login: Any, irma_app: SimulatedApp) -> None:
    """A handle logs its visitor in once, and the login replaces the visitor's cookie."""
    started = browser.begin()
    before = browser.cookie
    irma_app.accept(started["sessionPtr"])
    assert browser.finish(started["token"]) == WELCOME
    assert browser.cookie != before
    assert login.members == {browser.cookie.partition("=")[2]: "ada@example.com"}
    browser.cookie = before
    assert browser.finish(started["token"]) == REFUSED


def test_the_page_gets_what_the_browser_package_expects(browser: Browser) -> None:
    """The page gets the pointer, the frontend request, and the handle in the token's place."""
    started = browser.begin()
    assert set(started) == {"sessionPtr", "token", "frontendRequest"}
    assert set(started["sessionPtr"]) == {"u", "irmaqr"}
    assert {"authorization", "minProtocolVersion"} < set(started["frontendRequest"])


def test_the_requestor_token_never_reaches_the_browser(
    browser: Browser, login: Any, irma_app: SimulatedApp
) -> None:
    """No body and no header of any reply contains the requestor token."""
    started = browser.begin()
    token = opened(browser, login, started["token"]).token.reveal()
    irma_app.accept(started["sessionPtr"])
    browser.finish(started["token"])
    browser.finish(started["token"])
    assert "Welcome" in browser.seen
    assert token not in browser.seen


def test_a_handle_is_useless_to_another_visitor(
    browser: Browser, login: Any, irma_app: SimulatedApp
) -> None:
    """A handle with no cookie or another visitor's is refused, and its owner can still use it."""
    started = browser.begin()
    irma_app.accept(started["sessionPtr"])
    thief = Browser(login)
    assert thief.finish(started["token"]) == REFUSED
    thief.begin()
    assert thief.finish(started["token"]) == REFUSED
    assert browser.finish(started["token"]) == WELCOME


def test_done_alone_logs_nobody_in(browser: Browser, irma_app: SimulatedApp) -> None:
    """A refusal, an early handle and an empty handle log nobody in."""
    started = browser.begin()
    assert browser.finish(started["token"]) == REFUSED
    irma_app.refuse(started["sessionPtr"])
    assert browser.finish(started["token"]) == REFUSED
    assert browser.finish("") == REFUSED


@pytest.mark.parametrize(
    "other", ['consent={"ads":false}; ', "a@b=1; ", "=; ", ";;", "x; ", "__Host-visits=1; "]
)
def test_other_cookies_do_no_harm(browser: Browser, irma_app: SimulatedApp, other: str) -> None:
    """A visitor can log in whatever other cookies the Cookie header contains."""
    browser.other_cookies = other
    started = browser.begin()
    irma_app.accept(started["sessionPtr"])
    assert browser.finish(started["token"]) == WELCOME


def test_an_app_without_an_address_logs_nobody_in(
    login: Any, irma_app: SimulatedApp, irma_server: InMemoryServer
) -> None:
    """A credential whose e-mail address is null logs nobody in."""
    irma_app.add("pbdf.sidn-pbdf.email", {"email": None})
    visitor = Browser(login)
    started = visitor.begin()
    session = irma_app.scan(started["sessionPtr"])
    session.cheat(values={"pbdf.sidn-pbdf.email.email": None})
    assert visitor.finish(started["token"]) == REFUSED
    assert login.members == {}


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "16385", "9" * 5000, "\u0663", " 5", "+5"])
def test_an_impossible_length_is_refused(tmp_path: Path, length: str) -> None:
    """A body whose Content-Length is impossible for a handle is not read."""
    read_body = load("login", tmp_path).read_body
    assert read_body({"CONTENT_LENGTH": length, "wsgi.input": None}) == ""
    assert read_body({"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b"more")}) == ""
    assert read_body({"CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"more")}) == "mo"


class AwayTransport:
    """A transport that cannot reach its server."""

    def __init__(self, transport: Transport) -> None:
        self.clock, self.jitter, self.sleep = transport.clock, transport.jitter, transport.sleep

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        raise ConnectionFailedError("POST session", "no connection", request_sent=False)

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:
        raise ConnectionFailedError("GET statusevents", "no connection", request_sent=False)


def test_unreachable_server(
    browser: Browser, login: Any, irma_app: SimulatedApp, irma_server: InMemoryServer
) -> None:
    """While the server is unreachable the page gets JSON, and the handle can be used later."""
    started = browser.begin()
    irma_app.accept(started["sessionPtr"])
    requestor, handles = login._requestor, login._handles
    store = memory_store(irma_server.clock)
    away = Requestor(irma_server.url, AwayTransport(irma_server.transport()))
    login._requestor = away
    login._handles = Handles(away, [KEY], store=store, purpose="login")
    assert browser.finish(started["token"]) == AWAY
    assert browser.post("/login/session") == (AWAY[0], {"words": AWAY[1]})
    login._requestor, login._handles = requestor, handles
    assert browser.finish(started["token"]) == WELCOME


def test_failing_store(
    browser: Browser, login: Any, irma_app: SimulatedApp, tmp_path: Path
) -> None:
    """While the store fails, no visitor is logged in, because the handle may have been used."""
    store = SqliteStore(tmp_path / "handles.db", SystemClock())
    (tmp_path / "handles.db").unlink()
    login._handles = Handles(login._requestor, [KEY], store=store, purpose="login")
    started = browser.begin()
    irma_app.accept(started["sessionPtr"])
    assert browser.finish(started["token"]) == AWAY
    assert login.members == {}


def test_another_path_sets_no_cookie(login: Any) -> None:
    """A request for another path, such as an icon, sets no cookie."""
    visitor = Browser(login)
    assert visitor.post("/favicon.ico") == (
        "404 Not Found",
        {"words": "There is no such page."},
    )
    assert visitor.cookie == ""


def test_two_pages_of_one_visitor_both_work(browser: Browser, irma_app: SimulatedApp) -> None:
    """A second page of a visitor does not invalidate the cookie of the first."""
    first, second = browser.begin(), browser.begin()
    irma_app.accept(first["sessionPtr"])
    assert browser.finish(first["token"]) == WELCOME
    irma_app.accept(second["sessionPtr"])
    assert browser.finish(second["token"]) == REFUSED  # the login replaced its cookie


WORKER = """\
import io, sys
from wsgi import application

def post(path, body=b"", cookie=""):
    started = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "HTTP_COOKIE": cookie,
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
    }
    text = b"".join(application(environ, lambda status, headers: started.extend((status, headers))))
    return started[0], dict(started[1]).get("Set-Cookie", "").partition(";")[0], text.decode()

for line in sys.stdin:
    path, body, cookie = line.rstrip("\\n").split("\\t")
    print(*post(path, body.encode(), cookie), sep="\\t", flush=True)
"""


class Worker:
    """A process of the WSGI server that has imported `wsgi.py`."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def post(self, path: str, body: str = "", cookie: str = "") -> tuple[str, str, str]:
        self.send(path, body, cookie)
        return self.receive()

    def send(self, path: str, body: str = "", cookie: str = "") -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{path}\t{body}\t{cookie}\n")
        self._process.stdin.flush()

    def receive(self) -> tuple[str, str, str]:
        assert self._process.stdout
        status, cookie, text = self._process.stdout.readline().rstrip("\n").split("\t")
        return status, cookie, text

    def stop(self) -> None:
        self._process.communicate()


@runs(PAGE, python=2)
def test_one_of_three_workers_logs_the_visitor_in(tmp_path: Path) -> None:
    """A handle that is sent to three processes at the same time is redeemed once."""
    shop = RequestorSettings("token", "a-token-of-the-shop")
    server = InMemoryServer(ServerSettings(requestors={"shop": shop}), clock=SystemClock())
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    write_files(PAGE, tmp_path)
    with running_server(server) as url:
        environment = {
            "IRMA_SERVER": url,
            "IRMA_TOKEN": "a-token-of-the-shop",
            "HANDLE_KEYS": f"{new_sealing_key()} {new_sealing_key()}",
            "HANDLE_STORE": str(tmp_path / "handles.db"),
        }
        workers = [Worker(tmp_path, environment) for _ in range(3)]
        try:
            status, cookie, text = workers[0].post("/login/session")
            assert status == "200 OK"
            started = json.loads(text)
            app.accept(started["sessionPtr"])
            for worker in workers:
                worker.send("/login/answer", started["token"], cookie)
            statuses = [worker.receive()[0] for worker in workers]
        finally:
            for worker in workers:
                worker.stop()
    assert sorted(statuses) == ["200 OK", "403 Forbidden", "403 Forbidden"]
    assert set(BLOCKS) == {"login.py", "wsgi.py"}


def test_the_application_needs_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wsgi.py` starts sessions at the development server, which refuses tokens."""
    write_files(PAGE, tmp_path)
    monkeypatch.delenv("IRMA_TOKEN", raising=False)
    with running_server(InMemoryServer(clock=SystemClock())) as url:
        environment = {
            "IRMA_SERVER": url,
            "HANDLE_KEYS": new_sealing_key(),
            "HANDLE_STORE": str(tmp_path / "handles.db"),
        }
        worker = Worker(tmp_path, environment)
        try:
            status, _, text = worker.post("/login/session")
        finally:
            worker.stop()
    assert (status, "sessionPtr" in json.loads(text)) == ("200 OK", True)


def test_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, "'login'", "E,F,I,UP,ARG,B,S,C4,RET,SIM,PTH")


def test_the_commands_and_errors_of_the_page_exist() -> None:
    """The command that makes a key works, and each error of the table exists."""
    from irma_core import errors  # noqa: PLC0415

    text = (ROOT / PAGE).read_text(encoding="utf-8")
    (command,) = re.findall(r'`python -c "(.*?)"`', text)
    made = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    Sealer([made.stdout.decode().strip()])
    table = re.findall(r"^\| .*`(\w+Error)` \|", text, re.MULTILINE)
    assert len(table) == 10
    assert set(table) <= set(errors.__all__)


@runs(PAGE, html=1)
def test_page_calls_the_paths_of_the_login(login: Any) -> None:
    """The page's script calls only paths that the application answers."""
    (page,) = code_of(PAGE, "html")
    base = re.findall(r'session: \{ url: "([^"]+)"', page)
    paths = [f"{base[0]}/session", *re.findall(r'fetch\("([^"]+)"', page)]
    assert paths == ["/login/session", "/login/answer"]
    for path in paths:
        status, reply = Browser(login).post(path)
        assert status != "404 Not Found"
        assert "sessionPtr" in reply or "words" in reply
