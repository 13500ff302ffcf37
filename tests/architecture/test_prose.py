"""The style sheet of CONTRIBUTING.md, as far as patterns can check it."""

import ast
import re
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.search
ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("irma_*", "benchmarks", "chaos", "docs", "mutants", "tests")
THIS = Path(__file__)


class Rule(NamedTuple):
    """A pattern for prose to avoid, and what to write instead."""

    pattern: str
    instead: str


RULES = {
    "give": Rule(r"(?m)\A\s*Give\s(?!(?:either|the browser a handle)\b)", "Return …"),
    "headless who": Rule(
        r"\b(?:for|of|to|by|with|from|on|in|than) who\b(?! (?:lies|may)\b)|\b[Ww]hoever\b"
        r"|\A\s*Who\b(?!.*\?)",
        "name the actor: the caller, the server, callers that …",
    ),
    "is none": Rule(
        r"(?<!\b[Tt]here )\b(?:is|are|was|were) none\b(?! of\b)", "is not a …, is invalid"
    ),
    "at hand": Rule(r"\bat hand\b", "available, cached"),
    "anew": Rule(r"\banew\b", "again"),
    "colour": Rule(r"\b[Cc]olours?\b", "mode"),
    "told": Rule(r"\b(?:told|telling|tells|tell)\b(?! apart\b)", "report, notify, return, raise"),
    "a text": Rule(r"\b(?:a|one|no|any|this|that|the|other) texts?\b(?! to sign\b)", "a string"),
    "the wire": Rule(r"\b(?:on|over|of|by) the wire\b|\bthe wire failed\b", "the network, JSON"),
    "by name": Rule(r"\b(?:allowed|permission|named|risk|risks) by name\b", "explicitly"),
    "blanks": Rule(r"(?<!about:)\bblanks?\b(?! line)", "whitespace"),
    "belongs here": Rule(
        r"\bBelongs here: ",
        "one sentence that says what the module is",
    ),
    "what": Rule(r"\A\s*What (?!.*\?)", "the thing itself: The settings for …, Return …"),
    "away": Rule(r"\b(?:is|are|was|were|be) away\b(?! from\b)", "down, unreachable"),
    "floor": Rule(r"\b[Tt]he floor\b", "the class or the package that is meant"),
    "young enough": Rule(r"\byoung enough\b", "recent enough"),
    "as it is": Rule(
        r"\b(?:sent|shown|signed|returned|taken|stays?|kept|left) as it (?:is|was)\b", "unchanged"
    ),
    "comes back": Rule(r"\b(?:comes?|came) back (?:as|in|with)\b", "is returned"),
    "half sentence": Rule(r"\A\s*(?:And|Nor|Else|Whatever|Neither|Or)\b", "a whole sentence"),
}
"""The name of a rule, the pattern that breaks it, and what to write."""


KEPT_HEADS = {
    "irma_core/errors.py",
    "irma_core/wire/__init__.py",
    "irma_core/protocol/transport.py",
    "irma_core/protocol/policy.py",
    "irma_core/flows/effects.py",
    "irma_core/flows/driver.py",
    "irma_core/trust/jws.py",
    "irma_core/plugins/hookspecs.py",
}
"""Modules that say what belongs there, because code is easily put into the wrong one."""


class Passage(NamedTuple):
    """Prose, and its line."""

    line: int
    text: str


def passages(path: Path) -> Iterator[Passage]:
    """Yield the prose of a file: its docstrings, comments and strings, or the text of a page."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        in_block = False
        for number, line in enumerate(source.splitlines(), 1):
            if line.lstrip().startswith("```"):
                in_block = not in_block
            elif not in_block:
                yield Passage(number, re.sub(r"`[^`]*`", "`x`", line))
        return
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(token.start[0], token.string.lstrip("# "))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Passage(node.lineno, node.value)


def files() -> list[Path]:
    """Return all files that contain our prose."""
    found = [*ROOT.glob("*.md")]
    for folder in FOLDERS:
        for base in ROOT.glob(folder):
            found += [path for path in base.rglob("*") if path.suffix in (".py", ".md")]
    outside = {ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", THIS}
    return sorted(
        path
        for path in found
        if path not in outside and not {"vectors", "node_modules"} & set(path.parts)
    )


def broken_rules(path: Path) -> list[str]:
    """Return the places at which a file breaks a rule."""
    name = path.relative_to(ROOT).as_posix()
    return [
        f"{name}:{passage.line}: {rule}; write: {RULES[rule].instead}"
        for passage in passages(path)
        for rule in RULES
        if re.search(RULES[rule].pattern, passage.text)
        and not (rule == "belongs here" and name in KEPT_HEADS)
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_follows_the_style_sheet(path: Path) -> None:
    """No docstring, comment, string or page breaks a rule that a pattern can find."""
    broken = broken_rules(path)
    assert not broken, "\n".join(broken)


def test_each_rule_matches_its_example() -> None:
    """Every rule matches its example."""
    examples = {
        "give": "Give the answer.",
        "headless who": "It is for who cannot wait.",
        "is none": "The reply is none.",
        "at hand": "A key at hand.",
        "anew": "Start anew.",
        "colour": "In both colours.",
        "told": "The caller is told.",
        "a text": "It must be a text.",
        "the wire": "It is JSON on the wire.",
        "by name": "A risk allowed by name.",
        "blanks": "Blanks, or a blank.",
        "belongs here": "Belongs here: checks.",
        "what": "What the flow returns.",
        "away": "The server is away.",
        "floor": "The floor refuses it.",
        "young enough": "The proof is young enough.",
        "as it is": "The body is sent as it is.",
        "comes back": "It comes back with a code.",
        "half sentence": "Nor to anybody else.",
    }
    assert examples.keys() == RULES.keys()
    for rule, example in examples.items():
        assert re.search(RULES[rule].pattern, example), rule
