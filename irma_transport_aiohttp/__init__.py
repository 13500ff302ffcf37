"""HTTP to an IRMA server with aiohttp, for asyncio.

Belongs here: the session of aiohttp, the bounds of time and size, what they fail with, and signing
on a thread. Does not belong here: retries, redirects or anything that knows what a request means;
those are the core's. Settings and decompression are those of the urllib3 transport.
"""

from importlib.util import find_spec

if find_spec("aiohttp") is None:
    raise ImportError(
        "this needs the extra aiohttp: pip install 'irma-backend[aiohttp]'", name="aiohttp"
    )

from irma_transport_aiohttp.threads import in_thread
from irma_transport_aiohttp.transport import AiohttpTransport

__all__ = ["AiohttpTransport", "in_thread"]
