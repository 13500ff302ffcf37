"""Count the steps of a backtracking matcher, so that slow patterns are found on busy machines too.

The matcher works like Python's own, without its shortcuts, on the tree that Python's parser makes
from a pattern. A step is a character that is read, or a choice that is made.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, TypeAlias, final

__all__ = ["Counter", "Text", "TooManySteps", "samples", "single_nodes"]

Text: TypeAlias = str | bytes
Then: TypeAlias = Callable[[int], bool]
Matcher: TypeAlias = Callable[[int, Then], bool]
Node: TypeAlias = tuple[Any, Any]

_COMPILER: Any = importlib.import_module("re._compiler")
_CONSTANTS: Any = importlib.import_module("re._constants")
_PARSER: Any = importlib.import_module("re._parser")
_SINGLE = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
_FEW = 3


class TooManySteps(Exception):  # noqa: N818 - a finding, not a fault
    """A match took more steps than allowed."""


@final
class Counter:
    """Matches one pattern, and counts the steps.

    Args:
        pattern: Its source.
        flags: Its flags.
    """

    def __init__(self, pattern: Text, flags: int = 0) -> None:
        self._tree = _PARSER.parse(pattern, flags)
        self._flags: int = self._tree.state.flags
        self._match = self._sequence(self._tree)
        self._text: Text = pattern[:0]
        self._groups: dict[int, Text] = {}
        self._most = 0
        self.steps = 0

    def fullmatch(self, text: Text, *, most: int) -> bool:
        """Return whether the whole string matches; raise `TooManySteps` after `most` steps."""
        self._begin(text, most)
        with _deep_recursion():
            return self._match(0, lambda position: position == len(text))

    def search(self, text: Text, *, most: int) -> bool:
        """Return whether a part of the string matches; raise `TooManySteps` after `most` steps."""
        self._begin(text, most)
        with _deep_recursion():
            return any(self._match(start, _anything) for start in range(len(text) + 1))

    def _begin(self, text: Text, most: int) -> None:
        self._text, self._most, self.steps, self._groups = text, most, 0, {}

    def _step(self, number: int = 1) -> None:
        self.steps += number
        if self.steps > self._most:
            raise TooManySteps

    def _sequence(self, nodes: Iterable[Node]) -> Matcher:
        each = list(nodes)
        singles = [self._single(node) if str(node[0]) in _SINGLE else None for node in each]
        matchers = [None if str(node[0]) in _SINGLE else self._matcher(node) for node in each]

        def match(position: int, then: Then, index: int = 0) -> bool:
            # Consecutive characters are matched here, without a call for each.
            while index < len(singles):
                is_one_of = singles[index]
                if is_one_of is None:
                    matcher = matchers[index]
                    assert matcher is not None
                    return matcher(position, from_index(index + 1, then))
                self._step()
                character = self._text[position : position + 1]
                if not character or not is_one_of(character):
                    return False
                position, index = position + 1, index + 1
            return then(position)

        def from_index(index: int, then: Then) -> Then:
            return lambda reached: match(reached, then, index)

        return match

    def _matcher(self, node: Node) -> Matcher:
        make: Callable[[Any], Matcher] = getattr(self, f"_{str(node[0]).lower()}")
        return make(node[1])

    def _single(self, node: Node) -> Callable[[Text], bool]:
        return single(node, self._flags, is_bytes=isinstance(self._tree.state.str, bytes))

    def _at(self, where: Any) -> Matcher:
        is_word = self._single((_CONSTANTS.IN, [(_CONSTANTS.CATEGORY, _CONSTANTS.CATEGORY_WORD)]))

        def match(position: int, then: Then) -> bool:
            self._step()
            left = len(self._text) - position
            around = (self._text[max(position - 1, 0) : position], self._text[position:][:1])
            is_edge = len({bool(each) and is_word(each) for each in around}) > 1
            holds = {
                "AT_BEGINNING": position == 0,
                "AT_BEGINNING_STRING": position == 0,
                "AT_END": left == 0 or (left == 1 and self._text[position:] in {"\n", b"\n"}),
                "AT_END_STRING": left == 0,
                "AT_BOUNDARY": is_edge,
                "AT_NON_BOUNDARY": not is_edge,
            }[str(where)]
            return holds and then(position)

        return match

    def _subpattern(self, value: Any) -> Matcher:
        group, _added, _removed, tree = value
        inner = self._sequence(tree)

        def match(position: int, then: Then) -> bool:
            def after(reached: int) -> bool:
                self._groups[group] = self._text[position:reached]
                return then(reached)

            return inner(position, after)

        return match

    def _branch(self, value: Any) -> Matcher:
        options = [self._sequence(tree) for tree in value[1]]

        def match(position: int, then: Then) -> bool:
            for option in options:
                self._step()
                if option(position, then):
                    return True
            return False

        return match

    def _max_repeat(self, value: Any, *, gives_back: bool = True) -> Matcher:
        least, most, tree = int(value[0]), int(value[1]), list(value[2])
        if len(tree) == 1 and str(tree[0][0]) in _SINGLE:
            return self._repeated_character(least, most, tree[0], gives_back=gives_back)
        inner = self._sequence(tree)

        def match(position: int, then: Then, count: int = 0) -> bool:
            self._step()

            def again(reached: int) -> bool:
                is_progress = reached > position or count < least
                return is_progress and match(reached, then, count + 1)

            return (count < most and inner(position, again)) or (count >= least and then(position))

        return match

    def _min_repeat(self, value: Any) -> Matcher:
        least, most, inner = int(value[0]), int(value[1]), self._sequence(value[2])

        def match(position: int, then: Then, count: int = 0) -> bool:
            self._step()

            def again(reached: int) -> bool:
                is_progress = reached > position or count < least
                return is_progress and match(reached, then, count + 1)

            return (count >= least and then(position)) or (count < most and inner(position, again))

        return match

    def _possessive_repeat(self, value: Any) -> Matcher:
        return self._once(self._max_repeat(value, gives_back=False))

    def _repeated_character(
        self, least: int, most: int, node: Node, *, gives_back: bool
    ) -> Matcher:
        is_one_of = self._single(node)

        def match(position: int, then: Then) -> bool:
            # One call for all characters: most of the matcher's time goes here.
            text, end = self._text, min(len(self._text), position + most)
            reached = position
            while reached < end and is_one_of(text[reached : reached + 1]):
                reached += 1
            count = reached - position
            self._step(count + (count < most))
            for kept in range(count, least - 1, -1):
                self._step()
                if then(position + kept):
                    return True
                if not gives_back:
                    break
            return False

        return match

    def _atomic_group(self, value: Any) -> Matcher:
        return self._once(self._sequence(value))

    def _once(self, inner: Matcher) -> Matcher:
        """Match the first alternative only, even if the rest of the pattern then fails."""

        def match(position: int, then: Then) -> bool:
            reached = _first_end(inner, position)
            return reached is not None and then(reached)

        return match

    def _assert(self, value: Any, *, wanted: bool = True) -> Matcher:
        direction, tree = value
        inner, width = self._sequence(tree), tree.getwidth()[0] if direction < 0 else 0

        def match(position: int, then: Then) -> bool:
            self._step()
            start = position - width
            found = start >= 0 and _first_end(inner, start) is not None
            return found is wanted and then(position)

        return match

    def _assert_not(self, value: Any) -> Matcher:
        return self._assert(value, wanted=False)

    def _groupref(self, group: int) -> Matcher:
        def match(position: int, then: Then) -> bool:
            self._step()
            text = self._groups.get(group)
            if text is None or self._text[position : position + len(text)] != text:
                return False
            return then(position + len(text))

        return match


def single_nodes(pattern: Text, flags: int = 0) -> list[Callable[[Text], bool]]:
    """Return a function for each node that matches one character, which says if it does."""
    tree = _PARSER.parse(pattern, flags)
    return [
        single(node, tree.state.flags, is_bytes=isinstance(pattern, bytes))
        for node in _leaves(tree)
    ]


def samples(pattern: Text, flags: int = 0) -> list[Text]:
    """Return strings that begin to match the pattern, for each of its branches."""
    tree = _PARSER.parse(pattern, flags)
    empty: Text = pattern[:0]
    is_bytes = isinstance(pattern, bytes)
    found: list[Text] = []
    _extend([empty], tree, tree.state.flags, found, is_bytes=is_bytes)
    return list(dict.fromkeys([empty, *found]))


def _extend(
    begun: list[Text], nodes: Iterable[Node], flags: int, found: list[Text], *, is_bytes: bool
) -> list[Text]:
    """Extend each string by characters that the nodes accept; keep a few at each step."""
    for kind, value in nodes:
        name = str(kind)
        if name in _SINGLE:
            takes = single((kind, value), flags, is_bytes=is_bytes)
            one = next(filter(takes, _characters(is_bytes=is_bytes)), None)
            begun = [text + one for text in begun] if one is not None else begun  # type: ignore[operator]
        elif name == "SUBPATTERN":
            begun = _extend(begun, value[3], flags, found, is_bytes=is_bytes)
        elif name == "ATOMIC_GROUP":
            begun = _extend(begun, value, flags, found, is_bytes=is_bytes)
        elif name == "BRANCH":
            ways = [_extend(begun, way, flags, found, is_bytes=is_bytes) for way in value[1]]
            begun = [text for way in ways for text in way]
        elif name.endswith("_REPEAT"):
            for _ in range(min(max(int(value[0]), 1), 25)):
                begun = _extend(begun, value[2], flags, found, is_bytes=is_bytes)
        begun = begun[:_FEW]
        found += begun
    return begun


def _leaves(nodes: Iterable[Node]) -> Generator[Node]:
    for kind, value in nodes:
        name = str(kind)
        if name in _SINGLE:
            yield kind, value
        elif name == "BRANCH":
            for way in value[1]:
                yield from _leaves(way)
        elif name in {"SUBPATTERN", "ASSERT", "ASSERT_NOT"} or name.endswith("_REPEAT"):
            yield from _leaves(value[-1])
        elif name == "ATOMIC_GROUP":
            yield from _leaves(value)


def single(node: Node, flags: int, *, is_bytes: bool) -> Callable[[Text], bool]:
    """Return a function that asks Python's own matcher if a node accepts a character."""
    state = _PARSER.State()
    state.flags, state.str = flags, b"" if is_bytes else ""
    compiled = _COMPILER.compile(_PARSER.SubPattern(state, [node]), flags)

    @functools.cache
    def takes(character: Text) -> bool:
        return compiled.match(character) is not None

    return takes


def _characters(*, is_bytes: bool) -> list[Text]:
    letters = [chr(code) for code in (*range(97, 123), *range(256), 0x17F, 0x2028, 0xD800)]
    return [letter.encode("latin-1") for letter in letters[:-3]] if is_bytes else list(letters)


def _first_end(inner: Matcher, position: int) -> int | None:
    ends: list[int] = []

    def note(reached: int) -> bool:
        ends.append(reached)
        return True

    return ends[0] if inner(position, note) else None


def _anything(_position: int) -> bool:
    return True


@contextmanager
def _deep_recursion() -> Generator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
