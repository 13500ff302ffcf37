"""Verify attribute-based signatures, compared with the official verifier in the same run."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.rounds import Effort, Row, ratios
from irma_proofs import powers
from tests.proofs.honest import honest
from tests.proofs.irmago import Irmago
from tests.proofs.made import STAMPS, scheme_files
from tests.proofs.verifying import verifier
from tests.realserver.build import GoMissing, build_proof_verifier

__all__ = ["rows"]

SIGNATURE = honest("2048 bits")
TEXT = json.dumps(SIGNATURE.json)
BY = verifier(min_key_bits=2048)
INSTALLED = vars(powers)["_GMPY2"]


def verify(_: int = 0) -> object:
    """Verify a signature of one credential of 2048 bits, with its time stamp."""
    return BY.verify(TEXT)


def rows(effort: Effort) -> Iterator[Row]:
    """Measure one signature against irmago's verifier, and many on two threads."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = build_proof_verifier()
        except GoMissing:  # without Go there is nothing to compare with
            pass
        else:
            yield from _against_irmago(effort, _irmago(program, Path(folder)))
    if INSTALLED is not None and len(os.sched_getaffinity(0)) > 1:
        yield _on_threads(effort)


def _irmago(program: Path, folder: Path) -> Irmago:
    for path, content in scheme_files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Irmago(program, folder, {STAMPS.url: [STAMPS.public_key]})


def _against_irmago(effort: Effort, irmago: Irmago) -> Iterator[Row]:
    question = SIGNATURE.question() | {"repeat": effort.times(60)}
    theirs: list[float] = []
    ours: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(effort.rounds):
        (answer,) = irmago.ask([question])
        assert answer["status"] == "VALID"
        theirs.append(answer["nanoseconds"] / 1e9)
        for with_gmpy2, spent in ours.items():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(powers, "_GMPY2", INSTALLED if with_gmpy2 else None)
                spent.append(_seconds(effort.times(60 if with_gmpy2 else 15)))
    name = "one credential of 2048 bits, verified / by the official verifier"
    if INSTALLED is not None:
        yield Row(f"{name}, gmpy2", ratios(ours[True], theirs), "x", 1.1)
    yield Row(name, ratios(ours[False], theirs), "x", 6.5)


def _seconds(count: int) -> float:
    verify()
    begin = time.process_time()
    for _ in range(count):
        verify()
    return (time.process_time() - begin) / count


def _on_threads(effort: Effort) -> Row:
    """Return the time of a hundred signatures on two threads, relative to one thread."""
    slices = 5  # so that other load affects both equally
    count = max(2, effort.times(100) // slices)
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(effort.rounds):
        spent = dict.fromkeys(taken, 0.0)
        for _ in range(slices):
            for threads in taken:
                with ThreadPoolExecutor(threads) as pool:
                    begin = time.perf_counter()
                    list(pool.map(verify, range(count)))
                    spent[threads] += time.perf_counter() - begin
        for threads, seconds in spent.items():
            taken[threads].append(seconds)
    name = "100 signatures of 2048 bits on two threads / on one, gmpy2"
    return Row(name, ratios(taken[2], taken[1]), "x", 0.7)
