"""Fetch the pinned version of the official browser package, and check whether it is installed.

`@privacybydesign/yivi-frontend` is not part of this library, because its logo has a separate
licence. So a site fetches the package once, with npm or as a tarball, and keeps one file from it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import suppress
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_instance, check_optional
from irma_core.tracebacks import boundary

__all__ = [
    "FILE_INTEGRITY",
    "FILE_NAME",
    "INTEGRITY",
    "PACKAGE",
    "STYLE_HASHES",
    "VERSION",
    "InstalledPackage",
    "PackageState",
    "install_browser_package",
    "package_state",
]

PACKAGE: Final = "@privacybydesign/yivi-frontend"
VERSION: Final = "0.1.3"
INTEGRITY: Final = (
    "sha512-cT6JRbli8HaTVB2z0Tmvrd0ln2ByHbcpTNHnOCbvl0Se"
    "LXfBGGIOUMpV+HwIg5xMuznMaonjA0572v7tL8Wc9w=="
)
"""The tarball's hash, in the form of npm's lock files."""
STYLE_HASHES: Final = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-Zwk+NVBmf68wTb1CJNBPEjdlO5paJ/3c7bCr9AocQ1Y='",
)
"""Sources for `style-src`: hashes of this version's style element, when empty and when filled."""
FILE_NAME: Final = "yivi.js"
FILE_INTEGRITY: Final = (
    "sha512-brQWAEi6a+ObOEZSDyjrzg2FasUsetm7Vy9YTWKRWiPd"
    "QtwiVOBxGEVMMaUCydmHjV8GlZgBl+elsFgTqkbj1w=="
)
"""The hash of `yivi.js`, in the form of npm's lock files; a page may use it as `integrity`."""
_MEMBER: Final = f"package/dist/{FILE_NAME}"
_MOST_BYTES: Final = 16 * 1024 * 1024
_LONGEST_RUN: Final = 300
"""The time limit for npm, in seconds. npm may have to use a slow proxy."""


class PackageState(Enum):
    """The state of the browser package."""

    PRESENT = "present"
    """The file of the pinned version, unchanged."""
    OTHER = "other"
    """Another file: from another version, or changed by a build step."""
    MISSING = "missing"
    """No file, or a file that cannot be read."""


@attrs.frozen
class InstalledPackage:
    """The result of `install_browser_package`.

    Args:
        path: The file.
        is_new: Whether this call wrote the file; False if the file was already there.
    """

    path: Path
    is_new: bool


@boundary
def package_state(file: Path) -> PackageState:
    """Return the state of the browser package at a path.

    Args:
        file: The path of `yivi.js`.

    Raises:
        UsageError: The argument is not a `Path`.
    """
    check_instance(file, Path, "file", "a Path")
    try:
        content = file.read_bytes()
    except (OSError, ValueError):  # ValueError: no file can have this path
        return PackageState.MISSING
    return PackageState.PRESENT if _integrity(content) == FILE_INTEGRITY else PackageState.OTHER


@boundary
def install_browser_package(directory: Path, *, from_file: Path | None = None) -> InstalledPackage:
    """Put the pinned version's `yivi.js` into a directory, unless it is already there.

    The function reads the package's tarball from `from_file`, or else fetches it with the user's
    own npm and that npm's settings. It checks the tarball's hash before it unpacks the tarball.

    Args:
        directory: The directory of static files. It is created if it does not exist.
        from_file: The package's tarball, as `npm pack` writes it. npm is then not needed.

    Raises:
        ConfigurationError: npm is missing or fails, the tarball cannot be read or is not the pinned
            one, or the directory cannot be written.
        UsageError: An argument is not a `Path`.
    """
    check_instance(directory, Path, "directory", "a Path")
    check_optional(from_file, Path, "from_file", "a Path")
    target = directory / FILE_NAME
    if package_state(target) is PackageState.PRESENT:
        return InstalledPackage(target, is_new=False)
    tarball = _packed_by_npm() if from_file is None else _read(from_file)
    found = _integrity(tarball)
    if found != INTEGRITY:
        raise ConfigurationError(
            f"the tarball is not {PACKAGE} {VERSION}: its hash is {found}, expected {INTEGRITY}"
        )
    _write(target, _unpacked(tarball))
    return InstalledPackage(target, is_new=True)


def _integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {_reason(error)}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{file} is not {PACKAGE} {VERSION}: it is too large")
    return content


def _packed_by_npm() -> bytes:
    """Fetch the tarball with npm, and return it. npm writes its own error messages to stderr."""
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigurationError(
            f"npm is not installed, but is needed to fetch {PACKAGE} {VERSION}: install npm, or "
            f"run `npm pack {PACKAGE}@{VERSION}` on another machine, and pass the resulting "
            "file in the argument from_file"
        )
    with tempfile.TemporaryDirectory() as folder:
        options = ("--pack-destination", folder, "--ignore-scripts", "--loglevel", "error")
        try:
            done = subprocess.run(  # noqa: S603  # a fixed command, and the user's own npm
                [npm, "pack", f"{PACKAGE}@{VERSION}", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=_LONGEST_RUN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"npm did not finish within {_LONGEST_RUN} seconds") from None
        except OSError as error:
            raise ConfigurationError(f"npm cannot be run: {_reason(error)}") from None
        if done.returncode != 0:
            raise ConfigurationError(
                f"npm could not fetch {PACKAGE} {VERSION} (exit status {done.returncode}): see "
                "npm's own message"
            )
        written = list(Path(folder).glob("*.tgz"))
        if len(written) != 1:
            raise ConfigurationError(f"npm wrote no tarball of {PACKAGE} {VERSION}")
        return _read(written[0])


def _unpacked(tarball: bytes) -> bytes:
    """Return the contents of `yivi.js`. No file is written to a path that the tarball names."""
    try:
        with tarfile.open(fileobj=BytesIO(tarball), mode="r:gz") as archive:
            member = archive.getmember(_MEMBER)
            opened = archive.extractfile(member) if member.size <= _MOST_BYTES else None
            content = b"" if opened is None else opened.read()
    except (tarfile.TarError, OSError, EOFError, KeyError, zlib.error):
        content = b""
    if _integrity(content) != FILE_INTEGRITY:
        raise ConfigurationError(
            f"the tarball is broken: it does not contain {_MEMBER} for version {VERSION}"
        )
    return content


def _write(target: Path, content: bytes) -> None:
    """Write the file completely or not at all. Other users, such as a web server, can read it."""
    unfinished = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{FILE_NAME}.")
        unfinished = Path(name)
        with os.fdopen(number, "wb") as opened:
            opened.write(content)
        unfinished.chmod(0o644)
        unfinished.replace(target)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{target.parent} cannot be written: {_reason(error)}") from None
    finally:
        if unfinished is not None:
            with suppress(
                OSError
            ):  # the file was moved, unless something failed or was interrupted
                unfinished.unlink()


def _reason(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else "the path is not valid"
    return reason or type(error).__name__
