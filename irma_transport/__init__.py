"""The code that the transports share: a clock, settings, and checks that HTTP libraries lack.

`SystemClock` is public. The other modules are for `irma_transport_urllib3` and
`irma_transport_aiohttp`, which do not import each other.
"""

from irma_transport.clock import SystemClock

__all__ = ["SystemClock"]
