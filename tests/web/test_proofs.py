"""Proofs in a web session are sealed, and valid for one question and a limited time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    Requestor,
    WebAnswer,
    any_of,
    new_sealing_key,
    optional,
)
from irma_core.errors import ConfigurationError, UsageError
from irma_core.web.proofs import Proof, Proofs
from irma_testing import InMemoryServer, SimulatedApp

EMAIL = "pbdf.sidn-pbdf.email.email"
PHONE = "pbdf.sidn-pbdf.mobilenumber.mobilenumber"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def web_answer() -> WebAnswer:
    """An answer to a question with a slot of options, an optional slot, and an unnamed slot."""
    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    requestor = Requestor(server.url, server.transport())
    request = DisclosureRequest(
        {
            "contact": any_of(AttributeRequest(PHONE), AttributeRequest(EMAIL)),
            "more": optional(AttributeRequest(PHONE)),
        }
    )
    session = requestor.start_session(request)
    app.accept(session.pointer)
    return WebAnswer(requestor.get_answer(session), "contact", reference="order-17")


@pytest.fixture
def proofs() -> Proofs:
    return Proofs([new_sealing_key()], lifetime=24 * HOUR)


def test_a_proof_reads_like_the_answer(proofs: Proofs, web_answer: WebAnswer) -> None:
    """A proof has the same slots and attributes as the answer, the time, and the reference."""
    proof = proofs.unseal(proofs.seal(web_answer, now=NOW), "contact", now=NOW + HOUR)
    assert proof is not None
    assert dict(proof) == dict(web_answer.answer)
    assert proof["contact"].value == "ada@example.com"
    assert proof["contact"].option == 1
    assert "more" not in proof
    assert len(proof) == 1
    assert proof.proved_at == NOW
    assert proof.reference == "order-17"


def test_a_proof_needs_no_slots() -> None:
    """A proof without slots is still a proof, because its existence is the result."""
    assert Proof(NOW, {}, "")


def test_a_sealed_proof_hides_its_values(proofs: Proofs, web_answer: WebAnswer) -> None:
    """No disclosed value is in the sealed string of a proof, or in a `repr`."""
    sealed = proofs.seal(web_answer, now=NOW)
    proof = proofs.unseal(sealed, "contact", now=NOW)
    shown = f"{sealed} {proof!r} {proofs!r}"
    assert "ada@" not in shown
    assert "order" not in shown


@pytest.mark.parametrize(
    ("after", "max_age", "counts"),
    [
        (timedelta(0), HOUR, True),
        (HOUR - timedelta(seconds=1), HOUR, True),
        (HOUR, HOUR, False),
        (24 * HOUR - timedelta(seconds=1), None, True),
        (24 * HOUR, None, False),
        (24 * HOUR, 48 * HOUR, False),
    ],
)
def test_a_proof_becomes_too_old(
    proofs: Proofs,
    web_answer: WebAnswer,
    after: timedelta,
    max_age: timedelta | None,
    counts: bool,
) -> None:
    """A proof counts until the maximum age or the lifetime is over, whichever is shorter."""
    sealed = proofs.seal(web_answer, now=NOW)
    proof = proofs.unseal(sealed, "contact", now=NOW + after, max_age=max_age)
    assert (proof is not None) is counts


@pytest.mark.parametrize("text", [None, "", "x", 5, b"x"])
def test_an_invalid_proof_is_none(proofs: Proofs, text: object) -> None:
    """A session without a proof, or with another value instead, has no proof."""
    assert proofs.unseal(text, "contact", now=NOW) is None


def test_a_proof_counts_for_one_question_and_site(proofs: Proofs, web_answer: WebAnswer) -> None:
    """A proof of another question, or of another site's keys, does not count."""
    sealed = proofs.seal(web_answer, now=NOW)
    other = Proofs([new_sealing_key()], lifetime=HOUR)
    assert proofs.unseal(sealed, "adult", now=NOW) is None
    assert other.unseal(sealed, "contact", now=NOW) is None


def test_a_proof_of_an_unknown_version_is_none(web_answer: WebAnswer) -> None:
    """A proof in the form of another version does not count, and causes no crash."""
    from irma_core import Sealer  # noqa: PLC0415

    key = new_sealing_key()
    sealed = Sealer([key]).seal({"v": 2}, purpose="proof:contact", now=NOW, lifetime=HOUR)
    assert Proofs([key], lifetime=HOUR).unseal(sealed, "contact", now=NOW) is None


def test_wrong_arguments_are_explained(proofs: Proofs) -> None:
    """Wrong keys, lifetimes, ages and names are refused."""
    wrong: Any = 3600
    with pytest.raises(UsageError, match="lifetime"):
        Proofs([new_sealing_key()], lifetime=wrong)
    with pytest.raises(ConfigurationError, match="keys"):
        Proofs([], lifetime=HOUR)
    with pytest.raises(UsageError, match="max_age"):
        proofs.unseal("x", "contact", now=NOW, max_age=wrong)
    with pytest.raises(UsageError, match="name"):
        proofs.unseal("x", "", now=NOW)
