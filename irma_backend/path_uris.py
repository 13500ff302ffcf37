"""URIs that hold the path of a file: `file:PATH` and `sqlite:PATH` (RFC 8089)."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from irma_core.errors import ConfigurationError

__all__ = ["path_of", "resolve_path"]

_SCHEMES: Final = ("file", "sqlite")


def path_of(uri: str) -> Path:
    """Return the path of `SCHEME:PATH` or `SCHEME:///PATH`, which may be relative.

    Raises:
        ConfigurationError: The URI has no path, or has a remote host, a query or a fragment.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("file://?")
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        scheme = uri.partition(":")[0].lower()
        raise ConfigurationError(
            f"{scheme}: must be followed by a path; write %3F for ? and %23 for #"
        )
    return Path(unquote(parts.path))


def resolve_path(uri: str, folder: Path) -> str:
    """Return the URI, with a relative path resolved against the given folder.

    URIs with schemes that this package does not define are returned unchanged.

    Raises:
        ConfigurationError: As for `path_of`.
    """
    scheme = uri.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        return uri
    return f"{scheme}:{quote(str(folder / path_of(uri)))}"
