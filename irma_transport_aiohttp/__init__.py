"""Send HTTP requests to an IRMA server with aiohttp, and run a blocking signer on a thread."""

from importlib.util import find_spec

if find_spec("aiohttp") is None:
    raise ImportError(
        "irma_transport_aiohttp needs the extra aiohttp: pip install 'irma-backend[aiohttp]'",
        name="aiohttp",
    )

from irma_transport_aiohttp.threads import in_thread
from irma_transport_aiohttp.transport import AiohttpTransport

__all__ = ["AiohttpTransport", "in_thread"]
