"""`scheme get` keeps a checked copy of a scheme, and `attributes search` finds what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from irma_backend.cli.interrupts import Interrupted
from irma_backend.scheme_copy import copy_scheme
from irma_core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    UnexpectedResponseError,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import CommandLine
from tests.cli.test_schema import check
from tests.proofs.made import made_scheme
from tests.scheme_server import SCHEME, scheme_files, serving_scheme, signed

KEY = SCHEME.public_pem.encode()


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The target of the copy, in a folder that does not exist yet."""
    return tmp_path / "schemes" / "pbdf"


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


def with_names(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path.removeprefix("pbdf/"): content for path, content in files.items()}


def test_copy_is_written(command_line: CommandLine, folder: Path, tmp_path: Path) -> None:
    """The command writes the index's files and the pinned key, and prints the number of files."""
    (tmp_path / "key.pem").write_bytes(KEY)
    files = scheme_files()
    with serving_scheme({**files, "pbdf/more": b"unlisted", "pbdf/pk.pem": b"other"}) as url:
        command = ("scheme", "get", str(folder), "--from", url, "--key", str(tmp_path / "key.pem"))
        status, out, err = command_line.run(*command)
    assert (status, err) == (0, "")
    assert out == f"{folder}: {len(files) - 3} files, signed by the key\n"
    assert files_in(folder) == with_names(files)
    assert list(folder.parent.iterdir()) == [folder]


def test_earlier_copy_is_replaced(folder: Path, transport: Urllib3Transport) -> None:
    """A newer version of a scheme replaces the copy, including files that the version lacks."""
    with serving_scheme(scheme_files()) as url:
        copy_scheme(url, folder, KEY, transport)
    newer = signed({"pbdf/timestamp": b"1795923054\n", "pbdf/post/new": b"new"})
    with serving_scheme(newer) as url:
        copy_scheme(url, folder, KEY, transport)
        copy_scheme(f"{url}/", folder, KEY, transport)
    assert files_in(folder) == with_names(newer)
    assert list(folder.parent.iterdir()) == [folder]


CHANGED = {
    "file": {"pbdf/post/description.xml": b"changed"},
    "index": {"pbdf/index": scheme_files()["pbdf/index"] + b"\n"},
    "older": signed({"pbdf/timestamp": b"1795923052\n"}),
    "leads out": signed({"pbdf/../../key": b"x"}),
    "absolute": signed({"pbdf//key": b"x"}),
    "of Windows": signed({"pbdf/c:key": b"x"}),
    "no time": signed({"pbdf/timestamp": b"yesterday"}),
    "description": signed({"pbdf/description.xml": b"<SchemeManager/>"}),
    "another": {path: made_scheme().files()[f"made/{path[5:]}"] for path in ("pbdf/index",)},
}


@pytest.mark.parametrize("changed", CHANGED)
def test_wrong_files_change_nothing(
    changed: str, folder: Path, transport: Urllib3Transport
) -> None:
    """Files that are not signed, or not newer, are refused, and the copy does not change."""
    with serving_scheme(scheme_files()) as url:
        copy_scheme(url, folder, KEY, transport)
    with (
        serving_scheme({**scheme_files(), **CHANGED[changed]}) as url,
        pytest.raises(ConfigurationError),
    ):
        copy_scheme(url, folder, KEY, transport)
    assert files_in(folder) == with_names(scheme_files())
    assert files_in(folder.parent.parent).keys() == {f"schemes/{path}" for path in scheme_files()}


def test_missing_files_write_nothing(folder: Path, transport: Urllib3Transport) -> None:
    """If the server lacks a file or is down, no folder is created."""
    files = {**scheme_files()}
    del files["pbdf/town/the logo.png"]
    with (
        serving_scheme(files) as url,
        pytest.raises(UnexpectedResponseError, match="the logo") as caught,
    ):
        copy_scheme(url, folder, KEY, transport)
    assert caught.value.http_status == 404
    with pytest.raises(ConnectionFailedError):
        copy_scheme(url, folder, KEY, transport)
    assert not folder.parent.exists()


def test_scheme_must_be_signed_with_the_users_key(
    folder: Path, transport: Urllib3Transport
) -> None:
    """A scheme that another key signed is refused, and so is a key file without a key."""
    other = SCHEME.files() | {"pbdf/index.sig": made_scheme().files()["made/index.sig"]}
    for files, key in ((other, KEY), (scheme_files(), b"no key")):
        with serving_scheme(files) as url, pytest.raises(ConfigurationError, match="key"):
            copy_scheme(url, folder, key, transport)
    assert not folder.exists()


def test_folder_with_other_files_is_refused(folder: Path, transport: Urllib3Transport) -> None:
    """A folder with the user's files, such as private keys, is refused, unlike an empty one."""
    folder.mkdir(parents=True)
    with serving_scheme(scheme_files()) as url:
        copy_scheme(url, folder, KEY, transport)
        private = folder / "town" / "PrivateKeys" / "0.xml"
        private.parent.mkdir()
        private.write_text("secret")
        with pytest.raises(ConfigurationError, match="PrivateKeys"):
            copy_scheme(url, folder, KEY, transport)
        assert private.is_file()
        with pytest.raises(ConfigurationError, match="named after the scheme"):
            copy_scheme(url, folder.parent / "other", KEY, transport)
        (folder.parent / "file").write_text("")
        with pytest.raises(ConfigurationError, match="cannot be read or written"):
            copy_scheme(url, folder.parent / "file" / "pbdf", KEY, transport)


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("moved", ["earlier copy", "new copy"])
@pytest.mark.parametrize("cause", [PermissionError(13, "Permission denied"), Interrupted(2)])
def test_failed_replacement_leaves_a_whole_copy(
    cause: BaseException,
    moved: str,
    is_done: bool,
    folder: Path,
    transport: Urllib3Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If replacing a copy fails or is interrupted at any moment, a whole copy remains."""
    with serving_scheme(scheme_files()) as url:
        copy_scheme(url, folder, KEY, transport)
        rename = Path.rename
        failures = iter([cause])

        def failing(self: Path, target: Path) -> Path:
            is_meant = (self == folder) == (moved == "earlier copy")
            error = next(failures, None) if is_meant else None
            if error is None or is_done:
                rename(self, target)
            if error is not None:
                raise error
            return target

        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises((ConfigurationError, Interrupted)):
            copy_scheme(url, folder, KEY, transport)
    assert files_in(folder) == with_names(scheme_files())
    assert [*folder.parent.iterdir()] == [folder]


@pytest.fixture
def schemes(tmp_path: Path) -> Path:
    """A folder with a copy of the scheme."""
    for path, content in scheme_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


ROWS = [
    ("pbdf.post.email.ballot", "Demo email: ballot", "Demo post", "random blind, revocable"),
    ("pbdf.post.email.email", "Demo email: email", "Demo post", "revocable"),
    ("pbdf.post.email.name", "Demo email: name", "Demo post", "optional, revocable"),
    (
        "pbdf.town.email.domain",
        "Demo email: domain",
        "Demo town",
        "deprecated since 2023-11-14",
    ),
    ("pbdf.town.email.email", "Demo email: email", "Demo town", "deprecated since 2023-11-14"),
]


def test_attributes_are_found(command_line: CommandLine, schemes: Path) -> None:
    """Each attribute that has all the words is printed as a line, with title, issuer and marks."""
    search = ("attributes", "search", "--scheme", str(schemes))
    status, out, err = command_line.run(*search, "EMAIL")
    assert (status, err) == (0, "")
    assert [tuple(line.split("\t")) for line in out.splitlines()] == ROWS
    _, out, _ = command_line.run(*search, "demo", "town.", "doma")
    assert [line.split("\t")[0] for line in out.splitlines()] == ["pbdf.town.email.domain"]
    status, out, err = command_line.run(*search, "email", "nothing")
    assert (status, out) == (0, "")
    assert "No attribute" in err


def test_attributes_are_json(command_line: CommandLine, schemes: Path) -> None:
    """With --json, the attributes are a list that the schema describes."""
    settings = schemes / "irma.toml"
    settings.write_text('[dev_server]\nscheme = "pbdf"\n')
    there = command_line.at(IRMA_SETTINGS=str(settings))
    status, out, err = there.run("attributes", "search", "email", "--json")
    assert (status, err) == (0, "")
    found: Any = check("attributes search", out)
    assert [each["id"] for each in found] == [row[0] for row in ROWS]
    marks = [
        (each["isRandomBlind"], each["isRevocable"], each["deprecatedSince"]) for each in found
    ]
    assert marks[0] == (True, True, None)
    assert marks[-1] == (False, False, "2023-11-14T22:13:20Z")
    _, out, _ = there.run("attributes", "search", "nothing", "--json")
    assert out == "[]\n"


def test_attributes_are_a_table_at_a_terminal(command_line: CommandLine, schemes: Path) -> None:
    """At a terminal, the attributes are a table."""
    search = ("attributes", "search", "over18", "--scheme", str(schemes / "pbdf"))
    with command_line.at_terminal(*search) as terminal:
        assert terminal.end() == 0
        assert "issuer" in terminal.seen
        assert "pbdf.town.age.over18" in terminal.seen


@pytest.mark.parametrize("path", ["description.xml", "post/description.xml", "index"])
def test_damaged_scheme_is_reported(command_line: CommandLine, schemes: Path, path: str) -> None:
    """For a changed file, a folder without a scheme, or no folder, the exit status is 2."""
    (schemes / "pbdf" / path).write_text("changed")
    search = ("attributes", "search", "email")
    for scheme in (["--scheme", str(schemes)], ["--scheme", str(schemes / "pbdf" / "town")], []):
        status, out, err = command_line.run(*search, *scheme)
        assert (status, out) == (2, "")
        assert "--scheme" in err


def test_misspelt_command_is_suggested(command_line: CommandLine) -> None:
    """For a misspelt command of a group, the exit status is 2, and the error has a suggestion."""
    status, _, err = command_line.run("scheme", "gets", "x")
    assert status == 2
    assert "Did you mean get?" in err
