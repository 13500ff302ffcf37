"""Measure CPU time in alternating rounds, so that figures are ratios within one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

__all__ = ["Effort", "Row", "Work", "alternate", "differences", "ratios"]

Work: TypeAlias = Callable[[], object]

SLICES = 25
"""The slices of a workload in a round; they alternate, so that other load affects all equally."""


@dataclass(frozen=True)
class Effort:
    """The number of rounds, and a scale for the repetitions; a test uses few rounds."""

    rounds: int = 9
    scale: float = 1.0

    def times(self, count: int) -> int:
        """Return the number of repetitions within a round."""
        return max(1, round(count * self.scale))


@dataclass(frozen=True)
class Row:
    """A figure: its name, its values by round, their unit, and the goal for the median."""

    name: str
    values: list[float]
    unit: str
    goal: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        middle = median(self.values)
        return middle >= self.goal if self.at_least else middle <= self.goal

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        spread = f"{min(self.values):.2f} .. {max(self.values):.2f}"
        return (
            f"{self.name:<62} {median(self.values):>8.2f} {self.unit:<4} {spread:>18}   "
            f"{sign} {self.goal:g} {'met' if self.is_met else 'MISSED'}"
        )


def alternate(effort: Effort, count: int, works: Mapping[str, Work]) -> dict[str, list[float]]:
    """Measure each workload in every round, in alternating slices.

    Returns:
        By the workload's name, the CPU seconds of one call in each round.
    """
    slices = min(SLICES, effort.times(count))
    share = effort.times(count) // slices
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    gc.freeze()
    for _ in range(effort.rounds):
        spent = dict.fromkeys(works, 0.0)
        for _ in range(slices):
            for name, work in works.items():
                begin = time.process_time()
                for _ in range(share):
                    work()
                spent[name] += time.process_time() - begin
        for name, seconds in spent.items():
            taken[name].append(seconds / (slices * share))
    gc.unfreeze()
    return taken


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Return `above` divided by `below`, for each round."""
    return [one / other for one, other in zip(above, below, strict=True)]


def differences(above: list[float], below: list[float]) -> list[float]:
    """Return `above` minus `below` for each round, in microseconds; both are in seconds."""
    return [(one - other) * 1e6 for one, other in zip(above, below, strict=True)]
