"""Run the command line as `python -m irma_backend`."""

from irma_backend.cli.__main__ import begin

if __name__ == "__main__":
    begin()
