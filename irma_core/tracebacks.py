"""Keep the library's frames, and the local variables in them, out of tracebacks.

Crash reporters show the local variables of every frame of a traceback. Frames of the library hold
keys, tokens and attribute values. So every public function is wrapped in a `boundary`. The
traceback of an error that leaves a boundary has only the boundary's own frame, which holds no
values, and the frames of the application's functions that the library called.

Errors from the library's own tree (`errors`) keep their type, message and attributes. A built-in
error that the library raised by mistake may quote a value, so it becomes a `UsageError` that says
where it was raised. Suppressed contexts, and built-in errors in a chain, are dropped for the same
reason.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import suppress
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from types import FunctionType, TracebackType
from typing import Any, Final, TypeVar, cast, final

from irma_core.errors import IrmaError, UsageError

__all__ = [
    "Frames",
    "boundary",
    "is_boundary",
    "is_own",
    "remove_frames",
]


TargetT = TypeVar("TargetT", bound=Callable[..., Any])

_NATIVE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Built-in errors whose messages may quote a value."""
_SPECIAL: Final = frozenset(
    {"__aenter__", "__aexit__", "__anext__", "__call__", "__enter__", "__exit__", "__init__"}
    | {"__next__"}
)
_MARK: Final = "__irma_boundary__"


def boundary(target: TargetT) -> TargetT:
    """Wrap a function or a class, so that tracebacks leave out the library's inner frames.

    In a class, the public methods are wrapped.

    Args:
        target: A function of any kind, or a class. `__init__` and the methods of context managers
            and iterators count as public. Properties and other special methods do not, because they
            take no secrets.
    """
    if not isinstance(target, type):
        return cast("TargetT", _wrapped(target))
    _wrap_methods(target)
    return cast("TargetT", target)


def is_boundary(function: object) -> bool:
    """Return whether `boundary` decorates this function, or a function that it wraps."""
    while function is not None:
        if hasattr(function, _MARK):
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def _wrap_methods(owner: type) -> None:
    for name, member in tuple(vars(owner).items()):
        if not name.startswith("_") or name in _SPECIAL:
            _wrap_member(owner, name, member)


def _wrap_member(owner: type, name: str, member: object) -> None:
    if isinstance(member, classmethod | staticmethod):
        if not is_boundary(member.__func__):
            setattr(owner, name, type(member)(_wrapped(member.__func__)))
    elif isinstance(member, FunctionType) and not is_boundary(member):
        setattr(owner, name, _wrapped(member))


def _wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(function):
        made = _coroutine(function)
    elif isasyncgenfunction(function):
        made = _async_generator(function)
    elif isgeneratorfunction(function):
        made = _generator(function)
    else:
        made = _plain(function)
    # A traceback shows the name in the code object, so the function's name is put there.
    name = function.__name__
    qualified = function.__qualname__
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=qualified)
    setattr(made, _MARK, True)
    return made


# All wrappers below end in the same way. The wrapper's frame remains in the traceback, so the
# wrapper first drops the arguments. It raises the error outside the `except` block, because the
# error would otherwise become its own context.


def _plain(function: Callable[..., Any]) -> FunctionType:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # it is raised again
            failed = error
        failed, context = _cleaned(failed, function, args, kwargs)
        del args, kwargs
        try:
            raise failed
        finally:
            failed.__context__ = context
            del failed, context

    return cast("FunctionType", call)


def _coroutine(function: Callable[..., Any]) -> FunctionType:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # it is raised again
            failed = error
        failed, context = _cleaned(failed, function, args, kwargs)
        del args, kwargs
        try:
            raise failed
        finally:
            failed.__context__ = context
            del failed, context

    return cast("FunctionType", call)


def _generator(function: Callable[..., Any]) -> FunctionType:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        try:
            return (yield from inner)
        except BaseException as error:  # noqa: BLE001  # it is raised again
            failed = error
        failed, context = _cleaned(failed, function, args, kwargs)
        del inner, args, kwargs
        try:
            raise failed
        finally:
            failed.__context__ = context
            del failed, context

    return cast("FunctionType", call)


def _async_generator(function: Callable[..., Any]) -> FunctionType:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        try:
            item = await anext(inner)
            while True:
                try:
                    sent = yield item
                except BaseException as error:  # noqa: BLE001  # for the inner generator to handle
                    item = await inner.athrow(error)
                else:
                    item = await inner.asend(sent)
        except StopAsyncIteration:
            return
        except BaseException as error:  # noqa: BLE001  # it is raised again
            failed = error
        failed, context = _cleaned(failed, function, args, kwargs)
        del inner, args, kwargs
        item = sent = None
        try:
            raise failed
        finally:
            failed.__context__ = context
            del failed, context

    return cast("FunctionType", call)


def _cleaned(
    error: BaseException,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[BaseException, BaseException | None]:
    """Return the error that the boundary raises in place of `error`, and the context for it."""
    handled = sys.exception()  # the application's own context
    frames = Frames(error.__traceback__)
    # If the boundary's frame is the only one, the arguments do not fit the function, which Python's
    # own error explains best.
    if frames.is_ours and frames.count > 1:
        if isinstance(error, _NATIVE) and _is_foreign(error) and not frames.is_of_tests:
            where, replaced = f"{type(error).__name__} at {frames.last}", error
            error = UsageError(
                _proxy_fault(function, args, kwargs)
                or f"{function.__qualname__}: an argument has the wrong type or an invalid value, "
                f"or this is a bug in irma-backend ({where})"
            )
            error.__suppress_context__ = True
            # When a context manager is closed after an error, the error that is replaced here may
            # be the one that is being handled.
            return error, None if handled is replaced else handled
        if not isinstance(error, IrmaError) and isinstance(error, Exception):
            error.add_note(f"Raised by irma-backend at {frames.last}.")
    _clean_chain(error, handled)
    return error, error.__context__


def remove_frames(error: BaseException) -> None:
    """Remove the library's frames from the traceback of an error that is returned, not raised."""
    _clean_chain(error, None)


def _proxy_fault(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str:
    """Return an error message if an argument is a proxy; otherwise return an empty string.

    A proxy, such as Werkzeug's or Django's, reports the class of the object that it stands for as
    its own class. So it passes every `isinstance` check, and only functions written in C refuse it.
    """
    for name, value in (*zip(signature(function).parameters, args, strict=False), *kwargs.items()):
        with suppress(Exception):  # `__class__` may be a property of the application
            if value.__class__ is not type(value):
                kind = type(value).__name__
                return f"{name}: must be the object itself, not a proxy for it ({kind})"
    return ""


def _clean_chain(error: BaseException, handled: BaseException | None) -> None:
    """Remove the library's frames from the tracebacks of an error, its causes and its contexts."""
    seen = {id(handled)} - {id(error)}
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        frames = Frames(each.__traceback__)
        each.__traceback__ = frames.cleaned()
        if frames.is_ours:
            _drop_values(each, handled)
        waiting += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _drop_values(error: BaseException, handled: BaseException | None) -> None:
    """Drop an error's cause and context if they may quote a value.

    A suppressed context is dropped too.
    """
    if _quotes(error.__cause__):
        error.__cause__ = None
    context = error.__context__
    if context is handled or context is error.__cause__:
        return
    if error.__suppress_context__ or _quotes(context):
        error.__context__ = None


def _quotes(error: BaseException | None) -> bool:
    return isinstance(error, _NATIVE) and _is_foreign(error) and Frames(error.__traceback__).is_ours


def _is_foreign(error: BaseException) -> bool:
    """Return whether an error's class is neither the library's own nor an `OSError`."""
    own = is_own(type(error).__module__)
    return not own and not isinstance(error, IrmaError | OSError)


_OWN: Final = frozenset(
    {"irma_backend", "irma_core", "irma_proofs", "irma_redis", "irma_testing"}
    | {"irma_transport", "irma_transport_aiohttp", "irma_transport_urllib3"}
    | {"irma_web", "irma_web_django", "irma_web_flask", "irma_web_starlette"}
    | {"irma_signing_pkcs11"}
)
_DRIVEN: Final = sys.stdlib_module_names | frozenset(
    {"aiohappyeyeballs", "aiohttp", "aiosignal", "allauth", "anyio", "asgiref", "asn1crypto"}
    | {"attr", "attrs", "authlib", "blinker", "cattr", "cattrs", "click", "cryptography", "django"}
    | {"fastapi", "flask", "frozenlist", "gmpy2", "idna", "itsdangerous", "jinja2", "joserfc"}
    | {"markupsafe", "multidict", "pkcs11", "pluggy", "propcache", "psycopg", "redis", "rich"}
    | {"segno", "starlette", "urllib3", "werkzeug", "yarl"}
)
"""Packages that the library calls. A traceback keeps their frames only if the application
called them."""
_GENERATED: Final = ("<attrs generated", "<cattrs generated")


@final
class Frames:
    """The frames of a traceback, and which of them to keep."""

    def __init__(self, traceback: TracebackType | None) -> None:
        self.count = 0
        self.last = "an unknown line"
        """The file and line of the library's last frame."""
        self.is_ours = True
        """Whether the library, or a package that it calls, raised the error."""
        self.is_of_tests = False
        """Whether the library's last frame is in `irma_testing`, whose errors belong to tests."""
        self._remaining: list[TracebackType] = []
        for each in _each(traceback):
            self.count += 1
            module = str(each.tb_frame.f_globals.get("__name__", ""))
            filename = each.tb_frame.f_code.co_filename
            package = module.partition(".")[0]
            if is_own(module):
                self.is_ours, self.is_of_tests = True, package == "irma_testing"
                self.last = f"{module.replace('.', '/')}.py:{each.tb_lineno}"
                continue
            if self.is_ours and (package in _DRIVEN or filename.startswith(_GENERATED)):
                continue
            self.is_ours = False
            self._remaining.append(each)

    def cleaned(self) -> TracebackType | None:
        """Return a traceback that has only the frames to keep."""
        made: TracebackType | None = None
        for each in reversed(self._remaining):
            made = TracebackType(made, each.tb_frame, each.tb_lasti, each.tb_lineno)
        return made


def _each(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def is_own(module: str) -> bool:
    """Return whether a module is one of the library's."""
    return module.partition(".")[0] in _OWN
