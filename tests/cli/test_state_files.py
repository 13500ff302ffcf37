"""State files are complete, private, and never replace another file."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from irma_backend.cli.state_files import load_session, new_state_file
from irma_core import DisclosureRequest, Requestor, StartedSession
from irma_core.errors import ConfigurationError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer, SimulatedApp
from tests.cli.conftest import OVER18, CommandLine

ASK = ("session", "--disclose", f"age={OVER18}")


@pytest.fixture
def session() -> StartedSession:
    server = InMemoryServer()
    request = DisclosureRequest({"age": OVER18}, labels={"age": {"en": "Age"}})
    return Requestor(server.url, server.transport()).start_session(request)


@pytest.fixture
def saved(tmp_path: Path, session: StartedSession) -> Path:
    path = tmp_path / "state"
    with new_state_file(path) as state:
        state.save(session)
    return path


def test_session_survives_the_state_file(saved: Path, session: StartedSession) -> None:
    """A loaded session equals the saved one. The browser's secrets are not saved."""
    again = load_session(saved)
    assert (again.request, again.token) == (session.request, session.token)
    assert (again.pointer, again.started_at) == (session.pointer, session.started_at)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [each.name for each in saved.parent.iterdir()] == ["state"]


def test_failed_start_leaves_no_file(command_line: CommandLine, tmp_path: Path) -> None:
    """A failed start leaves no file, so the command can be repeated."""
    folder = tmp_path / "folder"
    folder.mkdir()
    state = ("--state-file", str(folder / "state"))
    status, _, _ = command_line.at(IRMA_SERVER="http://127.0.0.1:1").run(*ASK, *state)
    assert (status, [*folder.iterdir()]) == (7, [])


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_existing_file_is_refused(
    kind: str, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """An existing file is refused before the session starts, and stays unchanged."""
    started: list[object] = []
    memory.when_started(started.append)
    path = tmp_path / "state"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    status, _, err = command_line.run(*ASK, "--state-file", str(path))
    assert (status, "File exists" in err, started) == (2, True, [])
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_missing_directory_is_refused(
    command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """A missing directory is refused before the session starts, without repeating the path."""
    started: list[object] = []
    memory.when_started(started.append)
    status, _, err = command_line.run(*ASK, "--state-file", str(tmp_path / "nowhere" / "state"))
    assert (status, "No such file" in err, started) == (2, True, [])
    assert "nowhere" not in err


def test_new_file_is_not_overwritten(tmp_path: Path, session: StartedSession) -> None:
    """A file that another program creates during the start is not overwritten."""
    path = tmp_path / "state"
    with new_state_file(path) as state:
        path.write_text("mine")
        with pytest.raises(ConfigurationError, match="cannot write the file: File exists"):
            state.save(session)
    assert path.read_text() == "mine"
    assert [*tmp_path.iterdir()] == [path]


def test_unsavable_session_is_cancelled(
    command_line: CommandLine,
    memory: InMemoryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session whose state file cannot be written is cancelled, because its token is lost."""
    path = tmp_path / "state"
    answer = memory.subscribe

    def start(request: HttpRequest) -> EventStream | HttpResponse:
        if request.method == "POST":
            path.write_text("mine")
        return answer(request)

    monkeypatch.setattr(memory, "subscribe", start)
    status, _, err = command_line.run(*ASK, "--state-file", str(path))
    assert (status, "The session was cancelled." in err) == (2, True)
    assert memory.open_sessions() == ()


def test_file_system_without_links(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: StartedSession
) -> None:
    """On a file system without hard links, the file is renamed unless the path exists."""

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "state"
    with new_state_file(path) as state:
        state.save(session)
    assert load_session(path).token == session.token
    other = tmp_path / "other"
    with new_state_file(other) as state:
        other.write_text("mine")
        with pytest.raises(ConfigurationError, match="cannot write the file"):
            state.save(session)
    assert other.read_text() == "mine"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o606, 0o666, 0o777])
def test_accessible_file_is_refused(saved: Path, mode: int) -> None:
    """A file that other users can read or write is refused."""
    saved.chmod(mode)
    with pytest.raises(ConfigurationError, match="other users can read or write the file"):
        load_session(saved)


def test_file_of_another_user_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another user is refused whatever its mode."""
    monkeypatch.setattr(os, "geteuid", lambda: saved.stat().st_uid + 1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        load_session(saved)


def test_special_files_are_refused(saved: Path, tmp_path: Path) -> None:
    """A link is refused without being followed, and a pipe or a directory without being read."""
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(saved)
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ConfigurationError, match="it is a symbolic link"):
        load_session(link)
    for path in (pipe, tmp_path):
        with pytest.raises(
            ConfigurationError, match="expected a file that irma-backend session wrote"
        ):
            load_session(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", None),
        ("token", "short"),
        ("sessionPtr", {}),
        ("request", {"slotNames": ["a"]}),
        ("request", {"@context": "https://irma.app/ld/request/revocation/v1"}),
        ("startedAt", "today"),
        ("startedAt", 5),
        ("startedAt", "9999-12-31T23:59:59-23:59"),
        ("startedAt", None),
        ("startedAt", "2026-10-25T02:30:00"),  # in no time zone
    ],
)
def test_changed_file_is_refused(saved: Path, name: str, value: object) -> None:
    """A state file with any change is refused with one clear error."""
    fields = json.loads(saved.read_text())
    saved.write_text(json.dumps({**fields, name: value}))
    with pytest.raises(ConfigurationError, match="expected a file that irma-backend session wrote"):
        load_session(saved)


def test_revocation_is_refused(saved: Path) -> None:
    """A state file with a revocation request is refused."""
    fields = json.loads(saved.read_text())
    revocation = {
        "@context": "https://irma.app/ld/request/revocation/v1",
        "type": "a.b.c",
        "revocationKey": "k",
    }
    saved.write_text(json.dumps({**fields, "request": revocation}))
    with pytest.raises(ConfigurationError, match="expected a file that irma-backend session wrote"):
        load_session(saved)


def test_slot_names_survive_a_pipe(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """`request` prints slot names that `session --request -` reads and servers ignore."""
    memory.when_started(app.accept)
    status, out, _ = command_line.in_shell(
        f"irma-backend request --disclose age={OVER18} | irma-backend session --request - --json"
    )
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])
