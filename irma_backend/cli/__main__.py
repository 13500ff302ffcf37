"""The entry point of the command line, as a script or as `python -m irma_backend`."""

import sys

from irma_backend.cli.interrupts import Interrupted, catch_signals, ignore_signals
from irma_backend.cli.output import discard_output, guard_streams, print_message

__all__ = ["begin"]

_USAGE = 2


def begin() -> None:
    """Run the command line and exit with its status."""
    status = 0
    try:
        guard_streams()
        catch_signals()
        status = _run()
        ignore_signals()
    except Interrupted as interrupt:
        ignore_signals()
        discard_output()
        print_message(str(interrupt))
        status = interrupt.status
    sys.exit(status)


def _run() -> int:
    try:
        from irma_backend.cli.exit_statuses import run  # noqa: PLC0415  # it needs click
        from irma_backend.cli.main import main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print_message("Error: the command line needs click: pip install 'irma-backend[cli]'")
        return _USAGE
    return run(main)


if __name__ == "__main__":
    begin()
