"""Sign on a thread, with signers that would block the event loop."""

from __future__ import annotations

import asyncio
from inspect import iscoroutinefunction

from irma_core.errors import ConfigurationError
from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["in_thread"]


@boundary
def in_thread(signer: Signer) -> AsyncSigner:
    """Return an `AsyncSigner` that runs a blocking signer on a thread.

    Cancelling a call ends only the wait: the signer still finishes on its thread, and its signature
    is discarded.

    Args:
        signer: A signer that blocks, such as one that uses a hardware token or a key service.
            Several threads may call it at once.

    Returns:
        The signer for an `AsyncRequestor`. Its `aclose` calls the `close` of `signer`, if it has
        one.

    Raises:
        ConfigurationError: The argument is not a signer, or its `sign` is `async def`.
    """
    sign = getattr(signer, "sign", None)
    if isinstance(signer, type) or not callable(sign) or iscoroutinefunction(sign):
        raise ConfigurationError("signer: must be a Signer whose `sign` is not async")
    return _InThread(signer)


class _InThread:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def algorithm(self) -> str:
        return self._signer.algorithm

    async def sign(self, signing_input: bytes) -> bytes:
        return await asyncio.to_thread(self._signer.sign, signing_input)

    async def aclose(self) -> None:
        close = getattr(self._signer, "close", None)
        if callable(close):
            await asyncio.to_thread(close)
