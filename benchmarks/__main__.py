"""`make bench`: print the figures that have goals; `CONTENTS` lists the subjects."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from benchmarks import (
    importing,
    many_at_once,
    proving,
    reading,
    receiving,
    signing_parts,
    starting,
    verifying,
    web_adapters,
)
from benchmarks.rounds import Effort, Row

CONTENTS: dict[str, Callable[[Effort], Iterator[Row]]] = {
    "start": starting.rows,
    "async": many_at_once.rows,
    "read": reading.rows,
    "plugins": signing_parts.rows,
    "verify": verifying.rows,
    "proofs": proving.rows,
    "callback": receiving.rows,
    "web": web_adapters.rows,
    "import": importing.rows,
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(CONTENTS))
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    if unknown := set(chosen.subjects) - set(CONTENTS):
        parser.error(
            f"unknown subject: {', '.join(sorted(unknown))}; known are {', '.join(CONTENTS)}"
        )
    write = sys.stdout.write
    write(f"{'CPU time of this process':<62} {'median':>8}      {'min .. max':>18}   goal\n")
    for subject, rows in CONTENTS.items():
        if not chosen.subjects or subject in chosen.subjects:
            for row in rows(Effort(chosen.rounds)):
                write(f"{row}\n")


if __name__ == "__main__":
    main()
