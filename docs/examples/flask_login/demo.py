"""`python demo.py`: serve the shop and a development server on this machine.

`python demo.py URL` uses the IRMA server at that URL instead. Set `IRMA_TOKEN` if the server
requires a token.
"""

import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path

from shop import create_app

from irma_backend.dev_server import running_dev_server
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_web import install_browser_package


def main() -> None:
    """Fetch the browser package once, and serve until Ctrl-C."""
    install_browser_package(Path(__file__).parent / "static")
    with ExitStack() as servers:
        if len(sys.argv) > 1:
            server = sys.argv[1]
        else:
            memory = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
            server = servers.enter_context(running_dev_server(memory, 8088))
            print(f"Play the app: {server}/")
        app = create_app(
            SECRET_KEY=secrets.token_urlsafe(),
            IRMA_SERVER=server,
            IRMA_TOKEN=os.environ.get("IRMA_TOKEN"),
            IRMA_PLAIN_COOKIE=True,  # the shop is at http://localhost
        )
        app.run("localhost", 5000)


if __name__ == "__main__":
    main()
