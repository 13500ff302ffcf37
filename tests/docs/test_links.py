"""The links in the documentation lead to existing pages and headings, and its names exist."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

import irma_core
from irma_core import errors

ROOT = Path(__file__).parent.parent.parent
WRITTEN = [
    page for page in sorted((ROOT / "docs").rglob("*.md")) if ".pytest_cache" not in page.parts
]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *WRITTEN]
THREATS = ROOT / "docs" / "explanation" / "threat-model.md"
_CODE = re.compile(r"```.*?```", re.DOTALL)


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return _CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    """Each link leads to a file of the project, and its anchor is a heading in that file."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_found_from_readme() -> None:
    """Links lead from README to every page, directly or through other pages."""
    found, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in PAGES and page not in found:
            found.add(page)
            targets = re.findall(r"\]\(([^)#\s]+)", prose(page))
            ahead += [(page.parent / target).resolve() for target in targets]
    assert [page.name for page in PAGES if page not in found] == []


def test_errors_in_the_threat_model_are_tested() -> None:
    """Each error in the threat model is a public error, and a test mentions it."""
    named = set(re.findall(r"`(\w+Error)`", prose(THREATS)))
    assert len(named) > 12
    assert named <= set(errors.__all__)
    tests = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    for error in named:
        assert error in tests.replace(Path(__file__).read_text(encoding="utf-8"), "")


@pytest.mark.parametrize(
    "name",
    [
        "Answer.schemes",
        "Answer.signature",
        "Evidence.SIGNED",
        "Risk.SIMULATED_PROOFS",
        "SessionPointer.link",
        "SessionResult.answer_to",
        "SignatureRequest",
        "all_of",
        "verify_result_jwt",
    ],
)
def test_the_names_in_the_threat_model_exist(name: str) -> None:
    """Each listed name is in the threat model, and `irma_core` exports it."""
    thing: object = irma_core
    for part in name.split("."):
        thing = getattr(thing, part)
    assert name.rpartition(".")[2] in prose(THREATS)


def test_each_module_that_a_page_names_exists() -> None:
    """Each dotted name on a page is a module of this project, or a name in such a module."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(
            r"`(irma_(?:core|backend|testing|transport\w*)(?:\.\w+)+)`", prose(page)
        )
    }
    assert len(named) > 10
    for name in named:
        assert resolve_name(name) is not None
