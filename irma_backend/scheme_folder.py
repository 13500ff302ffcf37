"""Read schemes from a folder with the layout that the official server uses."""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_instance
from irma_core.tracebacks import boundary

__all__ = ["SchemeFolder"]

_LONGEST: Final = 16 * 2**20


@final
@boundary
class SchemeFolder:
    """A folder with one subfolder for each scheme. It implements `irma_proofs.SchemeFiles`.

    Args:
        path: The folder, such as `irma_configuration` of the official server.

    Raises:
        ConfigurationError: There is no folder.
        UsageError: The path has the wrong type.
    """

    def __init__(self, path: str | Path) -> None:
        check_instance(path, (str, Path), "path", "a string or a Path")
        self._path = Path(path)
        if not str(path) or not _is_folder(self._path):
            raise ConfigurationError("path: must be the folder that holds the schemes")

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Args:
            path: The path relative to the folder, with slashes.

        Raises:
            ConfigurationError: The path leads out of the folder, the file cannot be read, or it
                exceeds 16 MiB.
        """
        check_instance(path, str, "path", "a string")
        if {"..", ""} & set(path.split("/")):
            raise ConfigurationError(f"path {path}: must be inside the folder of schemes")
        try:
            with (self._path / path).open("rb") as file:
                data = file.read(_LONGEST + 1)
        except (OSError, ValueError):  # ValueError is for a null character
            raise ConfigurationError(f"path {path}: is not a readable file") from None
        if len(data) > _LONGEST:
            raise ConfigurationError(f"path {path}: must not be larger than {_LONGEST} bytes")
        return data


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # for example because the file name is too long
        return False
