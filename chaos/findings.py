"""The findings of a run: figures, their goals, and whether they are met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Finding", "percentile"]


@dataclass(frozen=True)
class Finding:
    """A figure, which must be at most or at least its goal."""

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
    """Return the value that this share of all values does not exceed."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]
