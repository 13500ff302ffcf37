"""Counts the work of a call, so that excessive growth is found on busy machines too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["count_lines"]


def count_lines(call: Callable[[], object]) -> int:
    """Run a call in a thread of its own, and count the lines that Python runs meanwhile.

    Loops and comprehensions count; what a function of C does is one line. What the call raises is
    ignored: refusing takes work too.
    """
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            call()
        except Exception:  # noqa: BLE001 - see above
            pass
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return lines
