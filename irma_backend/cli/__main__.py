"""Where the command line begins: as a script, or by `python -m irma_backend`.

Belongs here: what holds for every command, whatever happens in it: the streams, the signals, and
what is said where an extra is missing.
"""

import sys

from irma_backend.cli.interrupts import Interrupted, catch_signals, end_soon
from irma_backend.cli.output import abandon, guard, tell

__all__ = ["begin"]

_USAGE = 2


def begin() -> None:
    """Run the command line, and end the process with its exit status."""
    status = 0
    try:
        guard()
        catch_signals()
        status = _run()
        end_soon()
    except Interrupted as interrupt:
        end_soon()
        abandon()
        tell(str(interrupt))
        status = interrupt.status
    sys.exit(status)


def _run() -> int:
    try:
        from irma_backend.cli.exit_statuses import run  # noqa: PLC0415  # it needs click
        from irma_backend.cli.main import main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        tell("Error: the command line needs click: pip install 'irma-backend[cli]'")
        return _USAGE
    return run(main)


if __name__ == "__main__":
    begin()
