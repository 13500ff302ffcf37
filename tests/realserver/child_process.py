"""A child process that never outlives its parent."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self


class StartError(Exception):
    """A child process did not start; the message holds the end of its log."""


class ChildProcess:
    """A child that ends when its stdin is closed.

    The parent holds the other end, so the child ends with its parent, even after a SIGKILL.
    The child has its own process group: Ctrl-C reaches only the tests, which stop the child.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, read_stdout: bool = False):
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if read_stdout else errors,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None, "start it with read_stdout"
        return self._process.stdout

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of the child's log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """End the child's input, wait for it, and kill it if it does not react."""
        with suppress(BrokenPipeError):  # the child ended with unread input
            self.stdin.close()
        try:
            self._process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Stop the child and close its output, which must not be read any more."""
        self.stop()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
