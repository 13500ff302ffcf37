"""The development server: serve `irma_testing.InMemoryServer` over HTTP, on this machine only.

    server = InMemoryServer(clock=SystemClock())
    with running_server(server) as url:
        requestor = Requestor(url, transport)

The server's proofs are simulated, so its results prove nothing. This package needs the extra
`irma-backend[dev-server]`.
"""

try:
    from irma_backend.dev_server.server_thread import running_dev_server, running_server
except ModuleNotFoundError as error:
    if error.name not in {"aiohttp", "jinja2"}:
        raise
    raise ModuleNotFoundError(
        "the development server needs aiohttp and Jinja2: pip install 'irma-backend[dev-server]'",
        name=error.name,
    ) from None

__all__ = ["running_dev_server", "running_server"]
