"""The official server behind a gateway sees only the authentication that is meant for it."""

from __future__ import annotations

import base64
from datetime import timedelta

from irma_core import (
    DisclosureRequest,
    GatewayAuthentication,
    GatewaySecret,
    HmacAuthentication,
    HmacSigner,
    Requestor,
    SessionStatus,
    TokenAuthentication,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.gateway.authorization_server import Client, running_token_server
from tests.gateway.reverse_proxy import running_gateway
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.wallet import Wallet

AGE = DisclosureRequest({"age": "example.town.age.over18"})
CLIENT = Client("shop", "gateway secret", "client_secret_basic")
KEY = bytes(range(32))


def test_a_session_goes_through_a_gateway(official_server: OfficialServer, wallet: Wallet) -> None:
    """The requestor gets events and the signed result through a gateway, with one gateway token."""
    with (
        running_token_server(CLIENT) as tokens,
        running_gateway(official_server.url, tokens) as gateway,
        Urllib3Transport() as transport,
    ):
        known = GatewaySecret(CLIENT.name, CLIENT.key)
        requestor = Requestor(
            gateway.url,
            transport,
            gateway=GatewayAuthentication(tokens.token_url, known),
            server_key=official_server.jwt_public_key_pem,
        )
        session = requestor.start_session(AGE)
        wallet.start(session.pointer.json_text())
        answer = requestor.wait_for_answer(session, timeout=timedelta(minutes=2))
        assert answer["age"].value == "yes"
        assert len(tokens.issued) == 1
        assert any(path.endswith("/statusevents") for _method, path, _status in gateway.calls)


def test_the_server_sees_its_own_authentication_only(start_official_server: ServerPool) -> None:
    """A gateway's token does not interfere with a signed request or with the server's token."""
    server = start_official_server(
        ServerOptions(
            requestors={
                "mac": {"auth_method": "hmac", "key": base64.b64encode(KEY).decode()},
                "tok": {"auth_method": "token", "key": "the-irma-token"},
            }
        )
    )
    with running_token_server(CLIENT) as tokens, Urllib3Transport() as transport:
        for authentication, header in (
            (HmacAuthentication("mac", HmacSigner(KEY)), "Authorization"),
            (TokenAuthentication("the-irma-token"), "X-Gateway"),
        ):
            with running_gateway(server.url, tokens, header=header.lower()) as gateway:
                known = GatewaySecret(CLIENT.name, CLIENT.key)
                requestor = Requestor(
                    gateway.url,
                    transport,
                    authentication=authentication,
                    gateway=GatewayAuthentication(tokens.token_url, known, header=header),
                )
                session = requestor.start_session(AGE)
                assert requestor.get_status(session) is SessionStatus.INITIALIZED
