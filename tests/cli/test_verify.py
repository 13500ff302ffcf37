"""`irma-backend verify` prints verified results and refuses others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irma_testing import InMemoryServer, SimulatedApp
from tests.cli.conftest import OVER18, CommandLine
from tests.trust import make_jwt_vectors


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "server.pem"
    path.write_text(make_jwt_vectors.pem(make_jwt_vectors.KEY))
    return str(path)


def signed_now(**changed: Any) -> str:
    seconds = int(datetime.now(UTC).timestamp())
    times = {"iat": seconds, "exp": seconds + 120}
    claims = {**make_jwt_vectors.CLAIMS, **times, **changed}
    return make_jwt_vectors.sign(make_jwt_vectors.HEADER, claims)


def test_verified_result_is_json(command_line: CommandLine, key_file: str) -> None:
    """A verified result is one line of JSON, which identifies the session by a fingerprint."""
    status, out, err = command_line.run("verify", "--server-key-file", key_file, stdin=signed_now())
    assert (status, err) == (0, "")
    assert json.loads(out)["proofStatus"] == "VALID"
    assert str(make_jwt_vectors.CLAIMS["token"]) not in out


@pytest.mark.parametrize(
    ("options", "changed", "code"),
    [
        ((), {"exp": 1}, "expired"),
        (("--jwt-issuer", "other"), {}, "issuer"),
        (("--jwt-issuer", ""), {}, "issuer"),
        ((), {"simulated": True}, "simulated"),
    ],
)
def test_refused_jwt_is_status_6(
    command_line: CommandLine,
    key_file: str,
    options: tuple[str, ...],
    changed: dict[str, Any],
    code: str,
) -> None:
    """For a refused JWT, the exit status is 6, and the JSON has the error code."""
    key = ("--server-key-file", key_file)
    status, out, err = command_line.run("verify", *key, *options, stdin=signed_now(**changed))
    assert status == 6
    assert json.loads(out)["error"]["code"] == code
    assert f"({code})" in err


def test_simulated_result_must_be_allowed(command_line: CommandLine, key_file: str) -> None:
    """A simulated result is accepted only with --allow simulated-proofs."""
    options = ("--server-key-file", key_file, "--allow", "simulated-proofs")
    assert command_line.run("verify", *options, stdin=signed_now(simulated=True))[0] == 0


def test_answer_is_signed_with_the_server_key(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """With --server-key-file, `session` and `result` print an answer whose evidence is signed."""
    memory.when_started(app.accept)
    own = tmp_path / "own.pem"
    own.write_text(command_line.run("public-key")[1])
    state = ("--state-file", str(tmp_path / "state"))
    allowed = ("--server-key-file", str(own), "--allow", "simulated-proofs")
    for asked in (("session", "--json", "--disclose", OVER18, *state), ("result", *state)):
        status, out, err = command_line.run(*asked, *allowed)
        assert (status, json.loads(out)["evidence"]) == (0, "signed"), err
    status, out, _ = command_line.run("result", *state, *allowed, "--jwt-issuer", "other")
    assert (status, json.loads(out)["error"]["code"]) == (6, "issuer")


def test_answer_signed_with_another_key_is_status_6(
    command_line: CommandLine,
    memory: InMemoryServer,
    app: SimulatedApp,
    key_file: str,
    tmp_path: Path,
) -> None:
    """For an answer that another key signed, or that is only simulated, the exit status is 6."""
    memory.when_started(app.accept)
    own = tmp_path / "own.pem"
    own.write_text(command_line.run("public-key")[1])
    asked = ("session", "--json", "--disclose", OVER18, "--server-key-file")
    for path, code in ((key_file, "signature"), (own, "simulated")):
        status, out, _ = command_line.run(*asked, str(path))
        assert (status, json.loads(out)["error"]["code"]) == (6, code)


def test_invalid_key_is_wrong_usage(command_line: CommandLine, tmp_path: Path) -> None:
    """For an invalid or missing key file, the exit status is 2."""
    path = tmp_path / "nothing.pem"
    path.write_text("nothing")
    for option in (str(path), str(tmp_path / "nowhere.pem")):
        for command in (("verify",), ("session", "--disclose", OVER18)):
            key = ("--server-key-file", option)
            status, _, err = command_line.run(*command, *key, stdin=signed_now())
            assert (status, "--server-key-file" in err) == (2, True), err
            assert "Traceback" not in err
