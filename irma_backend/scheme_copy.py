"""Keep a copy of a scheme: fetch its files over HTTP, and check each of them.

The scheme's index must be signed by a key that the user pins, and each file must have the hash that
the index gives for it. The source of the files therefore need not be trusted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from irma_backend.scheme_folder import SchemeFolder
from irma_core.errors import ConfigurationError, UnexpectedResponseError
from irma_core.interfaces import HttpRequest, Transport
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.transport import sends_by_proxy
from irma_core.tracebacks import boundary
from irma_proofs import Schemes
from irma_proofs.schemes import check_file_hash, pinned_key, read_index

__all__ = ["LARGEST_FILE", "copy_scheme"]

LARGEST_FILE: Final = 16 * 2**20
"""The response size that the transport must accept, in bytes."""
_SECONDS: Final = 60
"""The time limit for fetching one file."""
_OK: Final = 200
_UNLISTED: Final = frozenset({"index", "index.sig", "pk.pem"})
"""The files that belong to a scheme, but are not listed in its index."""
_NOT_IN_A_PATH: Final = frozenset("\\:\0")


@boundary
def copy_scheme(url: str, folder: Path, key: bytes, transport: Transport) -> int:
    """Put a checked copy of a scheme into a folder, in place of an earlier copy.

    The folder does not change until each file has been fetched and checked. The copy consists of
    the files that the index lists, `index`, `index.sig`, and the given key as `pk.pem`.

    Two renames then replace an earlier copy. Between them the folder does not exist, so a program
    that opens it at that moment gets an error, but never half a scheme. If the machine stops
    between the renames, call this function again.

    Args:
        url: The URL of the scheme's folder, which contains the file `index`.
        folder: The folder. Its name must be that of the scheme, such as `pbdf`. It must be new,
            empty, or an earlier copy to which nothing was added.
        key: The scheme's public key in PEM, from a source that the user trusts.
        transport: Makes the calls. It must accept responses of `LARGEST_FILE`.

    Returns:
        The number of files that the index lists.

    Raises:
        ConfigurationError: The URL, the folder or the key is wrong; the key did not sign the index;
            a file does not have the hash in the index; the scheme is older than the earlier copy;
            or the folder cannot be written.
        UnexpectedResponseError: A file is missing on the server.
        TransportError: The network failed.

    Source: irmago `Configuration.UpdateScheme`; IRMA documentation, "Schemes".
    """
    server = ServerUrl.parse(url, what="URL of the scheme", is_proxied=sends_by_proxy(transport))
    folder = folder.absolute()
    name = folder.name
    public = pinned_key(name, key)
    with _reporting_os_errors():
        _check_replaceable(folder)
    index = _fetch("index", server, transport)
    signature = _fetch("index.sig", server, transport)
    if f" {name}/".encode() not in index:
        raise ConfigurationError(
            "the folder must be named after the scheme at the URL: for pbdf, name it pbdf"
        )
    hashes = read_index(name, index, signature, public)
    files = {"index": index, "index.sig": signature, "pk.pem": key}
    for listed, digest in hashes.items():
        path = _checked_path(listed, name)
        files[path] = _fetch(path, server, transport)
        check_file_hash(files[path], digest, listed)
    with _reporting_os_errors():
        _write(folder, files)
    return len(hashes)


def _fetch(path: str, server: ServerUrl, transport: Transport) -> bytes:
    label = f"GET {path}"
    response = transport.send(
        HttpRequest("GET", server.join(quote(path)), label=label),
        transport.clock.monotonic() + _SECONDS,
    )
    if response.status != _OK:
        raise UnexpectedResponseError(
            label, response.status, "is not a scheme file: give the URL of the scheme's folder"
        )
    return response.body


def _checked_path(listed: str, name: str) -> str:
    """Check a path that a scheme's index lists, and return it without the name of the scheme."""
    path = listed.removeprefix(f"{name}/")
    if {"", ".", ".."} & {*path.split("/")} or _NOT_IN_A_PATH & {*path} or path in _UNLISTED:
        raise ConfigurationError(f"{name}/index: lists a path that is not valid for a scheme file")
    return path


def _check_replaceable(folder: Path) -> None:
    """Check that a folder holds only files of an earlier copy, because they will be removed."""
    if not folder.exists():
        return
    index = folder / "index"
    lines = index.read_text("utf-8", "replace").split("\n") if index.is_file() else []
    known = _UNLISTED | {line.partition(" ")[2].partition("/")[2] for line in lines}
    added = [each.relative_to(folder).as_posix() for each in folder.rglob("*") if not each.is_dir()]
    for path in sorted({*added} - known):
        raise ConfigurationError(
            f"{path} in the folder does not belong to the scheme, and would be removed: move it, "
            "or choose another folder"
        )


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
    ) as temporary:
        draft = Path(temporary) / folder.name
        for path, content in files.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(content)
        Schemes(SchemeFolder(temporary), pinned={folder.name: files["pk.pem"]})
        if _time(draft) < _time(folder):
            raise ConfigurationError(
                "the scheme at the URL is older than the copy in the folder: an attacker may be "
                "hiding newer changes from you; to accept the older scheme, remove the folder"
            )
        _replace(folder, draft, Path(temporary) / "earlier")


def _time(folder: Path) -> int:
    """Return when a scheme was signed, in Unix seconds; 0 if the time is missing."""
    file = folder / "timestamp"
    written = file.read_bytes().strip() if file.is_file() else b""
    return int(written) if written.isdigit() and len(written) <= 20 else 0  # noqa: PLR2004


def _replace(folder: Path, draft: Path, earlier: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    try:
        folder.rename(earlier)
        draft.rename(folder)
    except BaseException:  # also after Ctrl-C: a folder left at `earlier` would be deleted
        if earlier.exists() and not folder.exists():
            earlier.rename(folder)
        raise


@contextmanager
def _reporting_os_errors() -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise ConfigurationError(f"the folder cannot be read or written: {reason}")
