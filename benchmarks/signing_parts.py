"""Sign with a signer that a URI names, to measure the cost of the indirection."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

from benchmarks.rounds import Effort, Row, alternate, differences
from irma_backend import open_parts, open_parts_async
from irma_core import AsyncSigner, HmacSigner
from irma_testing import AsyncScriptedTransport, ScriptedTransport

__all__ = ["rows"]

KEY = bytes(range(32))
SECRETS = {"shop": base64.b64encode(KEY)}
SIGNED = b"h" * 40 + b"." + b"c" * 700


def rows(effort: Effort) -> Iterator[Row]:
    """Return the cost of signers by URI in both modes, compared with the sync signer itself."""
    direct = HmacSigner(KEY)
    awaited = asyncio.run(_awaited())
    with open_parts(secrets=SECRETS, transport=ScriptedTransport()) as parts:
        opened = parts.signer("hmac:shop")
        taken = alternate(
            effort,
            20_000,
            {
                "direct": lambda: direct.sign(SIGNED),
                "opened": lambda: opened.sign(SIGNED),
                "awaited": lambda: _run(awaited),
            },
        )
    above = differences(taken["opened"], taken["direct"])
    yield Row("signer by URI, above the signer itself", above, "us", 5)
    above = differences(taken["awaited"], taken["direct"])
    yield Row("async signer by URI, above the sync signer itself", above, "us", 5)


async def _awaited() -> AsyncSigner:
    # A signer with a key in memory can still be used after it was closed.
    transport = AsyncScriptedTransport()
    async with open_parts_async(secrets=SECRETS, transport=transport) as parts:
        return parts.signer("hmac:shop")


def _run(signer: AsyncSigner) -> bytes:
    """Run the coroutine as a task would; it never waits, so a single step completes it."""
    try:
        signer.sign(SIGNED).send(None)
    except StopIteration as stop:
        return bytes(stop.value)
    raise AssertionError("the signer waited")
