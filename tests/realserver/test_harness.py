"""The harness itself: server, wallet and time-stamp server run whole sessions."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.plain_http import call, get_result, start_session
from tests.realserver.session_requests import AGE, RESIDENT, disclosure, issuance, signature
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import (
    Accept,
    Cancelled,
    Disappear,
    Disappeared,
    Failed,
    Hold,
    PairingRequired,
    Refuse,
    Requested,
    ReturnUrl,
    Succeeded,
)

OVER18 = "example.town.age.over18"
FIRSTNAME = "example.town.resident.firstname"
FAMILYNAME = "example.town.resident.familyname"
EMAIL = "example.town.resident.email"
PHONE = "example.town.resident.phone"
ASK_FOR_PAIRING = {
    "@context": "https://irma.app/ld/request/frontendoptions/v1",
    "pairingMethod": "pin",
}


def test_disclosure_is_valid(official_server: OfficialServer, wallet: Wallet) -> None:
    """A disclosure is VALID, and the wallet reports the request that its user sees."""
    request = disclosure([[OVER18]], labels={"0": {"en": "Age", "nl": "Leeftijd"}})
    package = start_session(official_server.url, request)
    session = wallet.start(package["sessionPtr"])
    seen = session.wait_for(Requested)
    assert (seen.session_type, seen.satisfiable) == ("disclosing", True)
    assert (seen.disclose, seen.labels["0"]["en"]) == ([[[OVER18]]], "Age")
    assert (seen.requestor_name, seen.requestor_unverified) == ("127.0.0.1", True)
    assert isinstance(session.wait(), Succeeded)
    result = get_result(official_server.url, package["token"])
    assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
    assert result["disclosed"][0][0]["rawvalue"] == "yes"


def test_refusal_is_cancelled(official_server: OfficialServer, wallet: Wallet) -> None:
    """After a refusal the server reports CANCELLED as soon as the wallet is done."""
    package = start_session(official_server.url, disclosure([[OVER18]]))
    assert isinstance(wallet.refuse(package["sessionPtr"]), Cancelled)
    assert get_result(official_server.url, package["token"])["status"] == "CANCELLED"


def test_unsatisfiable_request_is_refused(official_server: OfficialServer, wallet: Wallet) -> None:
    """A user who lacks the requested attributes can only refuse."""
    wanted = [[{"type": PHONE, "notNull": True}]]
    package = start_session(official_server.url, disclosure(wanted))
    session = wallet.start(package["sessionPtr"])
    assert not session.wait_for(Requested).satisfiable
    assert isinstance(session.wait(), Cancelled)


def test_option_is_picked(official_server: OfficialServer, wallet: Wallet) -> None:
    """A test can let the wallet choose an option other than the first."""
    package = start_session(official_server.url, disclosure([[OVER18], [EMAIL]], [[], [FIRSTNAME]]))
    picked = Accept(options={0: 1, 1: 1})
    assert isinstance(wallet.start(package["sessionPtr"], picked).wait(), Succeeded)
    disclosed = get_result(official_server.url, package["token"])["disclosed"]
    assert [[one["id"] for one in group] for group in disclosed] == [[EMAIL], [FIRSTNAME]]


def test_signature_is_valid(official_server: OfficialServer, wallet: Wallet) -> None:
    """A signature over the requested message is VALID."""
    package = start_session(official_server.url, signature("I agree", [[OVER18]]))
    session = wallet.start(package["sessionPtr"])
    assert session.wait_for(Requested).message == "I agree"
    assert isinstance(session.wait(), Succeeded)
    result = get_result(official_server.url, package["token"])
    assert (result["proofStatus"], result["signature"]["message"]) == ("VALID", "I agree")


def test_issuance_is_done(
    official_server: OfficialServer, start_wallet: StartWallet, tmp_path: Path
) -> None:
    """A wallet and its copy hold the issued credentials until `delete_all` is called."""
    wallet = start_wallet()
    package = start_session(official_server.url, issuance(AGE, RESIDENT))
    assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)
    assert get_result(official_server.url, package["token"])["status"] == "DONE"
    held = {one.credential: one.attributes for one in wallet.credentials()}
    assert held["example.town.age"]["over65"] == "no"
    assert held["example.town.resident"]["firstname"] == "Ada"
    wallet.save(tmp_path / "saved")
    again = start_wallet(tmp_path / "saved")
    assert len(again.credentials()) == 2
    again.delete_all()
    assert again.credentials() == ()


def test_cheat_misses_attributes(official_server: OfficialServer, wallet: Wallet) -> None:
    """A wallet that sends wrong attributes reports the server's MISSING_ATTRIBUTES."""
    package = start_session(official_server.url, disclosure([[OVER18]], [[FIRSTNAME]]))
    outcome = wallet.start(package["sessionPtr"], Accept(send=[[], [EMAIL]])).wait()
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.info) == ("rejected", "MISSING_ATTRIBUTES")
    result = get_result(official_server.url, package["token"])
    assert (result["status"], result["proofStatus"]) == ("DONE", "MISSING_ATTRIBUTES")
    assert result["disclosed"][0] is None


def test_unrequested_attribute_is_extra(official_server: OfficialServer, wallet: Wallet) -> None:
    """An attribute that the wallet sends without a request for it has status EXTRA."""
    package = start_session(official_server.url, disclosure([[OVER18]]))
    outcome = wallet.start(package["sessionPtr"], Accept(send=[[OVER18], [EMAIL]])).wait()
    assert isinstance(outcome, Succeeded)
    result = get_result(official_server.url, package["token"])
    assert result["proofStatus"] == "VALID"
    assert [one["status"] for one in result["disclosed"][1]] == ["EXTRA"]


def test_expired_credential(official_server: OfficialServer, start_wallet: StartWallet) -> None:
    """A credential that is valid for an hour expires at once, so its disclosure is EXPIRED."""
    wallet = start_wallet()
    short = {**AGE, "validity": int(time.time()) + 3600}
    issued = start_session(official_server.url, issuance(short))
    assert isinstance(wallet.accept(issued["sessionPtr"]), Succeeded)
    package = start_session(official_server.url, disclosure([[OVER18]]))
    session = wallet.start(package["sessionPtr"])
    assert session.wait_for(Requested).candidates[0][0][0].expired
    session.wait()
    assert get_result(official_server.url, package["token"])["proofStatus"] == "EXPIRED"


def test_pairing_completes(official_server: OfficialServer, wallet: Wallet) -> None:
    """The wallet shows a pairing code, and continues when the frontend has completed pairing."""
    package = start_session(official_server.url, disclosure([[OVER18]]))
    pointer = package["sessionPtr"]
    headers = {"Authorization": package["frontendRequest"]["authorization"]}
    frontend = f"{pointer['u']}/frontend"
    _, chosen = call("POST", f"{frontend}/options", ASK_FOR_PAIRING, headers)
    session = wallet.start(pointer)
    assert session.wait_for(PairingRequired).code == chosen["pairingCode"]
    other = start_session(official_server.url, disclosure([[EMAIL]]))
    assert isinstance(wallet.accept(other["sessionPtr"]), Succeeded)
    status, _ = call("POST", f"{frontend}/pairingcompleted", None, headers)
    assert status == 204
    assert isinstance(session.wait(), Succeeded)
    assert get_result(official_server.url, package["token"])["proofStatus"] == "VALID"


def test_pairing_dismissed(official_server: OfficialServer, wallet: Wallet) -> None:
    """A user who dismisses the session during pairing cancels it."""
    package = start_session(official_server.url, disclosure([[OVER18]]))
    headers = {"Authorization": package["frontendRequest"]["authorization"]}
    call("POST", f"{package['sessionPtr']['u']}/frontend/options", ASK_FOR_PAIRING, headers)
    session = wallet.start(package["sessionPtr"])
    session.wait_for(PairingRequired)
    session.dismiss()
    assert isinstance(session.wait(), Cancelled)
    assert get_result(official_server.url, package["token"])["status"] == "CANCELLED"


def test_hold_and_disappear(official_server: OfficialServer, wallet: Wallet) -> None:
    """Sessions that wait for the user are CONNECTED, and do not block other sessions."""
    held, left = (start_session(official_server.url, disclosure([[OVER18]])) for _ in range(2))
    gone = wallet.start(left["sessionPtr"], Disappear())
    session = wallet.start(held["sessionPtr"], Hold())
    session.wait_for(Requested)
    assert isinstance(gone.wait(), Disappeared)
    for package in (held, left):
        assert get_result(official_server.url, package["token"])["status"] == "CONNECTED"
    again = start_session(official_server.url, issuance(AGE))
    assert isinstance(wallet.accept(again["sessionPtr"]), Succeeded)
    session.answer(Accept())
    assert isinstance(session.wait(), Succeeded)
    assert get_result(official_server.url, held["token"])["proofStatus"] == "VALID"


def test_chained_session(official_server: OfficialServer, wallet: Wallet) -> None:
    """The wallet continues with the next session of a chain, and each session has a result."""
    with next_session(disclosure([[EMAIL]], clientReturnUrl="https://example.com/")) as url:
        request = {"request": disclosure([[OVER18]]), "nextSession": {"url": url}}
        package = start_session(official_server.url, request)
        session = wallet.start(package["sessionPtr"])
        assert isinstance(session.wait(), Succeeded)
        refused = start_session(official_server.url, request)
        outcome = wallet.start(refused["sessionPtr"], Accept(), Refuse()).wait()
        assert isinstance(outcome, Cancelled)
    kinds = [type(event) for event in session.events]
    assert kinds == [Requested, ReturnUrl, Requested, Succeeded]
    follow_up = get_result(official_server.url, package["token"])["nextSession"]
    assert get_result(official_server.url, follow_up)["disclosed"][0][0]["id"] == EMAIL
    follow_up = get_result(official_server.url, refused["token"])["nextSession"]
    assert get_result(official_server.url, follow_up)["status"] == "CANCELLED"


def test_many_sessions_at_once(official_server: OfficialServer, wallet: Wallet) -> None:
    """Twenty sessions of one wallet that run at the same time all succeed."""
    packages = [start_session(official_server.url, disclosure([[OVER18]])) for _ in range(20)]
    sessions = [wallet.start(package["sessionPtr"], Accept(delay_ms=20)) for package in packages]
    assert all(isinstance(session.wait(), Succeeded) for session in sessions)


def test_options_reach_the_server(start_official_server: ServerPool, wallet: Wallet) -> None:
    """A server runs with the options of a test, and tests with equal options share it."""
    tok = {"auth_method": "token", "key": "secret", "disclose_perms": ["example.town.age.*"]}
    options = ServerOptions(
        requestors={"tok": tok}, default_permissions=False, jwt_key=False, sse=False,
        api_prefix="/api", extra_flags=("--max-request-age", "10"),
    )  # fmt: skip
    server = start_official_server(options)
    assert start_official_server(options) is server
    status, answer = call("POST", f"{server.url}/session", disclosure([[OVER18]]))
    assert (status, answer["error"]) == (400, "INVALID_REQUEST")
    as_tok = {"Authorization": "secret"}
    status, answer = call("POST", f"{server.url}/session", disclosure([[EMAIL]]), as_tok)
    assert (status, answer["error"]) == (403, "UNAUTHORIZED")
    status, answer = call("POST", f"{server.url}/session", disclosure([[OVER18]]), as_tok)
    assert status == 200
    assert isinstance(wallet.accept(answer["sessionPtr"]), Succeeded)
    assert call("GET", f"{server.url}/publickey")[0] == 501
    server.close()
    assert not server.is_running


def test_public_key_is_the_servers(official_server: OfficialServer) -> None:
    """The harness has the public key that the server returns."""
    _, key = call("GET", f"{official_server.url}/publickey")
    assert key.strip() == official_server.jwt_public_key_pem.strip()


@contextmanager
def next_session(request: dict[str, Any]) -> Generator[str]:
    """Serve the same next request for every result."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(request).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/next"
        server.shutdown()
        thread.join()
