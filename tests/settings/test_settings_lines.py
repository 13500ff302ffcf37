"""The line of each key in a TOML document."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_backend.settings_lines import TomlFault, read_toml

WORDS = st.text("ab-_1", min_size=1, max_size=4)
NAMES = st.one_of(
    WORDS,
    WORDS.map(lambda word: f'"{word}.\\t\\u00e9 #"'),
    WORDS.map(lambda word: f"'{word}\\ \"]'"),
)
VALUES = st.sampled_from(
    [
        "1",
        "1979-05-27T07:32:00Z",
        '"a # b"',
        "'c:\\'",
        '"quote \\" ] # end"',
        '"""two\nlines # [x]\n"""',
        '"""with "quotes"" and one more: \\""""',
        "'''\n[no.table]\nkey = 1\n'''''",
        '[1, # a comment with ]\n  "]",\n]',
        "{ a = '''\n''', b = [ {} ] }",
        '""',
        "[]",
    ]
)
BLANKS = st.sampled_from(["", "\n", "# a = 1\n", "  \t# [x]\n\n"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """Return a document, and the line of each key by its path."""
    text = ""
    table: tuple[str, ...] = ()
    lines: dict[tuple[str, ...], int] = {}
    for _ in range(draw(st.integers(0, 6))):
        text += draw(BLANKS)
        raw = draw(st.lists(NAMES, min_size=1, max_size=3))
        names = tuple(tomllib.loads(f"k = {_quoted(name)}")["k"] for name in raw)
        dotted = draw(st.sampled_from([".", " . "])).join(raw)
        line = text.count("\n") + 1
        if draw(st.booleans()):
            table = names
            added = f"[ {dotted} ]"
        else:
            names = (*table, *names)
            added = f"{dotted} = {draw(VALUES)}"
        for length in range(1, len(names) + 1):
            lines.setdefault(names[:length], line)
        text += added + draw(st.sampled_from(["\n", " # end\n", "\r\n"]))
    return text, lines


def _quoted(name: str) -> str:
    return name if name[0] in "\"'" else f'"{name}"'


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of each key, also in nested tables."""
    found: list[tuple[str, ...]] = []
    for key, value in values.items():
        found.append((*path, key))
        if isinstance(value, Mapping):
            found += leaves(value, (*path, key))
    return found


@given(documents())
def test_each_key_has_its_line(settings_file: tuple[str, dict[tuple[str, ...], int]]) -> None:
    """The line of a key is the line with its name, even if multi-line values precede it."""
    text, lines = settings_file
    try:
        document = read_toml(text.encode())
    except TomlFault:
        return  # two keys are the same
    assert {path: document.line_of(path) for path in lines} == lines
    assert document.values == tomllib.loads(text)


@given(st.text("ab.=[]{}\"'#,\n\r \\1", max_size=60).map(str.encode) | st.binary(max_size=20))
@example(b"a = {\n")
@example(b"\xef\xbb\xbfa = 1")
@example(b'a."b\\u0041" = 1')
@example(b"a = " + b"[" * 100_000)
@example(b"a = " + b"9" * 5_000)
def test_any_bytes_are_a_document_or_one_fault(content: bytes) -> None:
    """Any bytes are either TOML, in which each key has a line, or raise a fault with a line."""
    try:
        document = read_toml(content)
    except TomlFault as fault:
        found = [fault.line]
    else:
        paths = leaves(document.values)
        found = [document.line_of(path) for path in paths]
        assert all(path[:1] in document.lines for path in paths)
    assert all(1 <= line <= content.count(b"\n") + 1 for line in found)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a = 1\nb = [1\n", 2),
        (b"a = 1\n\nb = x\n", 3),
        (b"a = 1\nb = '\xff'", 2),
        (b"a = 1\ra = 2", 1),
        (b"a = " + b"[" * 100_000, 1),
        (b"a = " + b"9" * 5_000, 1),
    ],
)
def test_a_fault_has_its_line(content: bytes, line: int) -> None:
    """A fault names its line, which is the last line for an unfinished value."""
    with pytest.raises(TomlFault) as caught:
        read_toml(content)
    assert caught.value.line == line
