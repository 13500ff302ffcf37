"""HTTP to an IRMA server with urllib3, for threads and scripts.

Belongs here: sockets, TLS, pooling, the bounds of time and size, and what they fail with. Does not
belong here: retries, redirects or anything that knows what a request means; those are the core's.
"""

from irma_transport_urllib3.clock import SystemClock
from irma_transport_urllib3.transport import Urllib3Transport

__all__ = ["SystemClock", "Urllib3Transport"]
