"""Processes that do not outlive the test that started them."""

from __future__ import annotations

import subprocess
from types import TracebackType
from typing import AnyStr, final

__all__ = ["Process"]


@final
class Process(subprocess.Popen[AnyStr]):
    """A process that is killed if its block fails; `Popen` would wait for its end."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, traceback)
