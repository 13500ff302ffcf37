"""Every command and every block in the how-to on the development server runs."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from irma_backend.cli.app import app
from irma_backend.dev_server import running_dev_server
from irma_backend.dev_server.requestors_file import read_requestors
from irma_core import DisclosureRequest, Requestor, SessionStatus
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import CommandLine, other_variables, read_until
from tests.docs.pages import ROOT, code_of, runs
from tests.trust import make_jwt_vectors

PAGE = "docs/how-to/rehearse.md"
EMAIL = "pbdf.sidn-pbdf.email.email"
ASK = DisclosureRequest({"email": EMAIL})


@pytest.fixture
def url() -> Iterator[str]:
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    with running_dev_server(server) as url:
        yield url


@pytest.fixture
def requestor(url: str) -> Iterator[Requestor]:
    with Urllib3Transport() as transport:
        yield Requestor(url, transport)


def commands() -> list[list[str]]:
    """Return the words of each command of the page."""
    return [
        shlex.split(line) for source in code_of(PAGE, "sh") for line in source.splitlines() if line
    ]


@runs(PAGE, python=1)
def test_suite_plays_the_app(requestor: Requestor, url: str) -> None:
    """The page's block for a test suite accepts a session that another process started."""
    session = requestor.start_session(ASK)
    (source,) = code_of(PAGE)
    exec(source, {"SERVER": url, "LINK": session.pointer.link()})
    assert requestor.get_answer(session)["email"].value == "ada@example.com"


@runs(PAGE, json=1)
def test_requestors_are_read(tmp_path: Path) -> None:
    """The server accepts the page's file of requestors."""
    write_requestors(tmp_path)
    known = read_requestors(tmp_path / "requestors.json")
    assert [each.auth_method for each in known.values()] == ["token", "hmac", "publickey"]


@runs(PAGE, sh=5)
def test_commands_run(requestor: Requestor, url: str, tmp_path: Path) -> None:
    """Each command of the page does what the page says."""
    line = CommandLine({**other_variables(), "IRMA_SERVER": url})
    write_requestors(tmp_path)
    write_certificate(tmp_path)
    for program, name, *arguments in commands():
        assert program == "irma-backend"
        if name == "dev-server":
            # Another program may use the usual port.
            streams = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            with line.start(name, *arguments, "--port", "0", **streams) as process:
                read_until(process.stdout, "Play the app: http")
                process.kill()
                process.communicate(timeout=300)
        elif arguments[0] == "watch":
            with line.start(name, *arguments) as process:
                session = requestor.start_session(ASK)
                read_until(process.stdout, "Shared")
                process.kill()
                process.communicate(timeout=300)
            assert requestor.get_status(session) is SessionStatus.DONE
        else:
            session = requestor.start_session(ASK)
            given = [each.replace("$LINK", session.pointer.link()) for each in arguments]
            assert line.run(name, *given)[0] == 0
            requestor.cancel_session(session)  # `show` has left the session open


def test_every_app_command_is_listed() -> None:
    """The page's table has each command of `irma-backend app`."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for name in app.commands:
        assert f"| `{name}" in text


def write_requestors(folder: Path) -> None:
    """Write the page's file of requestors, and the key that this file names."""
    (folder / "requestors.json").write_text(code_of(PAGE, "json")[0])
    (folder / "museum.pem").write_text(make_jwt_vectors.pem(make_jwt_vectors.KEY))


def write_certificate(folder: Path) -> None:
    """Write the certificate and the key that the page names."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
