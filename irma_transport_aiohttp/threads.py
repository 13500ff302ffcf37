"""Signing that blocks, off the event loop."""

from __future__ import annotations

import asyncio

from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["in_thread"]


@boundary
def in_thread(signer: Signer) -> AsyncSigner:
    """Let a signer that blocks, such as one that asks a token or a key service, sign on a thread.

    Cancelling stops the waiting; the signer itself runs on to its end and its signature is lost.

    Args:
        signer: Must bear being called by several threads at once.

    Returns:
        What `AsyncRequestor` takes. Where the signer has a `close`, its `aclose` calls it.
    """
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
