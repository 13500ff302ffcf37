"""The explanation's account code recognises a person again, and refuses another person."""

from __future__ import annotations

from typing import Any

import pytest

from irma_core import (
    Answer,
    AttributeRequest,
    DisclosureRequest,
    OtherPersonError,
    Requestor,
    WebAnswer,
    new_sealing_key,
    pseudonym,
)
from irma_testing import InMemoryServer, SimulatedApp
from tests.docs.pages import run_blocks, runs

PAGE = "docs/explanation/accounts.md"
NUMBER, EMAIL = "example.town.person.number", "example.mail.address.email"
ASKED = DisclosureRequest({"number": AttributeRequest(NUMBER), "email": AttributeRequest(EMAIL)})


def proof_of(number: str, email: str) -> Answer:
    """Return the answer of a person with that number and address."""
    server = InMemoryServer()
    requestor = Requestor(server.url, server.transport())
    session = requestor.start_session(ASKED)
    SimulatedApp(server).scan(session.pointer).cheat(values={NUMBER: number, EMAIL: email})
    return requestor.get_answer(session)


@runs(PAGE, python=1)
def test_accounts_of_the_page() -> None:
    """A person has one account, and can add an address to this account only."""
    key = new_sealing_key()
    accounts: Any = run_blocks(PAGE)["Accounts"](key)
    ada = WebAnswer(proof_of("1", "Ada@example.com"), "login")
    bob = WebAnswer(proof_of("2", "bob@example.com"), "login")
    assert accounts.log_in(ada) == accounts.log_in(ada) == 1
    assert accounts.log_in(bob) == 2
    accounts.add_email(ada, pseudonym(ada.answer, "number", key=key))
    assert accounts.owners["ada@example.com"] == 1
    with pytest.raises(OtherPersonError):
        accounts.add_email(bob, pseudonym(ada.answer, "number", key=key))
    assert "bob@example.com" not in accounts.owners
