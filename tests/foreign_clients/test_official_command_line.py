"""Whole sessions of the official command line with the development server."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import ProofStatus
from irma_testing import RequestorSettings, ServerSettings
from tests.foreign_clients.conftest import LONGEST, Act, Stage, StartStage, known
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    FIRSTNAME,
    OVER18,
    disclosure,
    issuance,
    signature,
)
from tests.realserver.build import Tools
from tests.realserver.plain_http import start_session

WATCHES = "GET /irma/session/{token}/statusevents: 200"
POLLS = "GET /irma/session/{token}/status: 200"
TOKEN = "a-token-of-the-tests"
ADULT = ("--disclose", OVER18)
AGREED = ("--sign", OVER18, "--message", "I agree")


@attrs.frozen
class Done:
    """The exit status and the output of the command line."""

    status: int
    output: str

    @property
    def result(self) -> dict[str, Any]:
        """The session's result at the end of the output."""
        found: dict[str, Any] = json.loads(self.output.partition("Session result:\n")[2])
        return found


Session: TypeAlias = Callable[..., Done]


@pytest.fixture
def session(yivi_tools: Tools, schemes: Path, tmp_path: Path) -> Session:
    """Return a function that runs `yivi irma session`, with an app that acts when it watches."""

    def play(
        stage: Stage,
        *arguments: str,
        act: Act | None = None,
        asked: tuple[str, ...] = (WATCHES,),
        typed: str = "",
    ) -> Done:
        person = stage.act_after(*asked, act=act or stage.app.accept)
        done = subprocess.run(
            [
                *(str(yivi_tools.yivi), "irma", "session", "--server", stage.url),
                *("--noqr", "--disable-schemes-update", "--schemes-path", str(schemes), *arguments),
            ],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        person.join()
        return Done(done.returncode, done.stdout)

    return play


def _values(result: dict[str, Any]) -> list[list[str]]:
    return [[found["rawvalue"] for found in each] for each in result["disclosed"]]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (ADULT, "disclosing"),
        (("--disclose", f"{OVER18},{EMAIL}", "--disclose", FIRSTNAME), "disclosing"),
        (AGREED, "signing"),
        (("--issue", "example.town.age=yes,yes,no"), "issuing"),
        (("--issue", "example.town.age=yes,yes,no", "--disclose", EMAIL), "issuing"),
        (("--request", json.dumps(disclosure([[OVER18]]))), "disclosing"),
        (("--request", json.dumps(signature("I agree", [[OVER18]]))), "signing"),
        (("--request", json.dumps({"request": issuance(AGE), "validity": 60})), "issuing"),
    ],
    ids=[
        "disclosure",
        "two disclosures",
        "signature",
        "issuance",
        "issuance with a disclosure",
        "request",
        "signature request",
        "extended issuance request",
    ],
)
def test_a_session_of_each_kind(
    start_stage: StartStage, session: Session, arguments: tuple[str, ...], kind: str
) -> None:
    """The official command line reads our session package, events and result."""
    done = session(start_stage(), *arguments)
    assert done.status == 0, done.output
    assert (done.result["status"], done.result["proofStatus"]) == ("DONE", "VALID")
    assert done.result["type"] == kind


def test_disclosed_values_are_printed(start_stage: StartStage, session: Session) -> None:
    """The official command line prints the disclosed values."""
    done = session(start_stage(), *ADULT, "--disclose", EMAIL)
    assert _values(done.result) == [["yes"], ["ada@example.com"]]


def test_a_signature_is_read_by_the_official_types(
    start_stage: StartStage, session: Session
) -> None:
    """The official command line reads a simulated signature, which has a real one's form."""
    done = session(start_stage(), *AGREED)
    made = done.result["signature"]
    assert made["message"] == "I agree"
    assert len(made["signature"]) == len(made["indices"]) == 1


@pytest.mark.parametrize(
    ("asked", "flaw"),
    [(AGREED, flaw) for flaw in ProofStatus if flaw is not ProofStatus.VALID]
    + [
        (ADULT, flaw)
        for flaw in (ProofStatus.INVALID, ProofStatus.MISSING_ATTRIBUTES, ProofStatus.EXPIRED)
    ],
)
def test_an_invalid_proof(
    start_stage: StartStage, session: Session, asked: tuple[str, ...], flaw: ProofStatus
) -> None:
    """The official command line reads the result of an app that cheats."""
    stage = start_stage()

    def cheat(pointer: SessionPointer) -> None:
        stage.app.scan(pointer).cheat(flaw)

    done = session(stage, *asked, act=cheat)
    assert done.status == 0, done.output
    assert (done.result["status"], done.result["proofStatus"]) == ("DONE", flaw.value)


def test_every_authentication_method(
    start_stage: StartStage, session: Session, tmp_path: Path
) -> None:
    """The official command line authenticates with a token, an HMAC key and an RSA key."""
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac_key = base64.b64encode(bytes(range(200, 237))).decode()
    (tmp_path / "key.pem").write_bytes(pem)
    stage = start_stage(
        known(
            {
                "tok": RequestorSettings("token", TOKEN),
                "mac": RequestorSettings("hmac", hmac_key),
                "pub": RequestorSettings("publickey", public.decode()),
            }
        )
    )
    for authentication in (
        ("--auth-method", "token", "--key", TOKEN),
        ("--auth-method", "hmac", "--key", hmac_key, "--name", "mac"),
        ("--auth-method", "rsa", "--key", str(tmp_path / "key.pem"), "--name", "pub"),
    ):
        done = session(stage, *ADULT, *authentication)
        assert done.status == 0, done.output
        assert done.result["proofStatus"] == "VALID"


def test_pairing(start_stage: StartStage, session: Session) -> None:
    """The official command line pairs by the frontend's endpoints, and shows the app's code."""
    stage = start_stage()
    codes: list[str | None] = []

    def scan_and_accept(pointer: SessionPointer) -> None:
        scanned = stage.app.scan(pointer)
        codes.append(scanned.pairing_code)
        paired = "POST /irma/session/{token}/frontend/pairingcompleted: 204"
        stage.act_after(paired, act=lambda _pointer: scanned.accept()).join()

    done = session(stage, *ADULT, "--pairing", act=scan_and_accept, typed="\n")
    assert done.status == 0, done.output
    found = re.search(r"Pairing code: (\d{4})", done.output)
    assert found is not None
    assert codes == [found[1]]
    assert done.result["proofStatus"] == "VALID"


def test_a_refusal(start_stage: StartStage, session: Session) -> None:
    """The official command line reports `CANCELLED` if the app refuses."""
    stage = start_stage()

    def refuse(pointer: SessionPointer) -> None:
        stage.app.scan(pointer).refuse()

    assert session(stage, *ADULT, act=refuse).result["status"] == "CANCELLED"


def test_polling_without_events(start_stage: StartStage, session: Session) -> None:
    """If the server sends no events, the official command line polls at the session pointer."""
    stage = start_stage(ServerSettings())

    def accept_when_seen(pointer: SessionPointer) -> None:
        scanned = stage.app.scan(pointer)
        stage.act_after(POLLS, POLLS, act=lambda _pointer: scanned.accept()).join()

    done = session(stage, *ADULT, act=accept_when_seen, asked=(POLLS,))
    assert done.status == 0, done.output
    assert done.result["status"] == "DONE"


def test_a_session_that_another_program_started(start_stage: StartStage, session: Session) -> None:
    """The official command line continues a session from the package of another program."""
    stage = start_stage()
    package = start_session(stage.url, disclosure([[OVER18]]))
    done = session(stage, "--from-package", json.dumps(package))
    assert done.status == 0, done.output
    assert done.result["token"] == package["token"]


def test_a_refused_start_shows_our_error(
    start_stage: StartStage, yivi_tools: Tools, schemes: Path
) -> None:
    """The official command line shows the name, description and message of our error."""
    stage = start_stage(known({"tok": RequestorSettings("token", TOKEN)}))
    done = subprocess.run(
        [
            *(
                yivi_tools.yivi,
                "irma",
                "session",
                "--server",
                stage.url,
                "--noqr",
                "--disable-schemes-update",
            ),
            *("--schemes-path", str(schemes), *ADULT),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode != 0
    assert "INVALID_REQUEST" in done.stdout
    assert "request could not be authenticated" in done.stdout
