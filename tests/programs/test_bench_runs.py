"""The benchmarks run, and no test judges what they measure."""

import pytest

from benchmarks.__main__ import CONTENTS
from benchmarks.rounds import Effort, Row


@pytest.mark.parametrize("subject", CONTENTS)
def test_each_row_has_values_and_a_goal(subject: str) -> None:
    """Each row has one value for each round, and states its goal."""
    rows = list(CONTENTS[subject](Effort(rounds=2, scale=0.005)))
    assert rows
    for row in rows:
        assert len(row.values) == 2
        assert f"{row.goal:g}" in str(row)


def test_a_row_says_whether_its_goal_is_met() -> None:
    """A row compares its median with the goal, in either direction."""
    assert Row("x", [1.0, 2.0, 9.0], "x", 2.0).is_met
    assert "MISSED" in str(Row("x", [1.0, 2.0, 9.0], "x", 3.0, at_least=True))
