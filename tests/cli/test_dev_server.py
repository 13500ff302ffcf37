"""`irma-backend dev-server`, in this process and as a separate process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import trustme
from click.testing import CliRunner, Result

from irma_backend import dev_server as dev_servers
from irma_backend.cli import dev_server as module
from irma_backend.cli.dev_server import dev_server
from irma_backend.settings_table import SETTINGS
from irma_testing import InMemoryServer
from tests.processes import Process

SCHEMES = Path(__file__).parent.parent / "vectors" / "proofs" / "schemes"
RUN = "from irma_backend.cli.dev_server import dev_server; dev_server(prog_name='dev-server')"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dev_server, arguments, prog_name="dev-server")


def while_it_serves(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Run an action while the server runs, then end it with Ctrl-C."""

    def wait() -> None:
        act()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", wait)


def test_dev_server_prints_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses go to standard output, and the warning goes to the log."""
    while_it_serves(monkeypatch, lambda: None)
    done = run("--port", "0")
    assert done.exit_code == 130
    assert re.fullmatch(
        r"IRMA server: (http://127\.0\.0\.1:\d+)\nPlay the app: \1/\n",
        done.stdout,
    )
    assert "Press Ctrl-C to stop the server. Its sessions are not saved.\n" in done.stderr
    assert "simulated and prove nothing" in done.stderr


def test_dev_server_runs_until_ctrl_c() -> None:
    """The server and its page respond until Ctrl-C, which ends the process with status 130."""
    command = [sys.executable, "-u", "-c", RUN, "--port", "0"]
    with Process[bytes](command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().removeprefix("IRMA server: ").strip()
        process.stdout.readline()
        with urlopen(f"{url}/health") as health, urlopen(f"{url}/") as page:
            assert health.read() == b"OK"
            assert b"Open sessions" in page.read()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert b"Traceback" not in said


def test_port_in_use_is_status_2() -> None:
    """For a port in use, the error is one clear line, and the exit status is 2."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", RUN, "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
        again = run("--port", str(port))
    assert (done.returncode, again.exit_code) == (2, 2)
    assert done.stdout == ""
    assert f"Error: port {port} on 127.0.0.1: another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("option", "anywhere"), [((), False), (("--callbacks-anywhere",), True)])
def test_callbacks_anywhere_is_off_by_default(
    monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], anywhere: bool
) -> None:
    """Only `--callbacks-anywhere` lets callbacks leave this machine."""
    seen: list[bool] = []
    real = dev_servers.running_dev_server

    def running(
        server: InMemoryServer, port: int = 0, *, callbacks_anywhere: bool = False, **more: Any
    ) -> AbstractContextManager[str]:
        seen.append(callbacks_anywhere)
        return real(server, port, callbacks_anywhere=callbacks_anywhere, **more)

    monkeypatch.setattr(dev_servers, "running_dev_server", running)
    while_it_serves(monkeypatch, lambda: None)
    assert run("--port", "0", *option).exit_code == 130
    assert seen == [anywhere]


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_invalid_port_is_wrong_usage(port: str) -> None:
    """For an invalid port, the exit status is 2, and the message names the option."""
    done = run("--port", port)
    assert (done.exit_code, "Invalid value for '--port'" in done.stderr) == (2, True)


@pytest.mark.parametrize("missing", ["aiohttp", "jinja2"])
def test_missing_extra_is_named(missing: str) -> None:
    """A missing dependency is reported with the pip command that installs it."""
    code = f"import sys; sys.modules[{missing!r}] = None; {RUN}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'irma-backend[dev-server]'" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_other_machines_are_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --host, the page has a secret address, and the log says who can reach the server."""
    while_it_serves(monkeypatch, lambda: None)
    done = run("--port", "0", "--host", "0.0.0.0")
    assert done.exit_code == 130
    found = re.fullmatch(
        r"IRMA server: (http://[\d.]+:\d+)\nPlay the app: \1/app-([\w-]{22})/\n", done.stdout
    )
    assert found is not None
    assert found[2] not in done.stderr
    assert "Other machines on your network can reach this server and start sessions" in done.stderr


def test_requestors_are_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With --requestors, a program without a token cannot start a session."""
    path = tmp_path / "requestors.json"
    path.write_text('{"shop": {"auth_method": "token", "key": "a-token"}}')
    while_it_serves(monkeypatch, lambda: None)
    done = run("--port", "0", "--host", "0.0.0.0", "--requestors", str(path))
    assert done.exit_code == 130
    assert "can reach this server. The address of the page has a secret" in done.stderr
    path.write_text('{"shop": {"auth_method": "token"}}')
    done = run("--requestors", str(path))
    assert (done.exit_code, "requestor shop: must have either key" in done.stderr) == (2, True)


def test_https_needs_a_certificate_and_its_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With --cert and --key-file, the server uses HTTPS; for a wrong file, the exit status is 2."""
    made = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = str(tmp_path / "server.pem"), str(tmp_path / "server.key")
    made.cert_chain_pems[0].write_to_path(certificate)
    made.private_key_pem.write_to_path(key)
    while_it_serves(monkeypatch, lambda: None)
    done = run("--port", "0", "--cert", certificate, "--key-file", key)
    assert (done.exit_code, "IRMA server: https://127.0.0.1:" in done.stdout) == (130, True)
    path = tmp_path / "irma.toml"
    path.write_text('[dev_server]\nport = 0\ncert = "server.pem"\nkey_file = "server.key"\n')
    done = run("--settings", str(path))
    assert (done.exit_code, "IRMA server: https://127.0.0.1:" in done.stdout) == (130, True)
    for options, reason in (
        (("--cert", certificate), "a PEM certificate and its private key"),
        (
            ("--cert", str(tmp_path / "nowhere")),
            "cannot read the certificate or its key: No such file",
        ),
        (("--key-file", key), "--key-file: needs the certificate"),
    ):
        done = run("--port", "0", *options)
        assert (done.exit_code, reason in done.stderr.replace("\n", " ")) == (2, True)


def test_has_changes_a_card_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """--has changes a card of the adult's app."""
    lines: list[str] = []
    pages: list[str] = []
    monkeypatch.setattr(module, "print_line", lines.append)

    def wait() -> None:
        with urlopen(lines[0].rpartition(" ")[2]) as page:
            pages.append(page.read().decode())
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", wait)
    assert (
        run("--port", "0", "--has", "pbdf.sidn-pbdf.email.email=bob@example.com").exit_code == 130
    )
    assert "bob@example.com" in pages[0]
    assert "ada@example.com" not in pages[0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--host", "dev.example"), "--host: must be an IP address"),
        (("--url", "dev.example"), "--url: the URL must begin with a scheme"),
        (("--has", "nonsense"), "--has: value 1: must be"),
        (("--scheme", "nowhere"), "--scheme: must be a scheme folder"),
        (("--requestors", "nowhere"), "--requestors: cannot read the file: No such file"),
        (("--settings", "nowhere"), "--settings: the file cannot be read: No such file"),
        (
            ("--scheme", str(SCHEMES / "shared"), "--has", "shared.town.person.nmae=Ada"),
            "--has: shared.town.person: attributes:",
        ),
    ],
)
def test_wrong_options_are_named(options: tuple[str, ...], reason: str) -> None:
    """For a wrong option, the exit status is 2, and the message names the option."""
    done = run("--port", "0", *options)
    assert (done.exit_code, reason in done.stderr) == (2, True)


def test_settings_file_replaces_missing_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The table `dev_server` of a settings file is used for each option that is left out."""
    lines: list[str] = []
    monkeypatch.setattr(module, "print_line", lines.append)
    while_it_serves(monkeypatch, lambda: None)
    path = tmp_path / "irma.toml"
    path.write_text('[dev_server]\nport = 0\nhost = "127.0.0.2"\n')
    assert run("--settings", str(path)).exit_code == 130
    assert run("--settings", str(path), "--host", "127.0.0.3").exit_code == 130
    found = [line.partition(":")[2].partition(":")[2].partition(":")[0] for line in lines]
    assert found == ["//127.0.0.2", "//127.0.0.3"]


def test_every_option_is_a_setting() -> None:
    """Each option of the development server has a setting of its name in the table `dev_server`."""
    options = {each.name for each in dev_server.params} - {"settings_file"}
    table = {each.name.removeprefix("dev_server.") for each in SETTINGS}
    assert options - table == set()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('host = "dev.example"', "host: must be an IP address"),
        ('url = "http://a b"', "url: "),
        ('has = ["nonsense"]', "has: value 1: must be"),
        ('has = ["example.town.age.over99=x"]', "has: example.town.age: attributes: "),
        ('scheme = "nowhere"', "scheme: must be a scheme folder"),
        ('requestors = "nowhere"', "requestors: cannot read the file: No such file"),
        ('cert = "nowhere"', "cert: cannot read the certificate or its key: No such file"),
        ('key_file = "nowhere"', "key_file: needs the certificate that belongs to this key"),
        ("port = 70000", "port: must be a port"),
        ('callbacks_anywhere = "yes"', "callbacks_anywhere: must be true or false"),
    ],
)
def test_fault_in_the_settings_file_names_its_line(line: str, reason: str, tmp_path: Path) -> None:
    """For a wrong setting, the exit status is 2, and the message names the file and the line."""
    path = tmp_path / "irma.toml"
    path.write_text(f"[dev_server]\n{line}\n")
    done = run("--settings", str(path))
    place = f"Error: {path}, line 2, dev_server.{reason}"
    assert (done.exit_code, place in done.stderr) == (2, True), done.stderr


def test_scheme_limits_the_cards_of_the_app(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--scheme takes the folder of a scheme; the adult's app has only cards of that scheme."""
    lines: list[str] = []
    pages: list[str] = []
    monkeypatch.setattr(module, "print_line", lines.append)

    def wait() -> None:
        with urlopen(lines[0].rpartition(" ")[2]) as page:
            pages.append(page.read().decode())
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", wait)
    assert run("--port", "0", "--scheme", str(SCHEMES / "shared")).exit_code == 130
    assert "This app is empty." in pages[0]
    done = run("--port", "0", "--scheme", str(tmp_path))
    assert (done.exit_code, "--scheme: must be a scheme folder" in done.stderr) == (2, True)
