"""A Ctrl-C just before a blocking wait of the transport is noticed before the wait is over."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from irma_testing.contracts.signals import signal_while_blocked
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream
from irma_testing.misbehaviours import silence
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import get, send

AN_HOUR = 3600.0


def read(transport: Urllib3Transport, server: MisbehavingServer) -> None:
    stream = transport.open_stream(get(server.url), transport.clock.monotonic() + 15)
    with closing(stream):
        stream.read(transport.clock.monotonic() + AN_HOUR)


def send_request(transport: Urllib3Transport, server: MisbehavingServer) -> None:
    send(transport, get(server.url), within=AN_HOUR)


def sleep(transport: Urllib3Transport, _server: MisbehavingServer) -> None:
    transport.sleep(timedelta(seconds=AN_HOUR))


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("wait", [read, send_request, sleep])
def test_a_signal_just_before_a_wait_is_noticed_during_it(
    wait: Callable[[Urllib3Transport, MisbehavingServer], None],
    is_tls: bool,
    server_tls: ssl.SSLContext,
    ca_file: Path,
) -> None:
    """Each blocking wait consists of short ones, so that Ctrl-C does not wait for its end."""
    behaviour = silent_stream() if wait is read else silence
    with (
        MisbehavingServer(behaviour, tls=server_tls if is_tls else None) as server,
        Urllib3Transport(ca=ca_file) as transport,
        signal_while_blocked(),
    ):
        wait(transport, server)
