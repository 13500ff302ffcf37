"""The file of requestors: each way to authenticate, and errors that name a requestor's setting."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from irma_backend.dev_server import running_dev_server
from irma_backend.dev_server.requestors_file import read_requestors
from irma_core import (
    DisclosureRequest,
    HmacAuthentication,
    HmacSigner,
    PublicKeyAuthentication,
    Requestor,
    RsaSigner,
    TokenAuthentication,
)
from irma_core.errors import ConfigurationError, ServerRefusedError
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.trust import make_jwt_vectors

KEY = bytes(range(32))
TOKEN = "a-token-of-a-shop"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requestors.json"


def private_pem() -> bytes:
    """Return the private key for the public key in the file."""
    return make_jwt_vectors.KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_each_method_authenticates(path: Path) -> None:
    """Requestors with a token, an HMAC key or a public key can start sessions; others cannot."""
    (path.parent / "museum.pem").write_text(make_jwt_vectors.pem(make_jwt_vectors.KEY))
    known = read_requestors(
        write(
            path,
            {
                "shop": {"auth_method": "token", "key": TOKEN},
                "library": {"auth_method": "hmac", "key": base64.b64encode(KEY).decode()},
                "museum": {"auth_method": "publickey", "key_file": "museum.pem"},
            },
        )
    )
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    ask = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        for authentication in (
            TokenAuthentication(TOKEN),
            HmacAuthentication("library", HmacSigner(KEY)),
            PublicKeyAuthentication("museum", RsaSigner(private_pem())),
        ):
            Requestor(url, transport, authentication=authentication).start_session(ask)
        with pytest.raises(ServerRefusedError):
            Requestor(url, transport).start_session(ask)
    names = [session.requestor for session in server.open_sessions()]
    assert names == ["shop", "library", "museum"]


def test_permissions_are_read(path: Path) -> None:
    """A requestor in the file may have each permission of the official server."""
    names = ("disclose_perms", "sign_perms", "issue_perms", "revoke_perms", "host_perms")
    given = {name: ["*"] for name in names}
    known = read_requestors(write(path, {"shop": {"auth_method": "token", "key": "x", **given}}))
    assert [getattr(known["shop"], name) for name in names] == [("*",)] * 5


def test_file_may_have_only_the_setting_requestors(path: Path) -> None:
    """The file may be a configuration with the setting `requestors` alone."""
    shop = {"shop": {"auth_method": "token", "key": TOKEN}}
    assert read_requestors(write(path, {"requestors": shop}))["shop"].key == TOKEN


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "must be an object that maps requestor names"),
        ({}, "must be an object that maps requestor names"),
        ({"requestors": {}}, "must be an object that maps requestor names"),
        ({"shop": "token"}, "requestor shop: must be an object"),
        ({"shop": {"auth_method": "token"}}, "requestor shop: must have either key or key_file"),
        (
            {"shop": {"auth_method": "token", "key": "x", "key_file": "y"}},
            "requestor shop: must have either key or key_file",
        ),
        (
            {"shop": {"auth_method": "token", "key": "x", "permissions": []}},
            "requestor shop: permissions is unknown; expected one of auth_method, ",
        ),
        ({"shop": {"auth_method": "tokn", "key": "x"}}, "requestor shop: auth_method: must be one"),
        ({"shop": {"key": "x"}}, "requestor shop: auth_method: must be one"),
        ({"shop": {"auth_method": "token", "key": 5}}, "requestor shop: key: must be a string"),
        (
            {"shop": {"auth_method": "hmac", "key": "n0t*base64"}},
            "requestor shop: key: must be the HMAC key in base64",
        ),
        (
            {"shop": {"auth_method": "token", "key": "x", "sign_perms": ["a.b"]}},
            "requestor shop: sign_perms: a permission must have 4 parts",
        ),
        (
            {"shop": {"auth_method": "publickey", "key_file": "nowhere.pem"}},
            "requestor shop: key_file: cannot read the file: No such file",
        ),
        (
            {"shop": {"auth_method": "publickey", "key_file": 5}},
            "requestor shop: key_file: must be a path",
        ),
    ],
)
def test_errors_name_requestor_and_setting(path: Path, value: Any, reason: str) -> None:
    """An error names the requestor and the setting, and says what is expected."""
    with pytest.raises(ConfigurationError) as caught:
        read_requestors(write(path, value))
    assert str(caught.value).startswith(reason)
    assert "n0t*base64" not in str(caught.value)


def test_file_must_be_json(path: Path) -> None:
    """A file that is missing, or is not JSON, raises `ConfigurationError`."""
    with pytest.raises(ConfigurationError, match="cannot read the file"):
        read_requestors(path)
    for content in ("shop = 1", '{"a": 1, "a": 2}'):
        path.write_text(content)
        with pytest.raises(ConfigurationError, match="the file is not valid JSON"):
            read_requestors(path)
