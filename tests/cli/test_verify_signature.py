"""`irma-backend verify-signature` verifies a signature without a server, and pins its keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.test_schema import check
from tests.gateway.serving import Handler, serving
from tests.proofs.honest import MESSAGE, honest
from tests.proofs.made import STAMPS, made_scheme, scheme_files

NAME = "made.small.person.name"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemes of the tests, as files."""
    folder = tmp_path_factory.mktemp("schemes")
    for path, content in scheme_files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "made.pem").write_text(made_scheme().public_pem)
    return folder


@pytest.fixture
def options(folder: Path) -> list[str]:
    scheme = ["--scheme", str(folder / "made"), "--scheme-key", f"made={folder / 'made.pem'}"]
    return [*scheme, "--min-key-bits", "1024"]


PINNED = ["--time-stamp-key", f"{made_scheme().time_stamp_server}={STAMPS.public_key}"]


def signature(name: str = "as requested") -> str:
    return json.dumps(honest(name).json)


def test_proved_signature_is_json(command_line: CommandLine, options: list[str]) -> None:
    """The command prints who signed what and when, as the schema describes it."""
    status, out, err = command_line.run(
        "verify-signature", "-", *options, *PINNED, stdin=signature()
    )
    assert (status, err) == (0, "")
    proved = check("verify-signature", out)
    assert (proved["message"], proved["isTimeStamped"]) == (MESSAGE, True)
    assert proved["answer"]["0"]["attributes"][0]["id"] == NAME


def test_answer_of_a_session_is_accepted(command_line: CommandLine, options: list[str]) -> None:
    """The JSON that `session` printed, which contains the signature, is accepted unchanged."""
    printed = json.dumps({"evidence": "transport", "signature": honest("as requested").json})
    status, out, _ = command_line.run("verify-signature", "-", *options, *PINNED, stdin=printed)
    assert (status, json.loads(out)["message"]) == (0, MESSAGE)


def test_repeated_member_is_refused(command_line: CommandLine, options: list[str]) -> None:
    """An answer with a repeated message is refused, because programs may read either one."""
    inner = signature().replace('"message":', '"message": "Another one.", "message":')
    printed = f'{{"evidence": "transport", "signature": {inner}}}'
    status, out, _ = command_line.run("verify-signature", "-", *options, *PINNED, stdin=printed)
    assert status == 6
    assert "has a key twice" in out


def test_request_is_compared(command_line: CommandLine, options: list[str], tmp_path: Path) -> None:
    """With --request, the exit status is 6 if the message or an attribute is another one."""
    asked: dict[str, Any] = {"@context": "https://irma.app/ld/request/signature/v2"}
    path = tmp_path / "request.json"
    command = ("verify-signature", "-", *options, *PINNED, "--request", str(path))
    for message, attribute, expected in (
        (MESSAGE, NAME, 0),
        ("Another", NAME, 6),
        (MESSAGE, "made.small.person.email", 6),
    ):
        path.write_text(
            json.dumps({**asked, "message": message, "disclose": [[[attribute]]]}), "utf-8"
        )
        status, out, err = command_line.run(*command, stdin=signature())
        assert status == expected, err
        assert ("error" in json.loads(out)) is (expected != 0)


@pytest.mark.parametrize(
    ("name", "more", "check_name"),
    [
        ("as requested", [], "pinned_key"),
        ("no time stamp", PINNED, "time_without_stamp"),
        ("as requested", [*PINNED, "--min-key-bits", "2048"], "key_length"),
    ],
)
def test_failed_check_is_status_6(
    command_line: CommandLine, options: list[str], name: str, more: list[str], check_name: str
) -> None:
    """For a signature that fails a check, the exit status is 6, and the JSON names the check."""
    status, out, _ = command_line.run(
        "verify-signature", "-", *options, *more, stdin=signature(name)
    )
    error = check("error", out)["error"]
    assert (status, error["code"]) == (6, check_name)


def test_time_can_be_given(command_line: CommandLine, options: list[str]) -> None:
    """A signature without a time stamp is checked at the time in --at, and shown as unstamped."""
    command = ("verify-signature", "-", *options, "--at", "2026-11-29T00:00:00Z")
    status, out, err = command_line.run(*command, stdin=signature("no time stamp"))
    assert status == 0, err
    proved = json.loads(out)
    assert (proved["isTimeStamped"], proved["signedAt"]) == (False, "2026-11-29T00:00:00Z")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--scheme", "nowhere/other"],
        ["--scheme-key", "made"],
        ["--scheme-key", "other=nowhere.pem"],
        ["--time-stamp-key", "https://time.example"],
        ["--request", "nowhere.json"],
    ],
)
def test_wrong_option_is_named(
    command_line: CommandLine, options: list[str], wrong: list[str]
) -> None:
    """For a wrong option, the exit status is 2, and the error names the option."""
    status, _, err = command_line.run("verify-signature", "-", *options, *wrong, stdin=signature())
    assert (status, wrong[0] in err or "--scheme" in err) == (2, True), err
    assert "Traceback" not in err


def test_settings_file_has_schemes_and_keys(
    command_line: CommandLine, folder: Path, tmp_path: Path
) -> None:
    """The table `[proofs]` of a settings file is used for each option that is left out."""
    file = tmp_path / "shop.toml"
    file.write_text(
        f'[proofs]\nschemes = ["{folder / "made"}"]\nscheme_keys = ["made={folder / "made.pem"}"]\n'
        f'time_stamp_keys = ["{PINNED[1]}"]\nmin_key_bits = 1024\n'
    )
    command = ("verify-signature", "-", "--settings", str(file))
    status, out, err = command_line.run(*command, stdin=signature())
    assert (status, json.loads(out)["message"]) == (0, MESSAGE), err
    status, out, _ = command_line.run(*command, "--min-key-bits", "2048", stdin=signature())
    assert json.loads(out)["error"]["code"] == "key_length"
    status, _, err = command_line.run("verify-signature", "-", stdin=signature())
    assert (status, "--scheme and --scheme-key are missing" in err) == (2, True)


def test_input_must_be_json(command_line: CommandLine, options: list[str], tmp_path: Path) -> None:
    """For a missing file, or a file that is not JSON, the exit status is 2."""
    for file, stdin in ((str(tmp_path / "nothing"), ""), ("-", "no JSON")):
        status, _, err = command_line.run("verify-signature", file, *options, stdin=stdin)
        assert (status, "Traceback" in err) == (2, False), err


@pytest.fixture
def time_stamps() -> Iterator[tuple[str, list[str]]]:
    """A time-stamping server that trusts one key, and the paths that were requested.

    Below `/gone`, it no longer trusts the key. Below `/odd`, it does not say how long it trusts it.
    """
    asked: list[str] = []
    own = base64.b64decode(STAMPS.public_key).hex()
    until = {"": "2099-01-01T00:00:00.123456789+02:00", "/gone": "2001-01-01T00:00:00Z"}

    class TimeStamps(Handler):
        def do_GET(self) -> None:  # noqa: N802  # the standard library's
            asked.append(self.path)
            folder, _, query = self.path.partition("/checkPublicKey?")
            said = {"Trusted": query == f"alg=ed25519&pk={own}", "Expires": until.get(folder, "")}
            is_known = query and folder in {*until, "/odd"}
            body = json.dumps(said).encode() if is_known else b"not found"
            self.send_response(200 if is_known else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(TimeStamps) as url:
        yield url, asked


def test_trusted_key_is_printed(
    command_line: CommandLine, time_stamps: tuple[str, list[str]]
) -> None:
    """The command sends one request, and prints the line that `verify-signature` takes."""
    url, asked = time_stamps
    status, out, err = command_line.run("time-stamp-key", "-", url, stdin=signature())
    assert (status, out.strip()) == (0, f"{url}={STAMPS.public_key}"), err
    assert len(asked) == 1


def test_key_of_another_server_is_not_printed(
    command_line: CommandLine, time_stamps: tuple[str, list[str]]
) -> None:
    """For a key that the server does not trust, or no key at all, the exit status is 6."""
    other = json.loads(signature())
    other["timestamp"]["Sig"]["PublicKey"] = base64.b64encode(bytes(32)).decode()
    for wrong in (json.dumps(other), signature("no time stamp")):
        status, out, _ = command_line.run("time-stamp-key", "-", time_stamps[0], stdin=wrong)
        assert (status, out) == (6, "")


def test_key_that_expired_before_the_stamp_is_not_printed(
    command_line: CommandLine, time_stamps: tuple[str, list[str]]
) -> None:
    """If the server no longer trusted the key at the time of the stamp, the exit status is 6."""
    status, out, err = command_line.run(
        "time-stamp-key", "-", f"{time_stamps[0]}/gone", stdin=signature()
    )
    assert (status, out, "no longer trusted" in err) == (6, "", True)


def test_other_server_is_reported(
    command_line: CommandLine, time_stamps: tuple[str, list[str]]
) -> None:
    """The exit status is 7 for the URL of another server, and 2 for a string that is not a URL."""
    for url, expected in (
        (f"{time_stamps[0]}/other", 7),
        (f"{time_stamps[0]}/odd", 7),
        ("nowhere", 2),
    ):
        status, out, err = command_line.run("time-stamp-key", "-", url, stdin=signature())
        assert (status, out) == (expected, ""), err
