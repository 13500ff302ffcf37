"""The how-to pages on the command line are scripts that print what the pages show."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from irma_backend.dev_server import running_server
from irma_core import DisclosureRequest, Requestor
from irma_testing import InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.cli.conftest import CommandLine, other_variables
from tests.docs.pages import ROOT, blocks, runs

FOLDER = "docs/how-to/command-line"
DEV_SERVER = "http://127.0.0.1:8088"
SEPARATOR = "-- next block --"
REPLACEMENTS = {
    r'"session":"[0-9a-f]{12}"': '"session":"0123456789ab"',
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "2026-01-01T00:00:00Z",
}
"""Strings that differ from run to run, and their replacements on the pages."""


@pytest.fixture
def memory() -> InMemoryServer:
    """A server in memory, where a person's app answers each session."""
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    person = SimulatedApp(server)
    names = {"over18": "Yes", "firstnames": "Ada", "surname": "Lovelace"}
    person.add("pbdf.gemeente.personalData", names)
    person.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    server.when_started(person.accept)
    return server


@pytest.fixture
def command_line(memory: InMemoryServer) -> Iterator[CommandLine]:
    with running_server(memory) as url:
        yield CommandLine({**other_variables(), "IRMA_SERVER": url})


def result_jwt(memory: InMemoryServer) -> bytes:
    """Return the signed result of a session, as the server posts it to a callback URL."""
    requestor = Requestor(memory.url, memory.transport())
    asked = DisclosureRequest({"age": "pbdf.gemeente.personalData.over18"})
    session = requestor.start_session(asked)
    requestor.wait_for_answer(session, timeout=timedelta(minutes=5))
    token = session.token.reveal()
    with urlopen(f"{memory.url}/session/{token}/result-jwt") as response:
        body: bytes = response.read()
        return body


@runs(f"{FOLDER}/ask.md", sh=2, text=2)
@runs(f"{FOLDER}/find-out-what-is-wrong.md", sh=3, text=3)
@runs(f"{FOLDER}/issue.md", sh=3, text=3)
@runs(f"{FOLDER}/script.md", sh=5, text=4)
@runs(f"{FOLDER}/sign.md", sh=2, text=1)
@runs(f"{FOLDER}/verify.md", sh=2, text=2)
@runs(f"{FOLDER}/watch.md", sh=2, text=2)
@pytest.mark.parametrize(
    "page", ["ask", "find-out-what-is-wrong", "issue", "script", "sign", "verify", "watch"]
)
def test_page_prints_what_it_shows(
    page: str,
    memory: InMemoryServer,
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commands of a page, run one after the other, print the blocks that follow them."""
    monkeypatch.chdir(tmp_path)
    if page == "verify":
        (tmp_path / "result.jwt").write_bytes(result_jwt(memory))
    commands: list[str] = []
    shown: list[str] = []
    for block in blocks(f"{FOLDER}/{page}.md"):
        if block.language == "sh":
            commands.append(block.source.replace(DEV_SERVER, command_line.server))
            shown.append("")
        else:
            shown[-1] = block.source
    script = f"echo '{SEPARATOR}'\n".join(commands)
    status, out, err = command_line.in_shell(f'python() {{ "{sys.executable}" "$@"; }}\n{script}')
    assert status == 0, err
    for pattern, same in REPLACEMENTS.items():
        out = re.sub(pattern, same, out)
    assert out.split(f"{SEPARATOR}\n") == shown, err


def test_pages_are_listed() -> None:
    """The index leads to each page about the command line."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / FOLDER).glob("*.md"):
        assert f"(how-to/command-line/{page.name})" in index


def test_schema_of_the_page_exists() -> None:
    """The schema that the page on scripts links to requires the fields of a session's answer."""
    schema = json.loads((ROOT / "docs" / "schemas" / "command-line.json").read_bytes())
    assert schema["$defs"]["session"]["required"] == ["session", "type", "evidence", "answer"]
