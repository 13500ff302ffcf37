"""The how-to on gateways runs with a gateway and an authorization server on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from irma_backend.dev_server import running_server
from irma_core import GatewayAuthentication, Requestor
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.docs.pages import runs, step_blocks
from tests.gateway.authorization_server import ASSERTION, Client, running_token_server
from tests.gateway.reverse_proxy import running_gateway
from tests.rsa_keys import RSA_KEY

PAGE = "docs/how-to/go-through-a-gateway.md"


@runs(PAGE, python=3)
def test_how_to_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With loopback URLs, each block of the page authenticates to a gateway."""
    key = RSA_KEY
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
        urls = {
            "https://login.example.com/token": tokens.token_url,
            "https://api.example.com/irma": gateway.url,
        }
        gateways = (gateway, gateway, other)
        for names, used in zip(step_blocks(PAGE, urls), gateways, strict=True):
            authentication = names["gateway"]
            assert isinstance(authentication, GatewayAuthentication)
            Requestor(used.url, transport, gateway=authentication).check_health()
        assert len(tokens.issued) == 4
    assert capsys.readouterr().out == "SessionStatus.INITIALIZED\n"
