"""What the transports share: the clock, the settings, and the checks that no HTTP library makes.

`SystemClock` is for everyone. The modules below it serve `irma_transport_urllib3` and
`irma_transport_aiohttp`, which know nothing of each other.
"""

from irma_transport.clock import SystemClock

__all__ = ["SystemClock"]
