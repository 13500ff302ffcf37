"""Readers copy samples into production, so no sample may contain a known trap."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, code_of

EXAMPLES = sorted((ROOT / "docs" / "examples").rglob("*.py"))


def samples() -> Iterator[tuple[str, str]]:
    """Yield the name and the code of each sample, including the tests of samples."""
    for page in PAGES:
        for number, code in enumerate(code_of(page.relative_to(ROOT).as_posix())):
            first = code.splitlines()[0].removeprefix("# ")
            yield f"{page.relative_to(ROOT)}-{number}-{first[:30]}", textwrap.dedent(code)
    for file in EXAMPLES:
        yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")


SAMPLES = dict(samples())
APPLICATIONS = {
    name: code for name, code in SAMPLES.items() if "test_" not in name and "conftest" not in name
}
"""The samples that readers copy into programs: all except tests."""


def unguarded_reads(code: str) -> list[str]:
    """Return the slots whose value is read although the app may disclose them without a value."""
    read = set(re.findall(r"\[[\"'](\w+)[\"']\]\.value\b", code))
    guarded = set()
    for node in ast.walk(ast.parse(code)) if read else ():
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    asked = ast.unparse(value)
                    if "not_null=True" in asked or "value=" in asked:
                        guarded.add(str(key.value))
        if isinstance(node, ast.Assign) and "value=" in ast.unparse(node.value):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            guarded |= {
                slot for slot in read for name in names if re.search(rf'"{slot}": {name}\b', code)
            }
    return sorted(read - guarded)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_samples_read_only_demanded_values(name: str) -> None:
    """A sample reads a slot's value only if its request demands one, because it may be null."""
    assert unguarded_reads(APPLICATIONS[name]) == []


def test_an_undemanded_value_is_found() -> None:
    """The search finds a slot that may be null, and accepts a slot that demands a value."""
    plain = 'R = DisclosureRequest({"email": "a.b.c.d"})\nprint(answer["email"].value)'
    demanded = plain.replace('"a.b.c.d"', 'AttributeRequest("a.b.c.d", not_null=True)')
    by_name = 'over18 = AttributeRequest("a.b.c.d", value="Yes")\n'
    by_name += 'R = DisclosureRequest({"age": over18})\nprint(answer["age"].value)'
    assert unguarded_reads(plain) == ["email"]
    assert unguarded_reads(demanded) == unguarded_reads(by_name) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_no_sample_uses_http_cookies(name: str) -> None:
    """No sample uses `http.cookies`, which drops all cookies of a visitor with an unusual one."""
    assert not re.search(r"^\s*(from|import) http\.cookies", SAMPLES[name], re.MULTILINE)


def counts_in_memory(code: str) -> bool:
    """Return whether a program or its settings open a store in memory, or allow one."""
    return bool(re.search(r"MemoryStore\b|MEMORY_STORE|[\"'=]memory:|memory store", code))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_application_uses_a_store_in_memory(name: str) -> None:
    """No sample uses a store in memory, with which each worker would accept a handle once."""
    assert not counts_in_memory(APPLICATIONS[name])


def test_no_setting_names_a_store_in_memory() -> None:
    """No command and no settings file of a page names a store in memory."""
    shown = [
        block.source
        for page in PAGES
        for block in blocks(page.relative_to(ROOT).as_posix())
        if block.language not in {"python", "text"}
    ]
    assert shown
    assert not any(map(counts_in_memory, shown))


@pytest.mark.parametrize(
    "code",
    [
        "store = MemoryStore(clock, allow={Risk.MEMORY_STORE})",
        "from irma_backend import AsyncMemoryStore as Store",
        'parts.store("memory:")',
        "app.config.update(IRMA_STORE='memory:')",
        'store = "memory:"',
        "export IRMA_STORE=memory:",
        'allow = ["memory store"]',
    ],
)
def test_a_store_in_memory_is_found(code: str) -> None:
    """The search finds a store in memory, however a program opens it."""
    assert counts_in_memory(code)
    assert not counts_in_memory('store = parts.store("sqlite:shop.db")')


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_database_file_is_private(name: str) -> None:
    """A sample creates its SQLite file with mode 0600; SQLite would make it readable to all.

    The file holds attributes that people disclosed, or the list of sessions.
    """
    code = APPLICATIONS[name]
    if "sqlite3.connect(" in code and "mode=ro" not in code:
        assert re.search(r"os\.open\([^)]*O_CREAT[^)]*, 0o600\)", code)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_samples_limit_the_length_that_they_read(name: str) -> None:
    """A sample accepts only a short number as Content-Length; `int("-1")` would lift the limit."""
    code = APPLICATIONS[name]
    if "CONTENT_LENGTH" in code:
        assert re.search(r'fullmatch\("\[0-9\]\{1,\d\}", length\)', code)
    assert not re.search(r"int\([^)]*(CONTENT_LENGTH|content-length)", code)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_handle_samples_catch_outages(name: str) -> None:
    """A sample that catches refusals also catches a server or a store that is down."""
    code = APPLICATIONS[name]
    if re.search(r"except \(?[\w, ]*HandleError", code):
        assert re.search(r"except IrmaError", code)


USER_PAGES = [page for page in PAGES if page.name != "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_everything_to_be_installed_exists(page: Path) -> None:
    """Each `pip install` names this project with an extra, or a path that exists in a clone."""
    for target in re.findall(r"pip install (\S+)", page.read_text(encoding="utf-8")):
        name = target.rstrip(").,").strip("`'")
        if name.startswith("./"):
            assert (ROOT / name / "pyproject.toml").is_file()
        else:
            assert re.fullmatch(r"(…/)?irma-backend\[[a-z,-]+\]", name)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_watch_that_ends_early_cancels_its_session(name: str) -> None:
    """A sample that stops watching leaves no session open that a person could still answer."""
    code = APPLICATIONS[name]
    assert "watch_status(" not in code or "cancel_session(" in code


def careless_lines(code: str) -> list[str]:
    """Return the faults of a sample that would do harm in production."""
    found: list[str] = []
    is_part = re.match(r"# from .*\n +", code)  # this part comes from an indented block
    for node in ast.walk(ast.parse(f"if True:\n{code}" if is_part else code)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="add_middleware"), args=[ast.Name("SessionMiddleware")]
            ):
                if "https_only" not in {each.arg for each in node.keywords}:
                    found.append("the session's cookie travels over plain HTTP")
            case ast.FunctionDef() | ast.AsyncFunctionDef() if "SessionOutcome" in ast.unparse(
                node.args
            ):
                body = "\n".join(map(ast.unparse, node.body))
                if re.search(r"\.(reference|status)\b", body) and not re.search(
                    r"\.(get_answer|error_name)\b", body
                ):
                    found.append("an outcome is used whether or not it has an answer")
            case _:
                pass
    if "sqlite3.connect(" in code and "0o600" not in code:
        found.append("other users may read the file")
    return found


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_application_is_careless(name: str) -> None:
    """A sample's cookie needs HTTPS, its files are private, and `DONE` alone is not an answer."""
    assert careless_lines(APPLICATIONS[name]) == []


def test_carelessness_is_found() -> None:
    """The search finds each of three faults in a program, and accepts the corrected program."""
    plain = "app.add_middleware(SessionMiddleware, secret_key=KEY)"
    done = "def record(outcome: SessionOutcome):\n    paid[outcome.reference] = True"
    opened = "database = sqlite3.connect(path)"
    assert len(careless_lines(f"{plain}\n{done}\n{opened}")) == 3
    asked = done.replace("True", "outcome.error_name == ''")
    private = f"os.close(os.open(path, os.O_CREAT, 0o600))\n{opened}"
    assert careless_lines(f"{plain[:-1]}, https_only=True)\n{asked}\n{private}") == []
