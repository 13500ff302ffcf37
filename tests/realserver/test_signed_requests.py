"""Session request JWTs that we sign for the official server, and that its command signs for us."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from irma_core import (
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    HmacSigner,
    IssuanceRequest,
    Requestor,
    RevocationRequest,
    RsaSigner,
    ServerRefusedError,
    SessionStatus,
    SignatureRequest,
    sign_session_request,
    verify_session_request_jwt,
)
from irma_core.protocol.endpoints import build_revocation_jwt_request, parse_revocation_response
from irma_core.protocol.server_url import ServerUrl
from irma_transport_urllib3 import Urllib3Transport
from tests.realserver.build import Tools
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.rsa_keys import RSA_KEY as KEY
from tests.trust.make_jwt_vectors import pem as public_pem
from tests.trust.test_keys import pem as private_pem

SHARED = bytes(range(32))
SIGNERS: dict[str, Any] = {"mac": HmacSigner(SHARED), "pub": RsaSigner(private_pem(KEY))}
KEYS: dict[str, str | bytes] = {"mac": SHARED, "pub": public_pem(KEY)}
AGE = DisclosureRequest({"age": AttributeRequest("example.town.age.over18", value="yes")})
CARD = CredentialRequest("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})
SIGNED = SignatureRequest("één ✓", ["example.town.age.over18"])
NAMES = pytest.mark.parametrize("name", SIGNERS)
YiviRequest: TypeAlias = Callable[..., str]


@pytest.fixture(scope="module")
def server(start_official_server: ServerPool) -> OfficialServer:
    every = {"disclose_perms": ["*"], "sign_perms": ["*"], "issue_perms": ["*"]}
    keys = {
        "mac": {"auth_method": "hmac", "key": base64.b64encode(SHARED).decode()},
        "pub": {"auth_method": "publickey", "key": public_pem(KEY)},
    }
    requestors = {name: {**key, **every, "revoke_perms": ["*"]} for name, key in keys.items()}
    return start_official_server(ServerOptions(default_permissions=False, requestors=requestors))


@NAMES
@pytest.mark.parametrize("request_", [AGE, SIGNED, IssuanceRequest([CARD]), ExtendedRequest(AGE)])
def test_the_official_server_accepts_our_signed_requests(
    server: OfficialServer, name: str, request_: Any
) -> None:
    """The official server accepts our session request JWTs of all types and both algorithms."""
    jwt = sign_session_request(request_, name=name, signer=SIGNERS[name], now=datetime.now(UTC))
    with Urllib3Transport() as transport:
        requestor = Requestor(server.url, transport)
        session = requestor.start_session(jwt)
        assert requestor.get_status(session) is SessionStatus.INITIALIZED


@NAMES
def test_the_official_server_accepts_our_signed_revocation(
    server: OfficialServer, name: str
) -> None:
    """The official server accepts the signature of a revocation, and then refuses the type."""
    request = RevocationRequest("example.town.age", "key-1")
    jwt = sign_session_request(request, name=name, signer=SIGNERS[name], now=datetime.now(UTC))
    with Urllib3Transport() as transport:
        sent = build_revocation_jwt_request(ServerUrl.parse(server.url), jwt)
        response = transport.send(sent, transport.clock.monotonic() + 60)
    with pytest.raises(ServerRefusedError) as caught:
        parse_revocation_response(response)
    assert caught.value.code == "REVOCATION"


@pytest.fixture
def yivi_request(yivi_tools: Tools, schemes: Path, tmp_path: Path) -> YiviRequest:
    """Run the official command that signs a request, and return the JWT that it prints."""
    shutil.copytree(schemes, tmp_path / "schemes")
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(private_pem(KEY))
    how = {
        "mac": ("hmac", base64.b64encode(SHARED).decode()),
        "pub": ("rsa", str(key_file)),
    }

    def signed(name: str, *asked: str) -> str:
        method, key = how[name]
        done = subprocess.run(
            [
                *(yivi_tools.yivi, "irma", "request", "-s", tmp_path / "schemes"),
                *("-a", method, "--key", key, "--name", name, *asked),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return signed


@NAMES
@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (["--disclose", "example.town.age.over18"], DisclosureRequest(["example.town.age.over18"])),
        (["--sign", "example.town.age.over18", "--message", "één ✓"], SIGNED),
        (["--issue", "example.town.age=yes,yes,no"], IssuanceRequest([CARD])),
    ],
)
def test_we_verify_what_the_official_command_signs(
    yivi_request: YiviRequest, name: str, asked: list[str], request_: Any
) -> None:
    """We verify a session request that the official command signed, with either algorithm."""
    verified = verify_session_request_jwt(
        yivi_request(name, *asked),
        keys=KEYS,
        max_age=timedelta(minutes=5),
        now=datetime.now(UTC),
    )
    assert verified.requestor == name
    assert isinstance(verified.request, ExtendedRequest)
    assert verified.request.request == request_
