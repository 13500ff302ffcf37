"""The example projects, each run from a copy by the command of its framework.

Each has a strict content security policy, which a website would add.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import attrs

from tests.ports import unused_port

__all__ = [
    "DJANGO",
    "FASTAPI",
    "FLASK",
    "GARDEN",
    "Example",
    "IrmaServer",
    "TrustedScheme",
    "running_django",
    "running_garden",
]

ROOT: Final = Path(__file__).parent.parent.parent
EXAMPLES: Final = ROOT / "docs" / "examples"
DJANGO_POLICY: Final = """
from irma_web_django import csp

MIDDLEWARE.append("csp.middleware.CSPMiddleware")
NONE = dict.fromkeys(["default-src", "base-uri", "frame-ancestors"], ["'none'"])
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**NONE, "form-action": ["'self'"], **csp(IRMA)}}
"""
POLICY: Final = """
import os
from irma_web import csp_sources

NONE = dict.fromkeys(["default-src", "base-uri", "frame-ancestors"], ["'none'"])
SOURCES = {**NONE, "form-action": ["'self'"], **csp_sources(os.environ["IRMA_SERVER"])}
POLICY = "; ".join(f"{name} {' '.join(sources)}" for name, sources in SOURCES.items())
"""
FLASK_SITE: Final = """
from {module} import create_app

app = create_app({arguments})

@app.after_request
def protect(response):
    response.headers["Content-Security-Policy"] = POLICY
    return response
"""
GARDEN_VERIFIER: Final = """
from functools import partial
import serve

# The keys of the tests' scheme are short, because longer ones would take minutes to make.
serve.SignatureVerifier = partial(serve.SignatureVerifier, min_key_bits=1024)
verifier = serve.make_verifier(os.environ["SCHEMES"])
"""
FASTAPI_SITE: Final = """
from pathlib import Path
from irma_core import Risk, new_sealing_key
from wine_club import make_app

app = make_app(
    os.environ["IRMA_SERVER"],
    url=os.environ["CLUB_URL"],
    cookie_key="a long random string",
    keys=[new_sealing_key()],
    store="sqlite:club.db",
    browser_package="yivi.js",
    plain_cookie=True,
    server_key=Path("server.pem").read_text(),
    allow={Risk.SIMULATED_PROOFS},
)

@app.middleware("http")
async def protect(request, call_next):
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response
"""
_LIMIT: Final = 120


@attrs.frozen
class IrmaServer:
    """An IRMA server that an example asks."""

    url: str
    public_key_pem: str


@attrs.frozen
class TrustedScheme:
    """The keys and schemes that a site trusts when it verifies signatures.

    Args:
        folder: Has the schemes.
        stamp_server: The URL of the time-stamping server that the scheme names.
        stamp_key: The key of that server.
    """

    folder: Path
    stamp_server: str
    stamp_key: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables with which the garden reads it."""
        return {
            "SCHEMES": str(self.folder),
            "TIME_STAMP_SERVER": self.stamp_server,
            "TIME_STAMP_KEY": self.stamp_key,
        }


Run = Callable[[Path, bytes, IrmaServer], AbstractContextManager[str]]


@attrs.frozen
class Example:
    """An example, and the pages of it that the tests visit.

    Args:
        run: Runs it in an empty folder, with a browser package, beside an IRMA server.
        question: The question of its home page.
        welcome: The path that follows an answer.
        greeting: Words on that page that only a visitor with an answer sees.
        adults: The path of a page for adults.
        adult: The name of the question of that page.
        button: The words on the button of the home page.
    """

    run: Run = attrs.field(repr=False)
    question: str
    welcome: str
    greeting: str
    adults: str
    adult: str
    button: str = "Continue with Yivi"


@contextmanager
def running_django(folder: Path, package: bytes, server: IrmaServer) -> Generator[str]:
    """Run the project with Django's own server."""
    _copy("django_login", folder)
    with (folder / "cellar" / "settings.py").open("a") as settings:
        settings.write(DJANGO_POLICY)
    script = folder / "cellar" / "static" / "irma_web" / "yivi.js"
    script.parent.mkdir(parents=True)
    script.write_bytes(package)
    environment = {"IRMA_SERVER": server.url}
    manage = [sys.executable, "manage.py"]
    subprocess.run(
        [*manage, "migrate", "-v", "0"], cwd=folder, env=_environment(environment), check=True
    )
    with _listening(
        folder, lambda port: [*manage, "runserver", "--noreload", str(port)], environment
    ) as url:
        yield url


@contextmanager
def running_flask(folder: Path, package: bytes, server: IrmaServer) -> Generator[str]:
    """Run the shop with Flask's own server."""
    site = FLASK_SITE.format(module="shop", arguments="")
    with _flask("flask_login", site, folder, package, server) as url:
        yield url


@contextmanager
def running_garden(
    folder: Path, package: bytes, server: IrmaServer, scheme: TrustedScheme | None = None
) -> Generator[str]:
    """Run the garden with Flask's own server; it verifies signatures if it trusts a scheme."""
    arguments, verifier, environment = "None", "", {}
    if scheme is not None:
        arguments, verifier, environment = "verifier", GARDEN_VERIFIER, {**scheme.environment}
    site = verifier + FLASK_SITE.format(module="garden", arguments=arguments)
    with _flask("flask_signing", site, folder, package, server, environment) as url:
        yield url


@contextmanager
def _flask(
    name: str,
    site: str,
    folder: Path,
    package: bytes,
    server: IrmaServer,
    more: Mapping[str, str] | None = None,
) -> Generator[str]:
    _copy(name, folder)
    (folder / "protected.py").write_text(POLICY + site)
    (folder / "static").mkdir()
    (folder / "static" / "yivi.js").write_bytes(package)
    environment = {
        "IRMA_SERVER": server.url,
        "FLASK_IRMA_SERVER": server.url,
        "FLASK_SECRET_KEY": "a long random string",
        "FLASK_IRMA_PLAIN_COOKIE": "true",
        **(more or {}),
    }
    flask = [sys.executable, "-m", "flask", "--app", "protected", "run", "--port"]
    with _listening(folder, lambda port: [*flask, str(port)], environment) as url:
        yield url


@contextmanager
def running_fastapi(folder: Path, package: bytes, server: IrmaServer) -> Generator[str]:
    """Run the club with uvicorn."""
    _copy("fastapi_age", folder)
    (folder / "protected.py").write_text(POLICY + FASTAPI_SITE)
    (folder / "yivi.js").write_bytes(package)
    (folder / "server.pem").write_text(server.public_key_pem)
    uvicorn = [sys.executable, "-m", "uvicorn", "protected:app", "--port"]
    environment = {"IRMA_SERVER": server.url}
    with _listening(folder, lambda port: [*uvicorn, str(port)], environment) as url:
        yield url


def _copy(name: str, folder: Path) -> None:
    made = shutil.ignore_patterns("db.sqlite3*", "static", "instance", "club.db*", "__pycache__")
    shutil.copytree(EXAMPLES / name, folder, ignore=made, dirs_exist_ok=True)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@contextmanager
def _listening(
    folder: Path, command: Callable[[int], list[str]], environment: Mapping[str, str]
) -> Generator[str]:
    """Run a web server on a free port until the block ends; yield its URL."""
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command(port),
            cwd=folder,
            env=_environment({**environment, "CLUB_URL": url}),
            stdout=log,
            stderr=log,
        )
        try:
            deadline = monotonic() + _LIMIT
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=_LIMIT).close()
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()
                    assert monotonic() < deadline, "the web server does not answer"
                    sleep(0.05)
                else:
                    break
            yield url
        finally:
            process.terminate()
            process.wait()


DJANGO: Final = Example(
    running_django,
    question="login",
    welcome="/account/",
    greeting="Welcome, irma-",
    adults="/wines/",
    adult="adult",
)
FLASK: Final = Example(
    running_flask,
    question="login",
    welcome="/",
    greeting="Welcome, ada@example.com",
    adults="/wines",
    adult="adult",
)
FASTAPI: Final = Example(
    running_fastapi,
    question="membership",
    welcome="/tasting",
    greeting='"status":"proved"',
    adults="/tasting",
    adult="membership",
)
GARDEN: Final = Example(
    running_garden,
    question="lease",
    welcome="/signed",
    greeting="The signature was archived.",
    adults="/irma/ask/lease",
    adult="lease",
    button="Sign the lease with Yivi",
)
