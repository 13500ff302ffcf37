"""Our verifier of signatures, with signatures of a real wallet and the official server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irma_backend import SchemeFolder
from irma_core import Answer, Requestor, SignatureRequest, StartedSession, all_of, optional
from irma_core.errors import ProofError
from irma_core.models.condiscon import AttributeRequest
from irma_proofs import Schemes, SignatureVerifier
from irma_transport_urllib3 import Urllib3Transport
from tests.realserver.official_server import OfficialServer
from tests.realserver.timestamp_server import TimestampServer
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Accept

MESSAGE = "Ik ga akkoord: één ✓"
OVER18 = "example.town.age.over18"
NAMES = ("example.town.resident.firstname", "example.town.resident.familyname")
PHONE = "example.town.resident.phone"
A_WHILE = timedelta(minutes=2)


@pytest.fixture(scope="module")
def requestor(official_server: OfficialServer) -> Iterator[Requestor]:
    with Urllib3Transport() as transport:
        yield Requestor(official_server.url, transport)


@pytest.fixture(scope="module")
def verifier(
    schemes: Path, timestamp_server: TimestampServer, time_stamp_key: str
) -> SignatureVerifier:
    """A verifier that knows this run's scheme and time-stamp server."""
    pem = (schemes / "example" / "pk.pem").read_text(encoding="ascii")
    return SignatureVerifier(
        Schemes(SchemeFolder(schemes), pinned={"example": pem}),
        time_stamps={timestamp_server.url: [time_stamp_key]},
        min_key_bits=1024,
    )


REQUESTS = {
    "one attribute": SignatureRequest(MESSAGE, {"age": OVER18}),
    "two credentials": SignatureRequest(MESSAGE, {"age": OVER18, "name": all_of(*NAMES)}),
    "possession": SignatureRequest(MESSAGE, {"lives here": "example.town.resident"}),
    "a null attribute": SignatureRequest(MESSAGE, {"phone": PHONE}),
    "an option not taken": SignatureRequest(
        MESSAGE, {"age": OVER18, "phone": optional(AttributeRequest(PHONE, not_null=True))}
    ),
}


def signed(requestor: Requestor, wallet: Wallet, request: SignatureRequest) -> Answer:
    session: StartedSession = requestor.start_session(request)
    wallet.start(session.pointer.json_text(), Accept())
    return requestor.wait_for_answer(session, timeout=A_WHILE)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_signature_of_the_wallet_is_verified(
    requestor: Requestor, wallet: Wallet, verifier: SignatureVerifier, name: str
) -> None:
    """Our verifier finds the attributes that the server reports, and the time of the signature."""
    request, before = REQUESTS[name], datetime.now(UTC).replace(microsecond=0)
    answer = signed(requestor, wallet, request)
    assert answer.signature is not None

    verified = verifier.verify(answer.signature, request, not_before=before)

    assert dict(verified) == dict(answer)
    assert (verified.message, verified.is_time_stamped) == (MESSAGE, True)
    assert before <= verified.signed_at <= datetime.now(UTC)


def test_a_wallets_signature_of_another_message_is_refused(
    requestor: Requestor, wallet: Wallet, verifier: SignatureVerifier
) -> None:
    """Our verifier refuses a wallet's signature for another message or another request."""
    answer = signed(requestor, wallet, REQUESTS["one attribute"])
    assert answer.signature is not None
    forged = answer.signature.json_text.replace(MESSAGE, "Ik weiger.")
    assert forged != answer.signature.json_text
    with pytest.raises(ProofError) as error:
        verifier.verify(forged)
    assert error.value.check == "stamp_signature"
    with pytest.raises(ProofError) as error:
        verifier.verify(answer.signature, REQUESTS["two credentials"])
    assert error.value.check == "enough_indices"
