"""What the how-to on gateways shows is run, at a gateway and a token server on loopback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from irma_backend.dev_server import running_server
from irma_core import GatewayAuthentication, Requestor
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.gateway.authorization_server import ASSERTION, Client, running_token_server
from tests.gateway.reverse_proxy import running_gateway

HOW_TO = Path(__file__).parent.parent.parent / "docs" / "how-to" / "go-through-a-gateway.md"
BLOCKS = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)


def test_the_how_to_works_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block; only the addresses are those of loopback."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "gateway-key.pem").write_bytes(private)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_SECRET", "a secret of the tests")
    server = InMemoryServer(clock=SystemClock())
    with (
        running_token_server(
            Client("webshop", "a secret of the tests", "client_secret_basic"),
            Client("webshop-signing", public.decode(), ASSERTION),
        ) as tokens,
        running_server(server) as url,
        running_gateway(url, tokens) as gateway,
        running_gateway(url, tokens, header="x-gateway-authorization") as other,
        Urllib3Transport() as transport,
    ):
        names: dict[str, Any] = {}
        for block, place in zip(BLOCKS, (gateway, gateway, other), strict=True):
            code = block.replace("https://login.example.com/token", tokens.token_url)
            exec(code.replace("https://api.example.com/irma", place.url), names)
            made = names["gateway"]
            assert isinstance(made, GatewayAuthentication)
            Requestor(place.url, transport, gateway=made).check_health()
        assert len(tokens.issued) == 4
    assert capsys.readouterr().out == "SessionStatus.INITIALIZED\n"
