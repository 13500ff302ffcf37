"""Patterns of hosts, as the official server reads them."""

from __future__ import annotations

import pytest

from irma_testing.memory.go_urls import matches_path
from tests.counting import count_lines


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "irma.example:80", True),
        ("*", "a/b", False),
        ("*.example", "irma.example", True),
        ("*.example", ".example", True),
        ("*.example", "irma.example.evil", False),
        ("**a*b", "aab", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a?", "a", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[^a]", "/", True),
        ("[c-a]", "b", False),
        ("[]a]", "]", False),
        (r"[\]a]", "]", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("a\\", "a", False),
        ("[a", "a", False),
        ("[a-]", "a", False),
        ("", "", True),
        ("", "a", False),
        ("**[^[]*", "-]b/bb", False),
    ],
)
def test_a_pattern_matches_as_in_go(pattern: str, name: str, fits: bool) -> None:
    """Patterns of hosts match as in Go, and a malformed pattern matches nothing."""
    assert matches_path(pattern, name) is fits


def test_stars_take_linear_work() -> None:
    """The work to match a pattern with many stars grows linearly with the length of the name."""
    pattern, name = "*a" * 10 + "b", "a" * 50
    few = count_lines(lambda: matches_path(pattern, name))
    many = count_lines(lambda: matches_path(pattern, name * 4))
    assert many < 5 * few
