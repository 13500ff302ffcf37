"""The imports that modules may have, the libraries that the core avoids, and the public names."""

import ast
import copy
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import irma_backend
import irma_core
import irma_proofs
import irma_testing
import irma_web
from irma_core import errors

ROOT = Path(__file__).parent.parent.parent
CORE = sorted((ROOT / "irma_core").rglob("*.py"))
PROOFS = sorted((ROOT / "irma_proofs").rglob("*.py"))
ALL = sorted(path for package in ROOT.glob("irma_*/") for path in package.rglob("*.py"))
ON_TOP = {"irma_backend", "irma_web_django", "irma_web_flask", "irma_web_starlette"}
FLOORS = {
    "errors": 0,
    "json_text": 0,
    "value_object": 0,
    "tracebacks": 1,
    "blocks": 3,
    "models": 2,
    "wire": 3,
    "protocol": 4,
    "trust": 4,
    "flows": 5,
    "gateway": 6,
    "callbacks": 6,
    "plugins": 6,
    "interfaces": 7,
    "requestor": 7,
    "async_requestor": 7,
    "handles": 8,
    "web": 8,
}
SHOWN = [
    *(ROOT / "docs" / "examples").rglob("*.py"),
    *(path for path in (ROOT / "docs").rglob("*.md") if path.name != "reference.md"),
]
DOORS = {"irma_core", "irma_core.errors", "irma_core.interfaces"}
BELOW_THE_DOORS = {
    "irma_core.callbacks.kept_posts": "a site without an adapter keeps posts",
    "irma_core.flows.effects": "for drivers, and for the page on how the library works",
    "irma_core.flows.running_flow": "for drivers",
    "irma_core.flows.start": "for drivers",
    "irma_core.flows.watch": "for drivers",
    "irma_core.models.risks": "code that uses only the messages needs `resolve_request`",
    "irma_core.plugins.registry": "a plugin's own test registers it",
    "irma_core.web.site_checks": "a site without an adapter checks itself at start-up",
    "irma_core.protocol": "code that uses only the messages needs `endpoints`",
    "irma_core.protocol.endpoints": "code that uses only the messages",
    "irma_core.protocol.server_url": "code that uses only the messages needs the server's URL",
}
IMPURE = {"socket", "ssl", "asyncio", "threading", "random", "time", "os", "urllib3", "aiohttp"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def room(module: str) -> str:
    return module.split(".")[1].removesuffix(".py")


@pytest.mark.parametrize("path", [p for p in CORE if p.name != "__init__.py"], ids=name)
def test_core_packages_import_only_lower_ones(path: Path) -> None:
    """Each package imports only lower ones, and protocol and trust do not import each other."""
    own = room(name(path).replace("/", "."))
    for module in imports(path):
        if module.startswith("irma_core."):
            other = room(module)
            assert FLOORS[other] < FLOORS[own] or other == own, f"{module} in {name(path)}"
        assert not module.startswith(("irma_transport", "irma_testing", "irma_backend"))
        assert not module.startswith("irma_proofs")


@pytest.mark.parametrize(
    "path", [p for p in ALL if name(p).partition("/")[0] not in ON_TOP], ids=name
)
def test_packages_do_not_need_irma_backend(path: Path) -> None:
    """Everything except the web adapters is usable without `irma_backend`."""
    assert not [module for module in imports(path) if module.startswith("irma_backend")]


@pytest.mark.parametrize("path", [p for p in ALL if "irma_transport" in name(p)], ids=name)
def test_transports_do_not_import_each_other(path: Path) -> None:
    """A transport imports the core and `irma_transport`, which imports no HTTP library."""
    own = name(path).partition("/")[0]
    heads = {module.partition(".")[0] for module in imports(path)}
    packages = {each for each in heads if each.startswith("irma_")}
    assert packages <= {"irma_core", "irma_transport", own}
    assert own != "irma_transport" or not heads & {"urllib3", "aiohttp", "yarl"}


@pytest.mark.parametrize("path", list(ROOT.glob("irma_redis/*.py")), ids=name)
def test_redis_parts_import_only_the_core(path: Path) -> None:
    """The status backend and the store in Redis import the core and redis-py."""
    heads = {module.partition(".")[0] for module in imports(path)} - sys.stdlib_module_names
    assert heads <= {"attrs", "cryptography", "irma_core", "irma_redis", "redis"}


@pytest.mark.parametrize("path", list(ROOT.glob("irma_web/*.py")), ids=name)
def test_the_page_imports_only_the_core(path: Path) -> None:
    """The parts that adapters share import no transport, no test server and no framework."""
    heads = {module.partition(".")[0] for module in imports(path)} - sys.stdlib_module_names
    assert heads <= {"attrs", "irma_core", "irma_web"}


@pytest.mark.parametrize("path", list(ROOT.glob("irma_web_*/**/*.py")), ids=name)
def test_adapters_do_not_import_each_other(path: Path) -> None:
    """A web adapter may import everything below it, but no other adapter."""
    heads = {module.partition(".")[0] for module in imports(path)}
    others = {head for head in heads if head.startswith("irma_web_")}
    assert others <= {path.relative_to(ROOT).parts[0]}


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_examples_and_pages_import_public_modules(path: Path) -> None:
    """Examples and pages import only public modules of `irma_core`, with listed exceptions."""
    code = path.read_text(encoding="utf-8")
    modules = set(re.findall(r"^ *(?:from|import) (irma_core[\w.]*)", code, re.MULTILINE))
    assert modules <= DOORS | BELOW_THE_DOORS.keys()


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_is_pure(path: Path) -> None:
    """The core has no I/O, threads, clock or randomness, and one place for each heavy library."""
    heads = {module.partition(".")[0] for module in imports(path)}
    allowed = {
        "single_flight.py": {"os"},
        "driver.py": {"asyncio"},
    }
    assert not heads & (IMPURE - allowed.get(path.name, set()))
    assert "cattrs" not in heads or path.name == "converter.py"
    assert "json" not in heads or path.name == "json_text.py"
    assert "pluggy" not in heads or path.parent.name == "plugins"
    assert "joserfc" not in heads  # only tests use it, as docs/explanation/jose-and-oauth.md says
    assert not heads & {"cryptography", "hmac"} or path.parent.name == "trust"
    # A gateway's token request is OAuth 2.0; a signer of `trust` signs its assertion.
    assert "authlib" not in heads or path.parent.name == "gateway"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"today", "utcnow", "environ", "getenv"}
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"open", "datetime.now", "print"}


@pytest.mark.parametrize("path", PROOFS, ids=name)
def test_the_verifier_is_pure(path: Path) -> None:
    """The verifier has no I/O, threads, clock or randomness, and imports only two libraries."""
    heads = {module.partition(".")[0] for module in imports(path)}
    assert not heads & (IMPURE | {"io", "pathlib", "secrets", "subprocess", "tempfile"})
    assert heads - sys.stdlib_module_names <= {"attrs", "cryptography", "irma_core", "irma_proofs"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "today", "utcnow", "environ", "read_bytes", "read_text"}
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"open", "print"}


@pytest.mark.parametrize("path", ALL, ids=name)
def test_a_module_is_described_and_short(path: Path) -> None:
    """A module has a docstring, at most 600 lines, and a meaningful name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= 600
    assert path.stem not in {"utils", "helpers", "common", "misc", "base"}


def test_module_names_are_unique_in_the_core() -> None:
    """Each module of the core has a different name, so that a stack trace identifies it."""
    names = [path.name for path in CORE if path.name != "__init__.py"]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("door", [irma_backend, irma_core, irma_proofs, irma_testing, irma_web])
def test_all_lists_exactly_the_public_names(door: ModuleType) -> None:
    """`__all__` has exactly the public names of its module."""
    for shown in door.__all__:
        assert getattr(door, shown) is not None
        assert shown in dir(door)
    with pytest.raises(AttributeError, match="Requester"):
        _ = getattr(door, "Requester")  # noqa: B009  # misspelt on purpose


def test_importing_the_core_is_light() -> None:
    """Importing `irma_core` loads none of the heavy libraries, which are loaded on first use."""
    heavy = ["joserfc", "authlib", "cryptography", "ssl", "asyncio", "pluggy", "urllib3", "aiohttp"]
    heavy += ["cattrs", "cattr"]
    code = f"import sys, irma_core; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_importing_the_interfaces_is_light() -> None:
    """Importing `irma_core.interfaces` loads no pluggy, TLS, event loop or HTTP library."""
    heavy = ["joserfc", "authlib", "cryptography", "ssl", "asyncio", "pluggy", "urllib3", "aiohttp"]
    code = (
        "import sys; from irma_core.interfaces import Transport; "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


ERRORS = [getattr(errors, shown) for shown in errors.__all__]


def _parameters(cls: type[errors.IrmaError]) -> list[inspect.Parameter]:
    owner = next(each for each in cls.__mro__ if "__init__" in vars(each))
    if owner.__module__ != errors.__name__:
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each for each in inspect.signature(cls).parameters.values() if each.kind not in kinds]


@pytest.mark.parametrize("cls", ERRORS)
def test_an_error_survives_pickling_and_is_in_the_tree(cls: type[errors.IrmaError]) -> None:
    """Every error keeps its facts through pickle and copy, and is in the module's drawing."""
    facts = {
        each.name: True if "request_sent" in each.name else 400 if "status" in each.name else "x"
        for each in _parameters(cls)
    }
    error = cls(**facts) if facts else cls("x")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is cls
        assert str(other) == str(error)
        assert vars(other) == vars(error)
    assert cls.__name__ in (errors.__doc__ or "")
    assert cls.__name__ in errors.__all__
