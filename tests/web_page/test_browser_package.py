"""`irma-backend browser-package`: the official browser package, fetched by npm or from a file."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from irma_core.errors import ConfigurationError
from irma_web import PackageState, browser_package, install_browser_package, package_state
from tests.cli.conftest import CommandLine
from tests.web_page.conftest import YIVI_LOCK

PATH = os.environ["PATH"]


@pytest.fixture
def tarball(yivi_script: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tarball that is accepted as the pinned one."""
    file = tmp_path / "package.tgz"
    write_tarball(file, {"package/package.json": b"{}", "package/dist/yivi.js": yivi_script})
    pass_for_pinned(file, monkeypatch)
    return file


def integrity(content: bytes) -> str:
    """Return a hash in the notation of npm's lock files."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def write_tarball(file: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def pass_for_pinned(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_package, "INTEGRITY", integrity(file.read_bytes()))


def command(path: str = PATH) -> CommandLine:
    return CommandLine({**os.environ, "PATH": path})


def fake_npm(folder: Path, script: str) -> str:
    """Return a PATH with an `npm` that runs a shell script. `$4` is where the tarball goes."""
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    return str(folder)


def test_the_pinned_version_is_the_tested_one(yivi_script: bytes) -> None:
    """The pinned hashes are those in the lock file of the browser tests."""
    lock = json.loads(YIVI_LOCK.read_text())["packages"]
    locked = lock[f"node_modules/{browser_package.PACKAGE}"]
    assert locked["version"] == browser_package.VERSION
    assert locked["integrity"] == browser_package.INTEGRITY
    assert integrity(yivi_script) == browser_package.FILE_INTEGRITY


def test_npm_fetches_the_package_once(npm: str, tmp_path: Path, yivi_script: bytes) -> None:
    """The command prints the file's path; a second run changes nothing and needs no npm."""
    folder = tmp_path / "static" / "irma"
    status, out, err = command().run("browser-package", str(folder))
    assert (status, err) == (0, "")
    assert out == (
        f"{folder}/yivi.js: written (@privacybydesign/yivi-frontend 0.1.3, hash checked)\n"
    )
    assert (folder / "yivi.js").read_bytes() == yivi_script
    assert [each.name for each in folder.iterdir()] == ["yivi.js"]
    status, out, _ = command(path="/nonexistent").run("browser-package", str(folder))
    assert status == 0
    assert "already there, unchanged" in out


def test_a_tarball_needs_no_npm(
    tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yivi_script: bytes
) -> None:
    """A machine without npm or network can use a tarball that another machine has fetched."""
    monkeypatch.setenv("PATH", "/nonexistent")
    installed = install_browser_package(tmp_path / "static", from_file=tarball)
    assert installed.is_new
    assert installed.path.read_bytes() == yivi_script
    assert stat.S_IMODE(installed.path.stat().st_mode) == 0o644
    assert not install_browser_package(tmp_path / "static", from_file=tarball).is_new


def test_another_file_is_replaced(tarball: Path, tmp_path: Path) -> None:
    """After an update of this library, the command replaces another version by the tested one."""
    file = tmp_path / "yivi.js"
    file.write_text("another version")
    assert install_browser_package(tmp_path, from_file=tarball).is_new
    assert package_state(file) is PackageState.PRESENT


def test_the_state_of_the_file(tarball: Path, tmp_path: Path) -> None:
    """The package's file is missing, another one, or the pinned one; a directory is no file."""
    file = tmp_path / "yivi.js"
    assert package_state(file) is PackageState.MISSING
    file.write_text("another version")
    assert package_state(file) is PackageState.OTHER
    file.unlink()
    file.mkdir()
    assert package_state(file) is PackageState.MISSING


def test_npm_is_missing(tmp_path: Path) -> None:
    """If npm is missing, the error names the other way to get the package."""
    status, out, err = command(path="/nonexistent").run("browser-package", str(tmp_path))
    assert (status, out) == (2, "")
    assert "npm is not installed" in err
    assert "npm pack @privacybydesign/yivi-frontend@0.1.3" in err
    assert "with --from" in err


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'npm error ENOTFOUND' >&2; exit 7", "exit status 7"),
        ("exit 0", "wrote no tarball"),
        ('echo changed > "$4/changed.tgz"', "the tarball is not @privacybydesign/yivi-frontend"),
    ],
)
def test_npm_fails(tmp_path: Path, script: str, said: str) -> None:
    """If npm fails, the error begins with npm's own message, and no file is written."""
    (tmp_path / "bin").mkdir()
    path = fake_npm(tmp_path / "bin", script)
    status, out, err = command(path=path).run("browser-package", str(tmp_path / "static"))
    assert (status, out) == (2, "")
    assert said in err
    assert not (tmp_path / "static").exists()
    if "ENOTFOUND" in script:
        assert err.startswith("npm error ENOTFOUND\nError: ")


def test_npm_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error if `npm` is not a program, or does not end."""
    path = fake_npm(tmp_path, "exec /bin/sleep 600")
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(browser_package, "_LONGEST_RUN", 0.2)
    with pytest.raises(ConfigurationError, match="did not finish within"):
        install_browser_package(tmp_path / "static")
    (tmp_path / "npm").write_bytes(b"\x00")
    with pytest.raises(ConfigurationError, match="npm cannot be run"):
        install_browser_package(tmp_path / "static")


def test_npm_gets_the_pinned_version_and_runs_no_scripts(
    tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command asks npm for exactly one version of one package, without running scripts."""
    (tmp_path / "bin").mkdir()
    log = tmp_path / "arguments"
    path = fake_npm(tmp_path / "bin", f'echo "$@" > {log}; cp {tarball} "$4/some.tgz"')
    monkeypatch.setenv("PATH", f"{path}:{PATH}")
    assert install_browser_package(tmp_path / "static").is_new
    words = log.read_text().split()
    assert words[:2] == ["pack", "@privacybydesign/yivi-frontend@0.1.3"]
    assert "--ignore-scripts" in words


def test_a_changed_tarball_is_refused(tarball: Path, tmp_path: Path) -> None:
    """A tarball with another hash is refused before its content is read."""
    changed = bytearray(tarball.read_bytes())
    changed[-1] ^= 1
    tarball.write_bytes(changed)
    with pytest.raises(ConfigurationError, match="its hash is sha512-"):
        install_browser_package(tmp_path / "static", from_file=tarball)
    assert not (tmp_path / "static").exists()


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def not_a_tarball(file: Path) -> None:
    file.write_bytes(b"no tarball")


def without_the_file(file: Path) -> None:
    write_tarball(file, {"package/package.json": b"{}"})


def with_another_file(file: Path) -> None:
    write_tarball(file, {"package/dist/yivi.js": b"another"})


def with_a_link(file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo("package/dist/yivi.js")
        member.type = tarfile.SYMTYPE
        member.linkname = "/etc/passwd"
        archive.addfile(member)


def with_a_directory(file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo("package/dist/yivi.js")
        member.type = tarfile.DIRTYPE
        archive.addfile(member)


@pytest.mark.parametrize(
    "broken",
    [cut, not_a_tarball, without_the_file, with_another_file, with_a_link, with_a_directory],
)
def test_a_broken_tarball_is_refused(
    tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[Path], None]
) -> None:
    """A broken tarball is refused even if its hash is the pinned one."""
    broken(tarball)
    pass_for_pinned(tarball, monkeypatch)
    with pytest.raises(ConfigurationError, match="the tarball is broken"):
        install_browser_package(tmp_path / "static", from_file=tarball)
    assert not (tmp_path / "static").exists()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """If the tarball cannot be read, the error names the file and the reason."""
    status, _, err = command().run(
        "browser-package", str(tmp_path), "--from", str(tmp_path / "missing.tgz")
    )
    assert status == 2
    assert "missing.tgz cannot be read: No such file or directory" in err


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A tarball that is too large is refused, and is not read to its end."""
    file = tmp_path / "large.tgz"
    with file.open("wb") as opened:
        opened.truncate(17 * 1024 * 1024)
    with pytest.raises(ConfigurationError, match="it is too large"):
        install_browser_package(tmp_path, from_file=file)


def test_a_directory_that_cannot_be_written(tarball: Path, tmp_path: Path) -> None:
    """If the directory cannot be written, the error says why, and no partial file is left."""
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    with pytest.raises(ConfigurationError, match="occupied cannot be written: File exists"):
        install_browser_package(occupied, from_file=tarball)
    folder = tmp_path / "static"
    (folder / "yivi.js").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="static cannot be written: Is a directory"):
        install_browser_package(folder, from_file=tarball)
    assert [each.name for each in folder.iterdir()] == ["yivi.js"]


def test_an_interruption_leaves_no_draft(
    tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Ctrl-C interrupts the writing of the file, no draft is left behind."""

    def interrupted(_self: Path, _mode: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "chmod", interrupted)
    with pytest.raises(KeyboardInterrupt):
        install_browser_package(tmp_path / "static", from_file=tarball)
    assert list((tmp_path / "static").iterdir()) == []
