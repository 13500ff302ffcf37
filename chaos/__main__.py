"""`make chaos`: test the library while servers and networks fail, with fixed seeds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

import pytest

from chaos import (
    backends,
    bodies,
    deadlines,
    idle_watches,
    idling,
    leaving,
    starts,
    threads,
    watches,
)
from chaos.findings import Finding

SEED = 20_261_123
CONTENTS: dict[str, Callable[[bool], Iterator[Finding]]] = {
    "starts": lambda full: starts.findings(2000 if full else 72, SEED),
    "watches": lambda full: watches.findings(500 if full else 24, SEED, with_dead=full),
    "deadlines": lambda full: deadlines.findings(5 if full else 1),
    "idle watches": lambda full: idle_watches.findings(5000 if full else 200, SEED),
    "leaving": lambda full: leaving.findings(
        1000 if full else 40, forks=20 if full else 3, seed=SEED
    ),
    "bodies": lambda full: bodies.findings(5 if full else 1),
    "idling": lambda full: idling.findings(1000 if full else 10, SEED),
    "backends": lambda full: backends.findings(
        500 if full else 40, SEED, longest=20.0 if full else 5.0, beside_a_crash=8 if full else 2
    ),
    "threads": lambda full: threads.findings(100_000 if full else 640),
}


def main() -> None:
    """Run the subjects, and print the table."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("subjects", nargs="*", choices=[[], *CONTENTS], default=[])
    parser.add_argument("--full", action="store_true", help="all counts; some minutes")
    chosen = parser.parse_args()
    for subject, play in CONTENTS.items():
        if not chosen.subjects or subject in chosen.subjects:
            try:
                for finding in play(chosen.full):
                    sys.stdout.write(f"{finding}\n")
                    sys.stdout.flush()
            except pytest.skip.Exception as skipped:  # a program that the subject needs is missing
                sys.stdout.write(f"{subject}: skipped, {skipped}\n")


if __name__ == "__main__":
    main()
