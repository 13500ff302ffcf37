"""A signal that arrives just before a thread blocks is noticed before the wait is over.

Such a signal does not interrupt the system call, and Python runs its handler only when the call
has returned. Another thread that receives the signal has the same effect, at any moment.
"""

from __future__ import annotations

import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream
from irma_testing.misbehaviours import silence
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import get, send

AN_HOUR = 3600.0
HANG = 60.0
"""Seconds until a test gives up."""


def read(transport: Urllib3Transport, server: MisbehavingServer) -> None:
    stream = transport.open_stream(get(server.url), transport.clock.monotonic() + 15)
    with closing(stream):
        stream.read(transport.clock.monotonic() + AN_HOUR)


def send_request(transport: Urllib3Transport, server: MisbehavingServer) -> None:
    send(transport, get(server.url), within=AN_HOUR)


def sleep(transport: Urllib3Transport, _server: MisbehavingServer) -> None:
    transport.sleep(timedelta(seconds=AN_HOUR))


class OtherThread:
    """Sends SIGINT to itself, and ends a wait that did not notice it."""

    def __init__(self) -> None:
        self.has_noticed = threading.Event()
        self.was_late = False
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self.has_noticed.set()
        self._thread.join()

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self.has_noticed.wait(0.5)  # the main thread blocks by now; if not, the test still passes
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not self.has_noticed.wait(HANG):
            self.was_late = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@pytest.fixture
def other_thread() -> Iterator[OtherThread]:
    handled = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    thread = OtherThread()
    try:
        yield thread
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        signal.signal(signal.SIGUSR1, handled)


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("wait", [read, send_request, sleep])
def test_a_signal_just_before_a_wait_is_noticed_during_it(
    wait: Callable[[Urllib3Transport, MisbehavingServer], None],
    is_tls: bool,
    other_thread: OtherThread,
    server_tls: ssl.SSLContext,
    ca_file: Path,
) -> None:
    """Each blocking wait of the transport is divided, so Ctrl-C does not wait for its end."""
    behaviour = silent_stream() if wait is read else silence
    with (
        MisbehavingServer(behaviour, tls=server_tls if is_tls else None) as server,
        Urllib3Transport(ca=ca_file) as transport,
    ):
        try:
            other_thread.start()
            with pytest.raises(KeyboardInterrupt):
                wait(transport, server)
        finally:
            other_thread.join()
    assert not other_thread.was_late
