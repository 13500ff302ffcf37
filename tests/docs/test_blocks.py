"""A test runs every code block of the documentation, or compares it with code that runs."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from importlib import import_module
from pathlib import Path

import click
import pytest

from irma_backend.cli.main import main
from tests.docs.pages import PAGES, ROOT, blocks, code_of, runs

TESTS = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
SHELL_BLOCKS = {
    "CONTRIBUTING.md": 1,
    "README.md": 2,
    "docs/tutorial.md": 7,
    "docs/settings.md": 1,
    "docs/examples/irma-signing-pkcs11/README.md": 3,
    "docs/how-to/any-other-framework.md": 1,
    "docs/how-to/django.md": 2,
    "docs/how-to/django-allauth.md": 1,
    "docs/how-to/fastapi.md": 2,
    "docs/how-to/flask.md": 2,
    "docs/how-to/sign-documents.md": 1,
    "docs/how-to/redis.md": 1,
    "docs/how-to/store-in-sqlalchemy.md": 1,
    "docs/how-to/test-your-application.md": 1,
    "docs/how-to/find-attributes.md": 2,
    "docs/how-to/verify-signatures.md": 2,
    "docs/how-to/write-a-signing-scheme.md": 1,
    "docs/how-to/write-a-status-backend.md": 1,
    "docs/how-to/write-a-store.md": 1,
    "docs/how-to/write-a-transport.md": 1,
}
COMMANDS = ROOT / "irma_web_django" / "management" / "commands"
"""Commands of `manage.py` in addition to Django's own."""
OTHER_PROGRAMS = {
    *("apt-get", "django-admin", "echo", "export", "flask", "irma", "openssl", "softhsm2-util"),
    "uvicorn",
}
"""External programs, which `tests/realserver` and the plugins' own tests start."""


def declared_blocks() -> Counter[tuple[str, str]]:
    """Return the number of blocks that the tests of this folder declare, by page and language."""
    declared: Counter[tuple[str, str]] = Counter()
    for module in TESTS:
        for name, test in vars(import_module(f"tests.docs.{module}")).items():
            for page, counts in getattr(test, "declared_blocks", ()):
                assert name.startswith("test_")
                for language, count in counts.items():
                    declared[page, language] += count
    return declared


def test_every_block_is_run() -> None:
    """For each page and language, the tests declare exactly as many blocks as the page has."""
    present = Counter(
        (page.relative_to(ROOT).as_posix(), block.language)
        for page in PAGES
        for block in blocks(page.relative_to(ROOT).as_posix())
    )
    assert declared_blocks() == present


def test_blocks_have_a_language() -> None:
    """Every fence that opens a code block names a language, so that the tests find the block."""
    for page in PAGES:
        fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert all(fences[::2]), page
        assert not any(fences[1::2]), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_extras_are_quoted(page: Path) -> None:
    """A page quotes the brackets of an extra, because zsh, the shell of macOS, expands them."""
    assert not re.findall(r"pip install [^'`\n]*\[", page.read_text(encoding="utf-8"))


def commands_of(page: str) -> list[list[str]]:
    """Return the words of each command in the shell blocks of a page, without assignments."""
    lines = "".join(code_of(page, "sh")).replace("\\\n", " ").splitlines()
    return [
        [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)] for line in lines
    ]


@runs("CONTRIBUTING.md", sh=SHELL_BLOCKS["CONTRIBUTING.md"])
@runs("README.md", sh=SHELL_BLOCKS["README.md"])
@runs("docs/tutorial.md", sh=SHELL_BLOCKS["docs/tutorial.md"])
@runs("docs/settings.md", sh=1)
@runs("docs/examples/irma-signing-pkcs11/README.md", sh=3)
@runs("docs/how-to/any-other-framework.md", sh=1)
@runs("docs/how-to/django.md", sh=2)
@runs("docs/how-to/django-allauth.md", sh=1)
@runs("docs/how-to/fastapi.md", sh=2)
@runs("docs/how-to/flask.md", sh=2)
@runs("docs/how-to/redis.md", sh=1)
@runs("docs/how-to/sign-documents.md", sh=1)
@runs("docs/how-to/store-in-sqlalchemy.md", sh=1)
@runs("docs/how-to/test-your-application.md", sh=1)
@runs("docs/how-to/find-attributes.md", sh=2)
@runs("docs/how-to/verify-signatures.md", sh=2)
@runs("docs/how-to/write-a-signing-scheme.md", sh=1)
@runs("docs/how-to/write-a-status-backend.md", sh=1)
@runs("docs/how-to/write-a-store.md", sh=1)
@runs("docs/how-to/write-a-transport.md", sh=1)
@pytest.mark.parametrize("page", SHELL_BLOCKS)
def test_commands_exist(page: str) -> None:
    """Every command on a page is a target of `make`, a command of ours, or a known program."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    directory = (ROOT / page).parent
    for program, *arguments in commands_of(page):
        match program:
            case "make":
                assert arguments[0] in targets
            case "irma-backend":
                assert arguments[0] in main.list_commands(click.Context(main))
            case "cd":
                directory = ROOT / arguments[0]
                assert directory.is_dir()
            case "python" if arguments[0] == "manage.py":
                assert arguments[1] == "migrate" or (COMMANDS / f"{arguments[1]}.py").is_file()
            case "." | "python":  # an environment variable, or a file that the page itself shows
                assert len(arguments) == 1
            case "pytest":
                assert all(list((ROOT / "docs").rglob(name)) for name in arguments)
            case "pip":
                assert arguments[0] == "install"  # `test_samples` checks what is installed
            case _:
                assert program in OTHER_PROGRAMS
