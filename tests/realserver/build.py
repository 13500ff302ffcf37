"""Build the programs for the real-server tests, once, into a cache outside the checkout.

These are the official server (other versions on request), the project's headless wallet, a verifier
of proofs, schemes with keys, and a key pair for result JWTs. Each has a folder whose name depends
on its sources. One process builds it while the others wait, and a folder is complete as soon as it
appears. `python -m tests.realserver.build` builds everything before a run begins.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.authorities import machine_environment
from tests.realserver.versions import EACH_RUN, NEWEST, key_of

HERE = Path(__file__).parent
WALLET_SOURCES = HERE / "wallet"
VERIFIER_SOURCES = HERE.parent / "proofs" / "differential" / "verifier"
SCHEME_SOURCES = HERE / "scheme"
_FIRST_YIVI = (1, 0)
"""From this version on the command is `yivi`, which contains `irma` as a subcommand."""


class GoMissing(Exception):  # noqa: N818 - a fact about the machine, not a fault
    """There is no `go` command on this machine, so nothing can be built."""


class BuildError(Exception):
    """A build step failed; the message holds the end of its output."""


@dataclass(frozen=True)
class Tools:
    """Paths in the cache; tests must not change the files there."""

    yivi: Path  # the newest
    headlesswallet: Path
    scheme_template: Path  # schemes/, and sk.pem to sign a copy of it
    jwt_keys: Path  # private.pem, public.pem


def build_tools(cache: Path | None = None) -> Tools:
    """Find all tools in the cache, and make the missing ones, which takes minutes the first time.

    Raises:
        GoMissing: something is missing, and there is no Go.
        BuildError: Go, or a tool built by it, reports an error.
    """
    cache = cache or cache_folder()
    yivi = build_command(NEWEST, cache)
    wallet = _build_program(WALLET_SOURCES, "headlesswallet", cache)
    scheme_name = f"scheme-v{NEWEST}-{digest_of(SCHEME_SOURCES)}"
    return Tools(
        yivi=yivi,
        headlesswallet=wallet,
        scheme_template=cached(cache, scheme_name, lambda folder: _make_scheme(yivi, folder)),
        jwt_keys=cached(cache, "jwt-keys", lambda folder: run(wallet, "jwtkey", folder)),
    )


def build_command(version: str, cache: Path | None = None) -> Path:
    """Find the official command line of a version, or build it, which takes half a minute.

    Raises:
        GoMissing: a build is needed, and there is no Go.
        BuildError: Go reports an error.
    """
    name = "yivi" if key_of(version) >= _FIRST_YIVI else "irma"

    def install(folder: Path) -> None:
        package = f"github.com/privacybydesign/irmago/{name}@v{version}"
        run(_go(), "install", package, cwd=folder, CGO_ENABLED="0", GOBIN=str(folder))

    return cached(cache or cache_folder(), f"{name}-v{version}", install) / name


def build_proof_verifier(cache: Path | None = None) -> Path:
    """Find the program that verifies proofs with irmago, or build it, which takes half a minute.

    Raises:
        GoMissing: a build is needed, and there is no Go.
        BuildError: Go reports an error.
    """
    return _build_program(VERIFIER_SOURCES, "proofverifier", cache or cache_folder())


def irmago_sources(cache: Path | None = None) -> Path:
    """Find the sources of the newest irmago, or fetch them, for its tests and their schemes.

    Raises:
        GoMissing: the sources must be fetched, and there is no Go.
        BuildError: Go reports an error.
    """

    def fetch(folder: Path) -> None:
        run(
            _go(),
            "mod",
            "download",
            f"github.com/privacybydesign/irmago@v{NEWEST}",
            cwd=folder,
            GOMODCACHE=str(folder),
            GOFLAGS="-modcacherw",  # otherwise the cache could not be deleted
        )

    modules = cached(cache or cache_folder(), f"irmago-sources-v{NEWEST}", fetch)
    return modules / "github.com" / "privacybydesign" / f"irmago@v{NEWEST}"


def server_command(command: Path) -> tuple[str | Path, ...]:
    """Return the command line that starts a server."""
    return (command, "irma", "server") if command.name == "yivi" else (command, "server")


def cache_folder() -> Path:
    """Return the folder that keeps the programs from one test run to the next."""
    if named := os.environ.get("IRMA_BACKEND_TEST_CACHE"):
        return Path(named).absolute()
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root).absolute() / "irma-backend-tests"


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> None:
    """Run a command to its end.

    Raises:
        BuildError: the command ends with an error.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**machine_environment(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")


def _build_program(sources: Path, name: str, cache: Path) -> Path:
    """Find a Go program of this project in the cache, or build it."""

    def build(folder: Path) -> None:
        flags = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", folder / name)
        run(_go(), "build", *flags, ".", cwd=sources, CGO_ENABLED="0")

    return cached(cache, f"{sources.name}-{digest_of(sources)}", build) / name


def _make_scheme(yivi: Path, folder: Path) -> None:
    schemes = folder / "schemes"
    shutil.copytree(SCHEME_SOURCES, schemes)
    for issuer in sorted(folder.parent for folder in schemes.glob("*/*/Issues")):
        run(yivi, "irma", "issuer", "keygen", "-l", "1024", "-v", "20y", issuer)
    run(yivi, "irma", "scheme", "keygen", cwd=folder)


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise GoMissing("the real-server tests need Go 1.26 or later: no `go` command was found")
    return go


def digest_of(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in sources.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(sources).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:12]


def cached(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of that name, which `make` fills if it does not exist."""
    folder = cache / name
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{name}.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}.") as unfinished:
                made = Path(unfinished) / name
                made.mkdir()
                make(made)
                made.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the close
        yield


if __name__ == "__main__":
    build_tools()
    build_proof_verifier()
    irmago_sources()
    for each in EACH_RUN:
        build_command(each)
