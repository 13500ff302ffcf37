"""Counts the work of a call, so that tests find excessive growth on busy machines too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["count_lines"]


def count_lines(call: Callable[[], object]) -> int:
    """Run a call in a separate thread, and count the lines that Python runs for it.

    Each round of a loop or comprehension counts, and a call of a C function counts as one line.
    Errors of the call are ignored, because a refusal takes work too.
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
