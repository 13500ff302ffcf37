"""A running flow, and the rules that hold for every driver, however it performs effects."""

from __future__ import annotations

from typing import Final, Generic, TypeVar, cast, final

from irma_core.errors import ConfigurationError, ProofError, TransportError
from irma_core.flows.effects import Call, Effect, Flow

__all__ = ["RunningFlow"]

ReturnT = TypeVar("ReturnT")
_STRAY: Final = (StopIteration, StopAsyncIteration)
"""Exceptions that would look like a result if they were raised in a generator's frame."""


@final
class RunningFlow(Generic[ReturnT]):
    """A flow and the effect that it waits for.

    A driver for another kind of event loop follows this pattern:

        running = RunningFlow(flow)
        while (effect := running.effect) is not None:
            try:
                result = perform(effect)
            except BaseException as error:
                running.throw(error)
            else:
                running.resume(result)
        return running.result

    Args:
        flow: The flow, which begins immediately.

    Attributes:
        effect: The effect to perform next; None once the flow has returned.
    """

    __slots__ = ("_flow", "_interruption", "_result", "effect")

    def __init__(self, flow: Flow[ReturnT]) -> None:
        self._flow = flow
        self._result: ReturnT | None = None
        self._interruption: BaseException | None = None
        self.effect: Effect | None = None
        self.resume(None)

    @property
    def is_interrupted(self) -> bool:
        """Whether something interrupted the flow, such as a cancellation.

        The flow may still have a few last effects to perform.
        """
        return self._interruption is not None

    @property
    def result(self) -> ReturnT:
        """The value that the flow returned."""
        return cast("ReturnT", self._result)

    def resume(self, result: object) -> None:
        """Hand the result of `effect` to the flow, and run it up to its next effect.

        Raises:
            BaseException: The flow raised it, or it interrupted the flow.
        """
        try:
            self.effect = self._flow.send(result)
        except StopIteration as stop:
            self._end(stop)

    def throw(self, error: BaseException) -> None:
        """Hand the flow an error from performing `effect`, and run it up to its next effect.

        An exception from a `Call` becomes an error of the class that the flow expects, unless the
        application's function raised it. An error that no flow handles is an interruption.

        Raises:
            BaseException: The flow raised it, or it interrupted the flow.
        """
        if isinstance(error, GeneratorExit):
            self._flow.close()
            raise error
        if isinstance(error, _STRAY):
            stray, error = error, RuntimeError(f"a stray {type(error).__name__} was raised")
            error.__cause__ = stray  # as Python does in a generator (PEP 479)
        error, is_handled = _as_expected(error, self.effect)
        if not is_handled:
            self._interruption = error
        try:
            self.effect = self._flow.throw(error)
        except StopIteration as stop:
            self._end(stop)

    def _end(self, stop: StopIteration) -> None:
        if self._interruption is not None:
            raise self._interruption
        self.effect, self._result = None, stop.value


def _as_expected(error: BaseException, effect: Effect | None) -> tuple[BaseException, bool]:
    """Return the error to raise in the flow, and whether the flow is expected to handle it."""
    if not isinstance(effect, Call):
        return error, isinstance(error, TransportError)
    if effect.failure is None:
        return error, isinstance(error, Exception)
    own = (effect.failure, ProofError)  # a verifier that rejects a signature has not failed
    if isinstance(error, Exception) and not isinstance(error, (*own, ConfigurationError)):
        failed = effect.failure(f"the {effect.callee} failed: {type(error).__name__}")
        failed.__cause__ = error
        return failed, True
    return error, isinstance(error, own)
