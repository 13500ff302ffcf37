"""`--key`, `--status` and `--plugin`: URIs and the secrets that they need."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.cli.conftest import CARD, OVER18, CommandLine, other_variables
from tests.cli.fork_server import ForkServer
from tests.plugins.distributions import install, make_project
from tests.rsa_keys import RSA_KEY as RSA

ROOT = Path(__file__).parent.parent.parent
ASK = ("session", "--disclose", OVER18, "--json")
TEXT = base64.b64encode(bytes(range(32))).decode()
PLUGIN = """\
from irma_core import HmacSigner, SessionStatus
from irma_core.plugins.hookspecs import hookimpl
from irma_core.protocol.status_backends import PublishedEnd

class Pigeons:
    def publish(self, token, end):
        raise NotImplementedError

    def wait(self, token, timeout):
        return PublishedEnd(SessionStatus.CANCELLED)

    def close(self):
        pass

@hookimpl
def irma_signing_schemes():
    return {"vault": lambda uri, context: HmacSigner.from_base64(context.secret("vault").decode())}

@hookimpl
def irma_status_backends():
    return {"pigeon": lambda uri, context: Pigeons()}
"""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the keys that the server knows."""
    (tmp_path / "hmac").write_text(f"{TEXT}\n")
    (tmp_path / "token").write_text("api-token-81\n")
    pem = RSA.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "rsa.pem").write_bytes(pem)
    return tmp_path


@pytest.fixture
def memory() -> InMemoryServer:
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    known = {
        "by-hmac": RequestorSettings("hmac", TEXT),
        "by-key": RequestorSettings("publickey", public.decode()),
        "by-token": RequestorSettings("token", "api-token-81"),
    }
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    app = SimulatedApp(server)
    app.add(CARD, {"over18": "Yes"})
    server.when_started(app.accept)
    return server


@pytest.fixture
def at_server(memory: InMemoryServer, forks: ForkServer) -> Iterator[CommandLine]:
    """The command line without a token, with an installed plugin that no option names."""
    with running_server(memory) as url:
        yield CommandLine({**other_variables(), "IRMA_SERVER": url}, forks)


@pytest.fixture(scope="module")
def plugin_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plugin")
    project = make_project(folder, "acme-irma", {"acme": "acme_irma"}, {"acme_irma": PLUGIN})
    install(project, folder / "site")
    return os.pathsep.join([str(folder / "site"), str(ROOT)])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--requestor", "by-key", "--key", "file:{}/rsa.pem"),
        ("--requestor", "by-hmac", "--key", "file:{}/hmac"),
        ("--requestor", "by-hmac", "--key", "hmac:shop", "--secret-file", "shop={}/hmac"),
    ],
)
def test_key_uri_signs_the_request(
    arguments: tuple[str, ...], at_server: CommandLine, keys: Path
) -> None:
    """The key of the URI signs the request, in the way that its type determines."""
    status, out, err = at_server.run(*ASK, *(each.format(keys) for each in arguments))
    assert status == 0, err
    assert json.loads(out)["answer"]["0"]["attributes"][0]["value"] == "Yes"


def test_token_file(at_server: CommandLine, keys: Path) -> None:
    """`--token-file` overrides IRMA_TOKEN and excludes `--key`."""
    known = at_server.at(IRMA_TOKEN="another")
    token = ("--token-file", str(keys / "token"))
    assert known.run(*ASK, *token)[0] == 0
    status, _, err = known.run(*ASK, *token, "--key", f"file:{keys}/hmac", "--requestor", "by-hmac")
    assert (status, "cannot be combined with --key" in err) == (2, True)


def test_settings_from_the_environment(at_server: CommandLine, keys: Path) -> None:
    """URIs may come from the environment, where IRMA_KEY and IRMA_TOKEN exclude each other."""
    known = at_server.at(IRMA_KEY=f"file:{keys}/hmac", IRMA_REQUESTOR="by-hmac")
    assert known.run(*ASK)[0] == 0
    status, _, err = known.at(IRMA_TOKEN="a-token").run(*ASK)
    assert (status, "IRMA_TOKEN: cannot be combined with IRMA_KEY" in err) == (2, True)


def test_named_plugin_is_used(at_server: CommandLine, keys: Path, plugin_path: str) -> None:
    """A plugin that `--plugin` names signs requests and provides the status backend."""
    there = at_server.at(PYTHONPATH=plugin_path)
    key = ("--requestor", "by-hmac", "--key", "vault:x", "--secret-file", f"vault={keys}/hmac")
    status, _, err = there.run(*ASK, *key)
    assert status == 2
    assert "name it with --plugin. Installed plugins: acme-irma" in err
    named = (*key, "--plugin", "acme-irma")
    assert there.run(*ASK, *named)[0] == 0
    _, _, err = there.at(IRMA_STATUS="pigeon:x").run(*ASK, *named)
    assert "CANCELLED" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "file:/dev/null"), "--key needs --requestor"),
        (("--key", "file:/dev/null", "--requestor", "me"), "must be at least 32 bytes long"),
        (("--key", "file:/nowhere", "--requestor", "me"), "No such file"),
        (("--key", "hunter2", "--requestor", "me"), "must begin with a scheme"),
        (("--key", "vault://hunter2", "--requestor", "me"), "plugin vault: unknown signing scheme"),
        (("--status", "pigeon://:hunter2@localhost"), "plugin pigeon: unknown status backend"),
        (("--secret-file", "hunter2"), "NAME=FILE"),
        (
            ("--key", "hmac:k", "--requestor", "me", "--secret-file", "k=/nowhere"),
            "the function for 'k' failed: --secret-file: cannot read the file: No such file",
        ),
        (("--plugin", "nowhere"), "plugin nowhere: is not installed"),
    ],
)
def test_wrong_settings_are_wrong_usage(
    arguments: tuple[str, ...], words: str, at_server: CommandLine
) -> None:
    """For wrong settings, the exit status is 2, and the message shows only the scheme of a URI."""
    status, out, err = at_server.run(*ASK, *arguments)
    assert words in err
    assert (status, json.loads(out)["error"]["exitStatus"]) == (2, 2)
    assert "hunter2" not in out + err
    assert "Traceback" not in err
