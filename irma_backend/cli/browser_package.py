"""`irma-backend browser-package`: fetch the official browser package into a directory."""

from __future__ import annotations

from pathlib import Path

import click

from irma_backend.cli.exit_statuses import reporting_errors
from irma_backend.cli.options import FILE, Command
from irma_backend.cli.output import print_line
from irma_web.browser_package import PACKAGE, VERSION, install_browser_package

__all__ = ["browser_package"]


@click.command("browser-package", cls=Command)
@click.argument("directory", metavar="DIR", type=FILE)
@click.option(
    "--from",
    "from_file",
    type=FILE,
    metavar="FILE",
    help="A tarball that `npm pack` wrote, for a machine without npm or network access.",
)
def browser_package(directory: Path, from_file: Path | None) -> None:
    """Put yivi.js, which draws QR codes in the browser, into DIR.

    yivi.js is one file of the official browser package @privacybydesign/yivi-frontend. npm fetches
    the version that irma-backend is tested with, and irma-backend checks its hash. A page needs
    yivi.js in addition to irma-backend's own script. The license of yivi.js is Apache-2.0, except
    for the Yivi logo.
    """
    with reporting_errors():
        installed = install_browser_package(directory, from_file=from_file)
    done = "written" if installed.is_new else "already there, unchanged"
    print_line(f"{installed.path}: {done} ({PACKAGE} {VERSION}, hash checked)")
