"""Decorators for functions that return a context manager for a single `with` block.

When such a context manager is entered a second time, the decorators of `contextlib` raise an
`AttributeError` about their own fields. The decorators here raise a `UsageError` that explains the
mistake.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from functools import wraps
from inspect import signature
from types import TracebackType
from typing import Generic, ParamSpec, TypeVar, final

from irma_core.errors import UsageError
from irma_core.models.holders import HiddenSecret
from irma_core.tracebacks import boundary

__all__ = ["async_with_block", "with_block"]

ParametersT = ParamSpec("ParametersT")
YieldT = TypeVar("YieldT")
ManagerT = TypeVar("ManagerT")


def with_block(
    function: Callable[ParametersT, Generator[YieldT]],
) -> Callable[ParametersT, AbstractContextManager[YieldT]]:
    """Like `contextmanager`, but entering a context manager twice raises a `UsageError`."""
    managed = contextmanager(function)

    @wraps(function)
    def make(
        *args: ParametersT.args, **kwargs: ParametersT.kwargs
    ) -> AbstractContextManager[YieldT]:
        _check_arguments(function, args, kwargs)
        return _Block(managed(*args, **kwargs), function.__name__)

    return boundary(make)


def async_with_block(
    function: Callable[ParametersT, AsyncGenerator[YieldT]],
) -> Callable[ParametersT, AbstractAsyncContextManager[YieldT]]:
    """Like `asynccontextmanager`, but entering a context manager twice raises a `UsageError`."""
    managed = asynccontextmanager(function)

    @wraps(function)
    def make(
        *args: ParametersT.args, **kwargs: ParametersT.kwargs
    ) -> AbstractAsyncContextManager[YieldT]:
        _check_arguments(function, args, kwargs)
        return _AsyncBlock(managed(*args, **kwargs), function.__name__)

    return boundary(make)


def _check_arguments(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    """Raise an error if the arguments do not fit the function, without calling the function.

    A generator function itself would raise the error only later, when its `with` block is entered.
    """
    try:
        signature(function).bind(*args, **kwargs)
    except TypeError as error:
        reason = str(error)
    else:
        return
    raise UsageError(f"{function.__name__}: {reason}")


class _Once(Generic[ManagerT]):
    def __init__(self, manager: ManagerT, name: str) -> None:
        # contextlib keeps the arguments, which may be keys, in attributes until the block begins.
        self._manager = HiddenSecret(manager)
        self._name = name
        self._is_entered = False

    def _enter_once(self) -> ManagerT:
        if self._is_entered:
            raise UsageError(
                f"{self._name}: the returned context manager can be used only once; call "
                f"{self._name}() again for another `with` block"
            )
        self._is_entered = True
        return self._manager.reveal()


@final
@boundary
class _Block(_Once[AbstractContextManager[YieldT]], AbstractContextManager[YieldT]):
    def __enter__(self) -> YieldT:
        return self._enter_once().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._manager.reveal().__exit__(kind, error, traceback)


@final
@boundary
class _AsyncBlock(_Once[AbstractAsyncContextManager[YieldT]], AbstractAsyncContextManager[YieldT]):
    async def __aenter__(self) -> YieldT:
        return await self._enter_once().__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._manager.reveal().__aexit__(kind, error, traceback)
