"""A process that receives a handle and waits for the session's answer through Redis."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import timedelta

from irma_core import Binding, Handles, Requestor
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_redis import RedisStatusBackend
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import memory_store


class Counting(Urllib3Transport):
    """A transport that records the requests to the IRMA server."""

    asked: tuple[str, ...] = ()

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self.asked = (*self.asked, request.label)
        return super().send(request, deadline)


def main(url: str, redis: str, key: str, server_key: str, handle: str) -> None:
    """Wait for the answer and print it."""
    with Counting() as transport, closing(RedisStatusBackend(redis)) as backend:
        requestor = Requestor(url, transport, server_key=server_key, status_backend=backend)
        store = memory_store(transport.clock)
        handles = Handles(requestor, [key], store=store, purpose="test")
        session = handles.unseal(handle, binding=Binding.NONE)
        with requestor.watch_status(session, timeout=timedelta(minutes=1)) as statuses:
            seen = []
            for status in statuses:
                seen.append(status.value)
                sys.stdout.write("\n")  # the watch has begun
                sys.stdout.flush()
        answer = requestor.get_answer(session)
        came = {
            "seen": seen,
            "value": answer["over"].value,
            "evidence": answer.evidence.value,
            "asked": transport.asked,
        }
        sys.stdout.write(json.dumps(came))


if __name__ == "__main__":
    main(*sys.argv[1:])
