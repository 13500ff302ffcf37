"""The page with the parts 1.0 of the browser package, which a site bundles itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from irma_core import AttributeRequest, DisclosureRequest
from irma_testing import SimulatedApp
from tests.web_page.conftest import CANCELLED, Shop
from tests.web_page.site import NAME

BUNDLED = """
import {YiviCore} from "@privacybydesign/yivi-core";
import {YiviClient} from "@privacybydesign/yivi-client";
import {YiviWeb} from "@privacybydesign/yivi-web";
window.yivi = {
  newWeb(options) {
    const core = new YiviCore(options);
    core.use(YiviWeb);
    core.use(YiviClient);
    return core;
  },
};
"""


@pytest.fixture
def package(tools: Path) -> tuple[bytes, bytes]:
    """A bundle of the parts, and their style."""
    modules = tools / "node_modules"
    esbuild = modules / "esbuild" / "bin" / "esbuild"
    done = subprocess.run(
        [esbuild, "--bundle", "--format=iife", "--loader=js"],
        input=BUNDLED,
        cwd=tools,
        capture_output=True,
        text=True,
        check=True,
    )
    style = modules / "@privacybydesign" / "yivi-css" / "dist" / "yivi.min.css"
    return done.stdout.encode(), style.read_bytes()


def test_a_person_logs_in(shop: Shop, app: SimulatedApp) -> None:
    """A person logs in; each state is drawn and accessible, and the console stays empty."""
    shop.site.asked = DisclosureRequest({"name": AttributeRequest(NAME, value="Ada")})
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    expect(shop.page.get_by_role("img", name="QR code for the Yivi app")).to_be_visible()
    scanned = app.scan(shop.scanned_qr())
    shop.look("newer-qr")
    shop.expect_state("pairing")
    shop.look("newer-pairing")
    code = scanned.pairing_code
    assert code
    shop.page.keyboard.type(code)
    shop.expect_state("app")
    shop.look("newer-app")
    scanned.accept()
    shop.expect_welcome()
    assert shop.site.steps == ["start", "finish"]


def test_a_refusal_and_a_cancel(shop: Shop, app: SimulatedApp) -> None:
    """A refusal and a cancel end the session, and another one can be started."""
    shop.expected = ["status of 403"]
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.refuse(shop.scanned_qr())
    shop.expect_message(CANCELLED)
    shop.press("Try again")
    shop.expect_state("qr")
    app.scan(shop.scanned_qr())
    shop.expect_state("app")
    shop.page.locator("[data-yivi-glue-transition=cancel]").dispatch_event("click")
    shop.expect_message("You cancelled this request.")
