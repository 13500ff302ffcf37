"""The entry point of the command line, as a script or as `python -m irma_backend`.

Importing the other modules takes most of a short command's time. This module sets the signal
handlers first, so that Ctrl-C never shows a traceback.
"""

import sys

from irma_backend.cli.interrupts import Interrupted, catch_signals, ignore_signals

__all__ = ["begin"]

_USAGE = 2


def begin() -> None:
    """Run the command line and exit with its status."""
    status = 0
    try:
        catch_signals()
        status = _run()
        ignore_signals()
    except Interrupted as interrupt:
        ignore_signals()
        _report(interrupt)
        status = interrupt.status
    sys.exit(status)


def _run() -> int:
    from irma_backend.cli.output import guard_streams, print_message  # noqa: PLC0415  # see above

    guard_streams()
    try:
        from irma_backend.cli.exit_statuses import run  # noqa: PLC0415  # it needs click
        from irma_backend.cli.main import main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print_message("Error: the command line needs click: pip install 'irma-backend[cli]'")
        return _USAGE
    return run(main)


def _report(interrupt: Interrupted) -> None:
    from irma_backend.cli.output import discard_output, print_message  # noqa: PLC0415  # see above

    discard_output()
    print_message(str(interrupt))


if __name__ == "__main__":
    begin()
