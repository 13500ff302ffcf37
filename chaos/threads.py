"""Many threads use one requestor, and each thread gets its own answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from chaos.findings import Finding
from irma_core import Requestor, RequestorToken
from irma_testing.misbehaving_server import MisbehavingServer, Peer
from irma_testing.misbehaviours import response
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["echo", "findings"]

THREADS = 64


def echo(peer: Peer) -> None:
    """Respond with a result for the token in the request."""
    token = peer.read_request().target.split("/")[2]
    body = f'{{"token":"{token}","status":"INITIALIZED","type":"disclosing"}}'.encode()
    peer.send(response(headers=[("Content-Type", "application/json")], body=body))
    peer.requests.clear()


def findings(calls: int) -> Iterator[Finding]:
    """Request the results of many different sessions."""
    with MisbehavingServer(echo) as server, Urllib3Transport() as transport:
        requestor = Requestor(server.url, transport)

        def ask(number: int) -> bool:
            token = RequestorToken(f"{number:020d}")
            return requestor.get_unchecked_result(token).token == token

        with ThreadPoolExecutor(THREADS) as pool:
            right = sum(pool.map(ask, range(calls), chunksize=50))
    yield Finding(f"of {calls} calls by {THREADS} threads, mixed-up answers", calls - right, 0)
