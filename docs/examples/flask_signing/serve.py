"""`python serve.py`: serve the garden and a development server on this machine.

`python serve.py URL SCHEMES` uses the IRMA server at that URL, and `IRMA_TOKEN` if the server
requires a token. SCHEMES is a folder with the scheme `pbdf`, such as `irma scheme download` makes.
The environment has `TIME_STAMP_SERVER` and `TIME_STAMP_KEY`.
"""

import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path

from garden import create_app

from irma_backend.dev_server import running_dev_server
from irma_backend.scheme_folder import SchemeFolder
from irma_proofs import Schemes, SignatureVerifier
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_web import install_browser_package

HERE = Path(__file__).parent


def make_verifier(folder: str) -> SignatureVerifier:
    """Return a verifier that trusts the key of the scheme `pbdf` in this folder."""
    pinned = {"pbdf": (Path(folder) / "pbdf" / "pk.pem").read_text(encoding="utf-8")}
    stamps = {os.environ["TIME_STAMP_SERVER"]: [os.environ["TIME_STAMP_KEY"]]}
    return SignatureVerifier(Schemes(SchemeFolder(folder), pinned=pinned), time_stamps=stamps)


def main() -> None:
    """Fetch the browser package once, and serve until Ctrl-C."""
    install_browser_package(HERE / "static")
    with ExitStack() as servers:
        verifier = None
        if len(sys.argv) > 1:
            server, schemes = sys.argv[1:]
            verifier = make_verifier(schemes)
        else:
            memory = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
            server = servers.enter_context(running_dev_server(memory, 8088))
            print(f"Play the app: {server}/")
        app = create_app(
            verifier,
            SECRET_KEY=secrets.token_urlsafe(),
            IRMA_SERVER=server,
            IRMA_TOKEN=os.environ.get("IRMA_TOKEN"),
            IRMA_PLAIN_COOKIE=True,  # the garden is at http://localhost
        )
        app.run("localhost", 5000)


if __name__ == "__main__":
    main()
