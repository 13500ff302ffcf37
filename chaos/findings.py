"""What a run of the chaos found: a figure, its goal, and whether it is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Finding", "percentile"]


@dataclass(frozen=True)
class Finding:
    """One figure; met if it is at most the goal, or at least."""

    name: str
    value: float
    goal: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "met" if self.is_met else "MISSED"
        return f"{self.name:<66} {self.value:>10.3f}   {sign} {self.goal:g} {verdict}"


def percentile(values: Sequence[float], share: float = 0.99) -> float:
    """Return the value that this share of all does not exceed."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]
