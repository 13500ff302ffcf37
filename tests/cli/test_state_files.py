"""State files: whole or not there, never over another file, and of nobody but their owner."""

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


def test_a_session_comes_back_as_it_was(saved: Path, session: StartedSession) -> None:
    """With the names of its slots, its labels and its start; the browser's part is not kept."""
    again = load_session(saved)
    assert (again.request, again.token) == (session.request, session.token)
    assert (again.pointer, again.started_at) == (session.pointer, session.started_at)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [each.name for each in saved.parent.iterdir()] == ["state"]


def test_a_failed_start_leaves_no_file(command_line: CommandLine, tmp_path: Path) -> None:
    """So the same command can be given again."""
    folder = tmp_path / "folder"
    folder.mkdir()
    state = ("--state-file", str(folder / "state"))
    status, _, _ = command_line.at(IRMA_SERVER="http://127.0.0.1:1").run(*ASK, *state)
    assert (status, [*folder.iterdir()]) == (7, [])


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_a_path_that_is_taken_is_refused_before_the_start(
    kind: str, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """No session is started, and what is there stays as it is."""
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


def test_a_folder_that_is_missing_is_refused_before_the_start(
    command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """The path is not repeated: it may be a secret in the wrong place."""
    started: list[object] = []
    memory.when_started(started.append)
    status, _, err = command_line.run(*ASK, "--state-file", str(tmp_path / "nowhere" / "state"))
    assert (status, "No such file" in err, started) == (2, True, [])
    assert "nowhere" not in err


def test_a_file_that_comes_meanwhile_is_not_written_over(
    tmp_path: Path, session: StartedSession
) -> None:
    """The session is not kept, and the caller cancels it."""
    path = tmp_path / "state"
    with new_state_file(path) as state:
        path.write_text("mine")
        with pytest.raises(ConfigurationError, match="cannot write the file: File exists"):
            state.save(session)
    assert path.read_text() == "mine"
    assert [*tmp_path.iterdir()] == [path]


def test_a_session_that_cannot_be_kept_is_cancelled(
    command_line: CommandLine,
    memory: InMemoryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session whose state file was taken while it started is cancelled: its token is lost."""
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


def test_a_file_system_without_links_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: StartedSession
) -> None:
    """There a file is renamed, unless its place is taken."""

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
def test_a_file_that_others_may_touch_is_refused(saved: Path, mode: int) -> None:
    """They could have written it, or have read its token."""
    saved.chmod(mode)
    with pytest.raises(ConfigurationError, match="other users may read or write the file"):
        load_session(saved)


def test_a_file_of_another_user_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its mode."""
    monkeypatch.setattr(os, "geteuid", lambda: saved.stat().st_uid + 1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        load_session(saved)


def test_a_link_a_pipe_and_a_folder_are_refused(saved: Path, tmp_path: Path) -> None:
    """Neither is waited for or followed."""
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(saved)
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ConfigurationError, match="it is a symbolic link"):
        load_session(link)
    for path in (pipe, tmp_path):
        with pytest.raises(ConfigurationError, match="is not a state file"):
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
    ],
)
def test_a_changed_file_is_refused(saved: Path, name: str, value: object) -> None:
    """With one clear error, whatever is wrong with it."""
    fields = json.loads(saved.read_text())
    saved.write_text(json.dumps({**fields, name: value}))
    with pytest.raises(ConfigurationError, match="is not a state file"):
        load_session(saved)


def test_a_revocation_is_not_a_session(saved: Path) -> None:
    """Though it is a request."""
    fields = json.loads(saved.read_text())
    revocation = {
        "@context": "https://irma.app/ld/request/revocation/v1",
        "type": "a.b.c",
        "revocationKey": "k",
    }
    saved.write_text(json.dumps({**fields, "request": revocation}))
    with pytest.raises(ConfigurationError, match="is not a state file"):
        load_session(saved)


def test_the_names_of_slots_survive_a_pipe(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """`request` writes them beside the request, where servers pass over them."""
    memory.when_started(app.accept)
    status, out, _ = command_line.in_shell(
        f"irma-backend request --disclose age={OVER18} | irma-backend session --request - --json"
    )
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])
