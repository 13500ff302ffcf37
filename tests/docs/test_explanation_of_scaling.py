"""The code on the page about scaling runs with a real Redis between the parts of two processes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from irma_core import DisclosureRequest, RequestorToken, SessionStatus, new_sealing_key
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import InMemoryServer
from tests.docs.pages import run_blocks, runs
from tests.redis.redis_server import running_redis

PAGE = "docs/explanation/scaling.md"
TOKEN = RequestorToken("abcdefghijKLMNOPQRST")


@runs(PAGE, python=1)
def test_workers_share_their_state(tmp_path: Path) -> None:
    """Two workers share published results and sealed callback URLs through a real Redis."""
    names = run_blocks(PAGE)
    pem, key = InMemoryServer().public_key_pem, new_sealing_key()
    with running_redis(tmp_path) as redis:
        settings = ("https://irma.example.com", redis.uri, pem, key)
        with names["open_worker"](*settings) as one, names["open_worker"](*settings) as other:
            (requestor, receiver), (watching, _) = one, other
            end = PublishedEnd(SessionStatus.DONE, "a.b.c")
            requestor.context.status_backend.publish(TOKEN, end)
            assert watching.context.status_backend.wait(TOKEN, timedelta(0)) == end
            asked = receiver.with_callback(DisclosureRequest({"age": "a.b.c.d"}))
            assert asked.callback_url.startswith("https://shop.example/irma")
