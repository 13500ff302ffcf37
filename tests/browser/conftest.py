"""A real Chromium, and the official browser package from npm.

The package is fetched once into the tests' cache, and compared with the lock file in this
directory. Without npm or Chromium the tests are skipped with a message; on CI they fail.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import NoReturn

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.realserver.build import cache_folder, cached, digest_of, run
from tests.realserver.conftest import (
    pool_of_version,
    run_folder,
    schemes,
    start_official_server,
    start_wallet,
    time_stamp_key,
    timestamp_server,
    yivi_tools,
)

__all__ = [
    "pool_of_version",
    "run_folder",
    "schemes",
    "start_official_server",
    "start_wallet",
    "time_stamp_key",
    "timestamp_server",
    "yivi_tools",
]

CANCELLED = "This was cancelled. Nothing was shared."
"""The words on a page after the person has refused in the app."""
_LIMIT = 60
PACKAGE = Path(__file__).parent / "npm"
SCRIPT = Path("node_modules", "@privacybydesign", "yivi-frontend", "dist", "yivi.js")
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what: str) -> NoReturn:
    why = f"the browser tests need {what}: no such command was found"
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def headless_chromium() -> str:
    """Return the path of Chromium, if possible of the build without windows.

    That build takes half the CPU time. Debian has it in a package of its own; other distributions
    may lack it.
    """
    return (
        shutil.which("chromium-headless-shell") or shutil.which("chromium") or missing("chromium")
    )


@pytest.fixture(scope="session")
def yivi_script() -> bytes:
    """The official browser package, in one file."""

    def fetch(folder: Path) -> None:
        npm = shutil.which("npm") or missing("npm")
        shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    folder = cached(cache_folder(), f"yivi-frontend-{digest_of(PACKAGE)}", fetch)
    return (folder / SCRIPT).read_bytes()


@pytest.fixture(scope="module")
def chromium_arguments() -> list[str]:
    """The command line of the browser, which a module may override."""
    return ARGUMENTS


@pytest.fixture(scope="module")  # its event loop must be closed before tests that have one
def chromium(chromium_arguments: list[str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=headless_chromium(), headless=True, args=chromium_arguments
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a separate profile, with time limits that a busy machine can keep."""
    context = chromium.new_context(viewport={"width": 800, "height": 900})
    context.set_default_timeout(_LIMIT * 1000)
    expect.set_options(timeout=_LIMIT * 1000)
    yield context.new_page()
    context.close()


def scanned_qr(page: Page) -> str:
    """Return the contents of the QR code on the screen, as soon as it is drawn."""
    deadline = monotonic() + _LIMIT
    while not (codes := zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))):
        assert monotonic() < deadline, "there is no QR code on the screen"
    return str(codes[0].text)
