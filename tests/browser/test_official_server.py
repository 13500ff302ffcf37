"""Two examples with a real browser, the official server and a wallet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from irma_backend import SchemeFolder
from irma_core import AttributeRequest, SignatureRequest
from irma_core.errors import ProofError
from irma_proofs import Schemes, SignatureVerifier
from tests.browser.conftest import scanned_qr
from tests.browser.example_sites import (
    IrmaServer,
    TrustedScheme,
    running_django,
    running_garden,
)
from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerPool
from tests.realserver.plain_http import start_session
from tests.realserver.session_requests import issuance
from tests.realserver.timestamp_server import TimestampServer
from tests.realserver.wallet import Wallet, WalletSession
from tests.realserver.wallet_events import PairingRequired, Succeeded

EMAIL = {"credential": "pbdf.sidn-pbdf.email", "attributes": {"email": "ada@example.com"}}
OVER_18 = {
    "credential": "pbdf.gemeente.personalData",
    "attributes": {"firstnames": "Ada", "over18": "Yes"},
}
REFUSED = "status of 403"


@pytest.fixture
def server(start_official_server: ServerPool) -> OfficialServer:
    return start_official_server()


@pytest.fixture
def holder(start_wallet: StartWallet, server: OfficialServer) -> Iterator[Wallet]:
    """The wallet of an adult with an e-mail address."""
    with start_wallet() as wallet:
        package = start_session(server.url, issuance(EMAIL, OVER_18))
        assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)
        yield wallet


@pytest.fixture
def site(server: OfficialServer, yivi_script: bytes, tmp_path: Path) -> Iterator[str]:
    irma_server = IrmaServer(server.url, server.jwt_public_key_pem)
    with running_django(tmp_path / "site", yivi_script, irma_server) as url:
        yield url


def pointer(page: Page) -> str:
    """Return the session pointer in the QR code on the screen, which may be in a link."""
    text = scanned_qr(page)
    found = text if text.startswith("{") else unquote(text.partition("#")[2])
    assert json.loads(found)["u"].startswith("http://127.0.0.1")
    return found


def answer_and_pair(page: Page, holder: Wallet) -> None:
    """Accept the page's request, and type the pairing code that the app shows."""
    session: WalletSession = holder.start(pointer(page))
    code = session.wait_for(PairingRequired).code
    page.wait_for_selector(".yivi-web-pairing-form")
    page.keyboard.type(code)
    assert isinstance(session.wait(), Succeeded)


def test_a_visitor_logs_in_and_proves_an_age(page: Page, site: str, holder: Wallet) -> None:
    """A person refuses, tries again, is logged in, and sees the wines after one more proof."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(site)
    page.get_by_role("button", name="Continue with Yivi").click()
    holder.refuse(pointer(page))
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-irma]")).to_have_attribute("data-irma-state", "qr")
    assert isinstance(holder.accept(pointer(page)), Succeeded)
    expect(page.get_by_role("heading")).to_contain_text("Welcome, irma-")

    page.goto(f"{site}/wines/")
    page.get_by_role("button", name="Continue with Yivi").click()
    answer_and_pair(page, holder)
    expect(page.get_by_role("heading")).to_have_text("Our wines")
    assert [said for said in complaints if REFUSED not in said] == []


@pytest.fixture
def scheme(schemes: Path, timestamp_server: TimestampServer, time_stamp_key: str) -> TrustedScheme:
    return TrustedScheme(schemes, timestamp_server.url, time_stamp_key)


@pytest.fixture
def garden(
    server: OfficialServer, yivi_script: bytes, scheme: TrustedScheme, tmp_path: Path
) -> Iterator[str]:
    irma_server = IrmaServer(server.url, server.jwt_public_key_pem)
    with running_garden(tmp_path / "garden", yivi_script, irma_server, scheme) as url:
        yield url


def test_a_lease_is_signed_and_verified_again(
    page: Page, garden: str, holder: Wallet, scheme: TrustedScheme, tmp_path: Path
) -> None:
    """A wallet signs the message on the page, and anyone with the archive verifies it later."""
    before = datetime.now(UTC).replace(microsecond=0)
    page.goto(garden)
    lease = page.locator("blockquote").inner_text()
    page.get_by_role("button", name="Sign the lease with Yivi").click()
    expect(page.locator("[data-irma]")).to_have_attribute("data-irma-state", "qr")
    answer_and_pair(page, holder)
    expect(page.locator("main")).to_contain_text("Signed by ada@example.com on ")
    expect(page.locator("main")).to_contain_text("We have just verified the signature again.")
    assert page.locator("blockquote").inner_text() == lease

    with closing(sqlite3.connect(tmp_path / "garden" / "instance" / "signatures.db")) as archive:
        ((text, signature, started),) = archive.execute(
            "SELECT text, signature, started FROM signatures"
        )
    verifier = SignatureVerifier(
        Schemes(
            SchemeFolder(scheme.folder),
            pinned={"pbdf": (scheme.folder / "pbdf" / "pk.pem").read_text(encoding="ascii")},
        ),
        time_stamps={scheme.stamp_server: [scheme.stamp_key]},
        min_key_bits=1024,
    )
    email = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
    request = SignatureRequest(lease, {"email": email})
    verified = verifier.verify(signature, request, not_before=datetime.fromisoformat(started))
    assert (verified.message, text) == (lease, lease)
    assert verified["email"].value == "ada@example.com"
    assert verified.is_time_stamped
    assert before <= verified.signed_at <= datetime.now(UTC)
    with pytest.raises(ProofError):
        verifier.verify(signature.replace("60 euros", "6 euros"), request)
