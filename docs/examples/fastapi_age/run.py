"""`python run.py`: serve the club and a development server on this machine.

`python run.py URL KEY_FILE` uses the IRMA server at that URL instead. KEY_FILE contains its public
key. The server posts to `CLUB_URL`. Set `IRMA_TOKEN` if the server requires a token.
"""

import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn
from wine_club import make_app

from irma_backend.dev_server import running_dev_server
from irma_core import Risk, new_sealing_key
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_web import install_browser_package

HERE = Path(__file__).parent
CLUB_URL = os.environ.get("CLUB_URL", "http://127.0.0.1:8000")


def main() -> None:
    """Fetch the browser package once, and serve until Ctrl-C."""
    settings: dict[str, Any] = {
        "keys": [new_sealing_key()],
        "store": f"sqlite:{HERE / 'club.db'}",
        "browser_package": install_browser_package(HERE).path,
        "plain_cookie": CLUB_URL.startswith("http:"),
    }
    with ExitStack() as servers:
        if len(sys.argv) not in {1, 3}:
            sys.exit("usage: run.py [URL KEY_FILE]")
        if len(sys.argv) > 1:
            server, key_file = sys.argv[1:]
            settings["server_key"] = Path(key_file).read_text(encoding="utf-8")
            settings["token"] = os.environ.get("IRMA_TOKEN")
        else:
            memory = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
            server = servers.enter_context(running_dev_server(memory, 8088))
            settings["server_key"] = memory.public_key_pem
            settings["allow"] = {Risk.SIMULATED_PROOFS}
            print(f"Play the app: {server}/")
        key = secrets.token_urlsafe()
        uvicorn.run(make_app(server, url=CLUB_URL, cookie_key=key, **settings), port=8000)


if __name__ == "__main__":
    main()
