"""The garden's own tests, which need no phone, no network and no IRMA server."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from garden import LEASE, create_app, irma
from signatures import Archive, Archived

from irma_backend.scheme_folder import SchemeFolder
from irma_core import AttributeBasedSignature
from irma_proofs import Schemes, SignatureVerifier
from irma_testing import InMemoryServer, SimulatedApp
from irma_testing.proofs import (
    Chance,
    MadeIssuerKey,
    MadeScheme,
    MadeType,
    Shown,
    TimeStamper,
    issue,
    sign_message,
)

SITE = "https://garden.example"
SIGNED_AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def scheme() -> MadeScheme:
    """Return a scheme with the name of the real one, and with a test key."""
    email = MadeType("pbdf.sidn-pbdf.email", ("email", "domain"))
    return MadeScheme("pbdf", (email,), {"sidn-pbdf": (MadeIssuerKey.make(1024),)})


@pytest.fixture(scope="session")
def signature(scheme: MadeScheme) -> AttributeBasedSignature:
    """Return a signature with real proofs, like one that a phone makes."""
    values = {"email": "ada@example.com", "domain": "example.com"}
    at = int(SIGNED_AT.timestamp())
    credential = issue(
        scheme, "pbdf.sidn-pbdf.email", values, Chance("email"), signed_at=at - 86_400
    )
    shown = [Shown(credential, ("email",))]
    signed = sign_message(LEASE, shown, Chance("lease"), stamper=TimeStamper(), at=at)
    return AttributeBasedSignature(json.dumps(signed), LEASE)


@pytest.fixture
def verifier(scheme: MadeScheme, tmp_path: Path) -> SignatureVerifier:
    """Return a verifier that trusts the scheme and its time-stamping server."""
    scheme.write(tmp_path / "schemes")
    known = Schemes(SchemeFolder(tmp_path / "schemes"), pinned={"pbdf": scheme.public_pem})
    stamper = TimeStamper()
    stamps = {stamper.url: [stamper.public_key]}
    return SignatureVerifier(known, time_stamps=stamps, min_key_bits=1024)


@pytest.fixture
def visitor(
    irma_server: InMemoryServer, verifier: SignatureVerifier, tmp_path: Path
) -> Iterator[FlaskClient]:
    """Return a browser that can use the garden's site."""
    app = create_app(
        verifier,
        TESTING=True,
        INSTANCE=str(tmp_path),
        SECRET_KEY="for-tests",
        IRMA_SERVER=irma_server.url,
        IRMA_CONNECT={"transport": irma_server.transport()},
    )
    yield app.test_client()
    irma.close(app)


def sign(visitor: FlaskClient, server: InMemoryServer) -> Any:
    """Sign with the person's app, and return the reply."""
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    started: Any = visitor.post("/irma/start/lease", json={}, base_url=SITE).json
    scanned = app.scan(started["sessionPtr"])
    assert scanned.request["message"] == LEASE
    scanned.accept()
    return visitor.post("/irma/finish/lease", json={"handle": started["handle"]}, base_url=SITE)


def test_member_signs_what_the_page_shows(
    visitor: FlaskClient, irma_server: InMemoryServer, tmp_path: Path
) -> None:
    """The page and the app show the same message, and its signature is archived whole."""
    assert LEASE in visitor.get("/", base_url=SITE).text
    assert visitor.get("/signed", base_url=SITE).status_code == 404
    assert sign(visitor, irma_server).status_code == 200
    kept = Archive(tmp_path / "signatures.db").get(1).signature
    assert kept.message == json.loads(kept.json_text)["message"] == LEASE
    page = visitor.get("/signed", base_url=SITE).text
    assert LEASE in page
    assert "not valid" in page  # the in-memory app only pretends to sign


def test_archived_signature_is_verified_again(
    visitor: FlaskClient, signature: AttributeBasedSignature, tmp_path: Path
) -> None:
    """Years later the page still says who signed, and when."""
    archive = Archive(tmp_path / "signatures.db")
    number = archive.add(Archived(signature, SIGNED_AT - timedelta(minutes=5)))
    with visitor.session_transaction(base_url=SITE) as session:
        session["signed"] = number
    page = visitor.get("/signed", base_url=SITE).text
    assert "Signed by ada@example.com on 29 November 2026, 12:00 UTC." in page


def test_archive_is_private(tmp_path: Path) -> None:
    """No other user of the machine can read the signatures, which contain personal data."""
    Archive(tmp_path / "signatures.db")
    assert (tmp_path / "signatures.db").stat().st_mode & 0o777 == 0o600


def test_changed_signature_is_found(
    visitor: FlaskClient, signature: AttributeBasedSignature, tmp_path: Path
) -> None:
    """If the archived message is changed in both columns, the signature is invalid."""
    archive = Archive(tmp_path / "signatures.db")
    archive.add(Archived(signature, SIGNED_AT))
    with closing(sqlite3.connect(tmp_path / "signatures.db")) as connection, connection:
        connection.execute("UPDATE signatures SET text = replace(text, '60', '6')")
        connection.execute("UPDATE signatures SET signature = replace(signature, '60 eu', '6 eu')")
    with visitor.session_transaction(base_url=SITE) as session:
        session["signed"] = 1
    assert "not valid" in visitor.get("/signed", base_url=SITE).text
