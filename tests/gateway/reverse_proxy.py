"""An API gateway on loopback, which requires a token, removes it, and forwards the rest."""

from __future__ import annotations

import http.client
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import final
from urllib.parse import urlsplit

from tests.gateway.authorization_server import TokenServer
from tests.gateway.serving import Handler, serving

__all__ = ["Gateway", "running_gateway"]

OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "host"}


@final
@dataclass
class Gateway:
    """A gateway's calls: their methods and paths, and the statuses of the responses.

    Args:
        url: The gateway's base URL.
        header: The header in which the gateway expects the token.
        calls: Every call, including the refused ones.
    """

    url: str = ""
    header: str = "authorization"
    calls: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def refused(self) -> list[str]:
        return [method for method, _path, status in self.calls if status == 401]


@contextmanager
def running_gateway(
    behind: str, tokens: TokenServer, header: str = "authorization"
) -> Generator[Gateway]:
    """Run a gateway on loopback, in front of the server with that base URL."""
    gateway = Gateway(header=header)
    target = urlsplit(behind)

    class Passing(Handler):
        def do_GET(self) -> None:  # noqa: N802  # the name is Python's
            body = self.body() or None
            kind, _, token = self.headers.get(header, "").partition(" ")
            if kind != "Bearer" or token not in tokens.good:
                self._note(401)
                self.send_response(401)
                self.send_header("www-authenticate", "Bearer")
                self.send_header("content-length", "0")
                self.end_headers()
                return
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in {*OF_THE_CONNECTION, header}
            }
            with closing(http.client.HTTPConnection(target.netloc, timeout=60)) as server:
                server.request(self.command, target.path + self.path, body, headers)
                self._answer(server.getresponse())

        do_POST = do_DELETE = do_GET  # noqa: N815  # the names are Python's

        def _answer(self, response: http.client.HTTPResponse) -> None:
            self._note(response.status)
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            while chunk := response.read1(4096):
                self.wfile.write(chunk)
                self.wfile.flush()

        def _note(self, status: int) -> None:
            gateway.calls.append((self.command, self.path, status))

    with serving(Passing) as gateway.url:
        yield gateway
