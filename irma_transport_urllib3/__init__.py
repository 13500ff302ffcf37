"""Send HTTP requests to an IRMA server with urllib3, for threads and scripts."""

from irma_transport_urllib3.transport import Urllib3Transport

__all__ = ["Urllib3Transport"]
