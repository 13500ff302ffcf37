"""Where the command line begins: as a script, or by `python -m irma_backend.cli`.

Belongs here: what is said where the extra is missing, without which there is no command line.
"""

import sys

__all__ = ["begin"]


def begin() -> None:
    """Run the command line, or say what to install first."""
    try:
        from irma_backend.cli.main import main  # noqa: PLC0415  # it needs click
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("Error: the command line needs click: pip install 'irma-backend[cli]'\n")
        sys.exit(2)
    main(prog_name="irma-backend")


if __name__ == "__main__":
    begin()
