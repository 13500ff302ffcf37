"""The example project: its own tests, its settings, and the number of its lines."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.tools.count_lines import Counts, count_lines, lines_about_irma
from tests.ports import unused_port

ROOT = Path(__file__).parent.parent.parent
_LIMIT = 120.0
PROJECT = ROOT / "docs" / "examples" / "django_login"


def manage(directory: Path, *arguments: str) -> str:
    """Run a command of a copy of the project, and return its output."""
    copy = directory / "django_login"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("db.sqlite3*", "static"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_its_own_tests_pass(tmp_path: Path) -> None:
    """`manage.py test` needs no phone, no network and no IRMA server."""
    assert "OK" in manage(tmp_path, "test")


def test_its_settings_have_no_errors(tmp_path: Path) -> None:
    """`manage.py check` only finds that the browser package has not been fetched yet."""
    found = manage(tmp_path, "check")
    assert found.count("irma.E013") == found.count("?: ") == 1


def test_a_login_is_a_dozen_lines() -> None:
    """The login takes 12 lines of Python, the page for adults 6 more, and the pages 2 of HTML."""
    assert count_lines() == Counts(login=12, with_adults=18, html=2)


def test_the_count_includes_only_what_concerns_irma() -> None:
    """The count has whole settings and functions, but only the lines of a list that name IRMA."""
    source = '''"""About IRMA."""
import os
from irma_web_django import proved

# IRMA
IRMA = {
    "SERVER": "x",

}
urlpatterns = [
    path("", home),
    path("irma/", include("irma_web_django.urls")),
]

def home(request):
    return None

@proved("adult")
def wines(request):
    """About IRMA."""
    return None
'''
    found = [(line.strip(), is_of_adults) for line, is_of_adults in lines_about_irma(source)]
    assert found == [
        ("from irma_web_django import proved", True),
        ("IRMA = {", False),
        ('"SERVER": "x",', False),
        ("}", False),
        ('path("irma/", include("irma_web_django.urls")),', False),
        ('@proved("adult")', True),
        ("def wines(request):", True),
        ("return None", True),
    ]


def press_ctrl_c(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a program and all the programs that it has started, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Terminate only the program, as a service manager does."""
    process.terminate()


@pytest.mark.parametrize("stop", [press_ctrl_c, terminate])
def test_the_development_server_runs_beside_the_site(
    tmp_path: Path, stop: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    """`irma_dev_server` serves the shop and an IRMA server, until Ctrl-C or SIGTERM ends both."""
    copy = tmp_path / "django_login"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("db.sqlite3*", "static"))
    ports = (unused_port(), unused_port())
    arguments = ["irma_dev_server", "--", "--noreload", f"127.0.0.1:{ports[0]}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=copy,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "IRMA_SERVER": f"http://127.0.0.1:{ports[1]}",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            for port in ports:
                wait_until_open(port, process)
        finally:
            stop(process)
            status = process.wait()
    assert status == 0, (tmp_path / "log").read_text()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a program listens on a port."""
    ends = time.monotonic() + _LIMIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=_LIMIT).close()
        except OSError:
            assert process.poll() is None, "the command ended by itself"
            assert time.monotonic() < ends, "no server listens on the port"
            time.sleep(0.05)
        else:
            return
