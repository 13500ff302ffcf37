"""Read schemes from a folder, as the official server keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

from irma_core.errors import ConfigurationError
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
        ConfigurationError: The path is not a folder.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if not self._path.is_dir():
            raise ConfigurationError(f"{self._path}: must be the folder that holds the schemes")

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Args:
            path: The path below the folder, with slashes.

        Raises:
            ConfigurationError: The path leads out of the folder, or the file exceeds 16 MiB.
            OSError: The file cannot be read.
        """
        if {"..", ""} & set(path.split("/")):
            raise ConfigurationError(f"{path}: must be a path inside the folder")
        with (self._path / path).open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise ConfigurationError(f"{path}: must not be larger than {_LONGEST} bytes")
        return data
