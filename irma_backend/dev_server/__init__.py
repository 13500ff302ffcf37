"""The development server: `irma_testing.InMemoryServer` over real HTTP, on this machine only.

    server = InMemoryServer(clock=SystemClock())
    with running_server(server) as url:
        requestor = Requestor(url, transport)

Nothing that it says is proved: its proofs are simulated. Needs `irma-backend[dev-server]`.
"""

from irma_backend.dev_server.running import running_dev_server, running_server

__all__ = ["running_dev_server", "running_server"]
