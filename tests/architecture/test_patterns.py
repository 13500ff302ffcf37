"""No regular expression takes work that grows faster than its input."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from tests.architecture.backtracking import Counter, Text, TooManySteps, samples, single_nodes
from tests.architecture.patterns import Found, find_in, find_patterns

pytestmark = pytest.mark.search
SMALL, FACTOR = 40, 4
LARGE = SMALL * FACTOR
# Linear work grows by the factor; the extra half is for repetitions that begin late.
MOST_GROWTH = FACTOR * 1.5
MOST_AT_ALL = 50_000
STRANGE = ["\x00", "\n", "!", "\u20ac"]


def alphabet(found: Found) -> list[Text]:
    """Return characters that distinguish the positions of a pattern, the most useful ones first."""
    is_bytes = isinstance(found.pattern, bytes)
    takers = single_nodes(found.pattern, found.flags)
    letters = [chr(code) for code in range(128)]
    texts: list[Text] = [letter.encode() for letter in letters] if is_bytes else list(letters)
    by_places: dict[tuple[bool, ...], Text] = {}
    for text in texts:
        by_places.setdefault(tuple(takes(text) for takes in takers), text)
    ranked = sorted(by_places.items(), key=lambda each: -sum(each[0]))
    return [text for _places, text in ranked][:7]


def literal_words(pattern: Text) -> list[Text]:
    """Return the literal words of a pattern, for inputs that repeat one of them."""
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\[[^]]*+\]|\\.|\(\?P[<=]\w+", " ", text))
    chosen = list(dict.fromkeys(words))[:6]
    return list(chosen) if isinstance(pattern, str) else [word.encode() for word in chosen]


def bad_inputs(found: Found, size: int) -> list[Text]:
    """Return long strings that begin to match the pattern, but do not match in the end."""
    letters = alphabet(found)
    starts = samples(found.pattern, found.flags)
    pumps = [*letters, *(start for start in starts[-2:] if start), *literal_words(found.pattern)]
    pumps += [one + two for one, two in itertools.permutations(letters[:4], 2)]  # type: ignore[operator]
    is_bytes = isinstance(found.pattern, bytes)
    ends: list[Text] = [end.encode() for end in STRANGE[:2]] if is_bytes else list(STRANGE[:2])
    ends += [letters[-1], found.pattern[:0]]
    starts = starts if len(starts) < 6 else [*starts[:3], *starts[-3:]]
    return [
        start + pump * (max(SMALL // len(pump), 1) * (size // SMALL)) + end  # type: ignore[operator]
        for start in starts
        for pump in pumps
        for end in dict.fromkeys(ends)
    ]


def complaints(found: Found) -> list[str]:
    """Return each use of the pattern in which the work grows too fast, with an input."""
    counter = Counter(found.pattern, found.flags)
    compiled: re.Pattern[Any] = re.compile(found.pattern, found.flags)
    said: list[str] = []
    for method in ("fullmatch", "search"):
        count, real = getattr(counter, method), getattr(compiled, method)
        for small, large in zip(bad_inputs(found, SMALL), bad_inputs(found, LARGE), strict=True):
            try:
                matched = count(small, most=MOST_AT_ALL)
                before = counter.steps
                count(large, most=int(before * MOST_GROWTH) + 2 * len(large))
            except TooManySteps:
                said.append(f"{method} {found.pattern!r} on {small!r}")
                break
            assert matched is (real(small) is not None), (found, method, small)
    return said


PATTERNS = find_patterns()


@pytest.mark.parametrize("found", PATTERNS, ids=lambda found: str(found.place))
def test_work_grows_no_faster_than_the_input(found: Found) -> None:
    """A string that is four times as long takes about four times as many steps."""
    assert complaints(found) == []


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(https?://[^/?#@\s\\]+)([\x21-\x22\x24-\x7e]*)", "fullmatch"),
        (r"[\w-]+\.[\w-]+\.[\w-]+", "search"),
        (r"gAAAA[\w-]{20,}|eyJ[\w-]+\.[\w-]+\.|(?<=session/)\w{20}", "search"),
        (r"(a+)+b", "fullmatch"),
        (r"(?:a|a)*b", "fullmatch"),
        (r"(?:a|ab?)*c", "fullmatch"),
        (r"\s+$", "search"),
        (r"x.*=.*=y", "fullmatch"),
        (r"(?:[a-z]+,?)*;", "fullmatch"),
        (r"<[^>]*>", "search"),
        (r".*?,.*?,x", "fullmatch"),
        (rb"[a-f]*[0-9a-f]*\n\n", "fullmatch"),
    ],
)
def test_a_slow_pattern_is_found(pattern: Text, method: str) -> None:
    """The check of patterns finds those that take quadratic work or more."""
    said = complaints(Found("here", pattern, 0))
    assert any(each.startswith(method) for each in said)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?>a+)b",
        r"a++b",
        r"\A[a-z]+\.[a-z]+",
        r"(?:[a-z]++,)*+;",
        r"(?<!a)a{1,9}b",
        r"(a)\1?(?=b)",
    ],
)
def test_a_fast_pattern_is_accepted(pattern: Text) -> None:
    """Possessive, atomic, anchored and bounded repetitions backtrack little or not at all."""
    assert [said for said in complaints(Found("here", pattern, 0)) if "fullmatch" in said] == []


def test_patterns_are_found_everywhere() -> None:
    """Patterns are found in modules, classes and functions, with flags and any function of `re`."""
    source = """
import re
PART = "[a-z]"
class A:
    B = re.compile(rf"{PART}+x", re.ASCII | re.IGNORECASE)
def c(text):
    return re.sub(pattern="d", repl="", string=text), re.split(r"e", text, flags=re.DOTALL)
"""
    found = [(each.pattern, each.flags) for each in find_in(source, "here")]
    ours = re.ASCII | re.IGNORECASE
    assert sorted(found) == [("[a-z]+x", ours), ("d", 0), ("e", re.DOTALL)]
    assert len(PATTERNS) > 40


@pytest.mark.parametrize(
    "source", ["import re\ndef f(x):\n    return re.search(x, '')", "from re import compile"]
)
def test_an_untestable_pattern_is_an_error(source: str) -> None:
    """A pattern that is only known at run time is reported as an error."""
    with pytest.raises(ValueError, match="here:"):
        list(find_in(source, "here"))
