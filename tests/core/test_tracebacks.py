"""The traceback of an error that leaves the library."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import json
import sys
import tomllib
import traceback
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from irma_core import tracebacks
from irma_core.errors import StoreError, UsageError
from irma_core.tracebacks import boundary, is_boundary, is_own

SECRET = "the-secret-of-this-test"
OWN = ModuleType("irma_core.made_for_this_test")
exec(  # a module of the library, according to its `__name__`
    compile(
        '''
import json
from irma_core.errors import StoreError, UsageError

def fail(secret, application=None, *, error=None):
    """Fail in several ways."""
    local = secret
    if application is not None:
        application(secret)
    raise error if error is not None else UsageError("it failed")

def native(secret):
    return int(secret)

def read(secret):
    return json.loads(secret)

def encode(secret):
    return secret.encode()

def suppressed(secret):
    try:
        int(secret)
    except ValueError:
        raise StoreError("it failed") from None

def implicit(secret):
    try:
        int(secret)
    except ValueError:
        raise StoreError("it failed")

def caused(secret, application):
    try:
        application(secret)
    except Exception as error:
        raise StoreError("it failed") from error

def caused_by_own(secret):
    try:
        int(secret)
    except ValueError as error:
        raise StoreError("it failed") from error

def runtime(secret):
    raise RuntimeError("not a value's fault")

def within(secret, block):
    with block():
        int(secret)

async def awaited(secret):
    local = secret
    raise UsageError("it failed")

def generated(secret):
    received = yield secret
    while received is not None:
        received = yield received
    raise UsageError("it failed")

async def generated_async(secret):
    received = yield secret
    while received is not None:
        received = yield received
    raise UsageError("it failed")

def group(secret):
    try:
        int(secret)
    except ValueError as error:
        raise ExceptionGroup("several", [error])
''',
        "/library/irma_core/made_for_this_test.py",
        "exec",
    ),
    vars(OWN),
)
own: Any = OWN


def frames_of(error: BaseException | None) -> list[traceback.FrameSummary]:
    """Return all frames of an error and of its chain, with their local variables."""
    frames: list[traceback.FrameSummary] = []
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        shown = traceback.TracebackException.from_exception(each, capture_locals=True)
        frames += shown.stack
        waiting += [each.__cause__, each.__context__]
    return frames


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in frames_of(error) if frame.filename != __file__]


def raised_by(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing was raised")


def application(secret: str) -> None:
    json.loads(secret)


def test_an_error_has_one_frame_of_the_library() -> None:
    """The only frame of the library is the boundary's, which has the function's name."""
    error = raised_by(lambda: boundary(own.fail)(SECRET))
    assert names_of(error) == ["fail"]
    (frame,) = [each for each in frames_of(error) if each.name == "fail"]
    assert frame.filename.endswith("irma_core/tracebacks.py")
    assert SECRET not in str(frame.locals)


def test_the_applications_frames_are_kept() -> None:
    """The frames of the application, and of functions that it called, are kept."""
    error = raised_by(lambda: boundary(own.fail)(SECRET, application))
    assert isinstance(error, json.JSONDecodeError)
    names = [frame.name for frame in frames_of(error)]
    assert names[-4:] == ["application", "loads", "decode", "raw_decode"]
    assert names.count("fail") == 1


def test_a_boundary_within_a_boundary_leaves_one_frame() -> None:
    """The frame of an inner boundary is removed as one of the library."""
    inner = boundary(own.fail)

    def nested(_: str) -> None:
        inner(SECRET)

    error = raised_by(lambda: boundary(own.fail)("x", nested))
    assert [name for name in names_of(error) if name == "fail"] == ["fail"]


@pytest.mark.parametrize("name", ["native", "read", "encode"])
def test_a_native_error_becomes_a_usage_error(name: str) -> None:
    """A native error becomes a UsageError, which names the line and quotes no value."""
    error = raised_by(partial(boundary(vars(own)[name]), SECRET + "\ud800"))
    assert type(error) is UsageError
    assert f"{name}: an argument has the wrong type or an invalid value" in str(error)
    assert "irma_core/made_for_this_test.py:" in str(error)
    assert SECRET not in f"{error} {error.args} {vars(error)}"
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_call_with_the_wrong_arguments_is_a_type_error() -> None:
    """A call with wrong arguments raises a TypeError, as any function in Python does."""
    error = raised_by(boundary(own.fail))
    assert type(error) is TypeError
    assert "missing 1 required positional argument" in str(error)


@pytest.mark.parametrize("name", ["suppressed", "implicit", "caused_by_own"])
def test_a_native_error_is_not_chained(name: str) -> None:
    """No native error is chained, since its arguments quote the value."""
    error = raised_by(partial(boundary(vars(own)[name]), SECRET))
    assert type(error) is StoreError
    assert error.__cause__ is None
    assert error.__context__ is None


def test_the_applications_exception_stays_the_cause() -> None:
    """The application's exception stays the cause, with the application's frames alone."""
    error = raised_by(lambda: boundary(own.caused)(SECRET, application))
    assert isinstance(error.__cause__, json.JSONDecodeError)
    names = [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)]
    assert names == ["application", "loads", "decode", "raw_decode"]


def test_the_applications_exception_stays_the_context() -> None:
    """An exception that the application is handling keeps its frames and its own chain."""
    handled = json.JSONDecodeError("x", SECRET, 0)
    try:
        raise handled
    except ValueError:
        error = raised_by(lambda: boundary(own.fail)(SECRET))
        native = raised_by(lambda: boundary(own.native)(SECRET))
    assert error.__context__ is handled
    assert native.__context__ is handled
    assert handled.doc == SECRET


def test_an_error_raised_again_is_not_its_own_context() -> None:
    """An error that is raised again is cleaned, and is not its own context."""
    error = UsageError("kept")
    try:
        raise error
    except UsageError:
        again = raised_by(lambda: boundary(own.fail)(SECRET, error=error))
    assert again is error
    assert error.__context__ is None
    assert names_of(error) == ["fail"]


def test_another_error_has_a_note() -> None:
    """An error of another type keeps its type; a note names the line, but no local variable."""
    error = raised_by(lambda: boundary(own.runtime)(SECRET))
    assert type(error) is RuntimeError
    assert "irma_core/made_for_this_test.py:" in "".join(error.__notes__)
    assert names_of(error) == ["runtime"]


def test_the_errors_of_a_group_are_cleaned() -> None:
    """The library's frames are removed from the errors within a group."""
    error = raised_by(lambda: boundary(own.group)(SECRET))
    assert isinstance(error, ExceptionGroup)
    assert error.exceptions[0].__traceback__ is None


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, SystemExit])
def test_an_interruption_is_cleaned_and_passes(kind: type[BaseException]) -> None:
    """An interruption is raised as the same object, with a cleaned traceback."""
    error = kind()
    assert raised_by(lambda: boundary(own.fail)(SECRET, error=error)) is error
    assert names_of(error) == ["fail"]


def test_a_coroutine_functions_error_is_cleaned() -> None:
    """The error of a coroutine function is cleaned when the caller awaits it."""
    function = boundary(own.awaited)
    assert inspect.iscoroutinefunction(function)
    error = raised_by(lambda: asyncio.run(function(SECRET)))
    assert [name for name in names_of(error) if name == "awaited"] == ["awaited"]
    assert not [each for each in frames_of(error) if each.filename.startswith("/library")]


def test_a_wrapped_generator_receives_what_is_sent() -> None:
    """A wrapped generator receives the values and exceptions that are sent to it."""
    function = boundary(own.generated)
    assert inspect.isgeneratorfunction(function)
    made = function(SECRET)
    assert [next(made), made.send("x")] == [SECRET, "x"]
    error = raised_by(lambda: made.send(None))
    assert type(error) is UsageError
    assert not [each for each in frames_of(error) if SECRET in str(each.locals)]
    other = function(SECRET)
    next(other)
    thrown = RuntimeError("x")
    assert raised_by(lambda: other.throw(thrown)) is thrown
    with contextlib.closing(function(SECRET)) as closed:
        next(closed)


async def test_a_wrapped_async_generator_receives_what_is_sent() -> None:
    """A wrapped async generator receives the values and exceptions that are sent to it."""
    function = boundary(own.generated_async)
    assert inspect.isasyncgenfunction(function)
    made = function(SECRET)
    assert [await anext(made), await made.asend("x")] == [SECRET, "x"]
    with pytest.raises(UsageError) as raised:
        await made.asend(None)
    assert not [
        each
        for each in frames_of(raised.value)
        if SECRET in str(each.locals) and each.filename != __file__
    ]
    other = function(SECRET)
    await anext(other)
    thrown = RuntimeError("x")
    with pytest.raises(RuntimeError) as again:
        await other.athrow(thrown)
    assert again.value is thrown
    async with contextlib.aclosing(function(SECRET)) as closed:
        await anext(closed)


async def test_a_wrapped_async_generator_ends() -> None:
    """A wrapped async generator yields the values of the inner one and ends with it."""

    @boundary
    async def two() -> AsyncGenerator[int]:
        yield 1
        yield 2

    assert [each async for each in two()] == [1, 2]


async def test_an_application_error_passes_a_context_manager() -> None:
    """The application's exception leaves a context manager of the library as the same object."""

    @contextmanager
    @boundary
    def blocking() -> Generator[None]:
        yield

    @asynccontextmanager
    @boundary
    async def awaited() -> AsyncGenerator[None]:
        yield

    error = ValueError(SECRET)
    with pytest.raises(ValueError, match=SECRET) as raised, blocking():
        raise error
    assert raised.value is error
    with pytest.raises(ValueError, match=SECRET) as raised:
        async with awaited():
            raise error
    assert raised.value is error


def test_a_native_error_that_ends_a_block_is_dropped() -> None:
    """A native error that ends a block of the library is not the context of its replacement."""

    @contextmanager
    @boundary
    def block() -> Generator[None]:
        yield

    error = raised_by(lambda: own.within(SECRET, block))
    assert type(error) is UsageError
    assert error.__context__ is None


def test_a_class_has_its_public_methods_wrapped() -> None:
    """Each public method is wrapped once; private methods and properties are left alone."""

    class Plain:
        def __init__(self, value: str) -> None:
            self._value = value

        def method(self) -> str:
            """Return the value."""
            return self._value

        @classmethod
        def made(cls) -> Plain:
            return cls("made")

        @staticmethod
        def fixed() -> str:
            return "fixed"

        @contextmanager
        @boundary
        def managed(self) -> Generator[str]:
            yield self._value

        @property
        def value(self) -> str:
            return self._value

        def _private(self) -> str:
            return self._value

    before = vars(Plain)["managed"]
    again = boundary(boundary(Plain))
    assert again is Plain
    assert vars(Plain)["managed"] is before
    made = Plain.made()
    with made.managed() as value:
        assert [value, made.method(), made.value, Plain.fixed()] == ["made"] * 3 + ["fixed"]
    for name in ("__init__", "method", "made", "fixed", "managed"):
        assert is_boundary(getattr(Plain, name))
    assert not is_boundary(vars(Plain)["_private"])
    method = vars(Plain)["method"]
    assert isinstance(method, FunctionType)
    assert (method.__doc__, method.__name__) == ("Return the value.", "method")
    assert not hasattr(method.__wrapped__, "__wrapped__")  # type: ignore[attr-defined]
    assert str(inspect.signature(Plain)) == "(value: 'str') -> 'None'"


ROOT = Path(__file__).parent.parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL: list[str] = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
PACKAGES = [*WHEEL, "irma_signing_pkcs11"]
NOT_CALLED = {"_pytest", "_typeshed", "pytest"}
"""Pytest calls `irma_testing`, and `_typeshed` contains only types."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_counts_as_the_librarys_own(package: str) -> None:
    """Every package counts as the library's own; otherwise tracebacks would show its frames."""
    assert is_own(f"{package}.module")


def imported_packages() -> set[str]:
    """Return the third-party packages that the library imports."""
    found: set[str] = set()
    folders = [ROOT / each for each in WHEEL]
    for folder in (*folders, ROOT / "docs/examples/irma-signing-pkcs11/irma_signing_pkcs11"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found.update(each.name.partition(".")[0] for each in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.partition(".")[0])
    return {each for each in found if not each.startswith("irma_")} - sys.stdlib_module_names


def test_every_package_that_the_library_calls_is_known() -> None:
    """Each called package is listed; otherwise its frames, and ours around them, would be shown."""
    driven: frozenset[str] = getattr(tracebacks, "_DRIVEN")  # noqa: B009  # no type checker wants it
    assert imported_packages() - driven <= NOT_CALLED
