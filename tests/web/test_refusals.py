"""The table of refusals: each code has a status and a sentence in both languages."""

from __future__ import annotations

import re

import pytest

from irma_core import errors
from irma_core.errors import IrmaError, ServerRefusedError, SessionMayExistError, SigningError
from irma_core.web.web_refusals import REFUSALS, Again, Refusal, code_of
from tests.modes import MODES
from tests.web.site import Site


@pytest.mark.parametrize("code", REFUSALS)
def test_each_code_has_a_sentence(code: str) -> None:
    """A code is a word for programs, and a sentence is for people who know nothing about IRMA."""
    row: Refusal = REFUSALS[code]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert 400 <= row.status < 600
    for sentence in (row.en, row.nl):
        assert re.fullmatch(r"[A-Z][^<>&\"]{10,200}\.", sentence)
        assert not re.search(r"\b(session|token|handle|attribute|server|JSON)\b", sentence)
    assert row.en != row.nl
    if row.status == 503:
        assert row.again in {Again.SAME, Again.FINISH}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_of_the_library_has_a_code(name: str) -> None:
    """Each error of the library has a code other than that of an unexpected failure."""
    kind: type[IrmaError] = getattr(errors, name)
    error = kind.__new__(kind)
    error.args = ("x",)
    for fact in ("code", "http_status", "proof_status", "may_pass"):
        setattr(error, fact, None)
    assert code_of(error) in REFUSALS
    handled = not issubclass(kind, errors.JwtError | errors.PostRefusedError)
    is_known = kind is not IrmaError and name != "StatusBackendError"
    if handled and is_known:
        assert code_of(error) != "failed"


def test_errors_of_a_start() -> None:
    """A start that may have worked, and a signer that fails, have the code `server_unavailable`."""
    assert code_of(SessionMayExistError("x")) == "server_unavailable"
    assert code_of(SigningError("x")) == "server_unavailable"
    assert code_of(ServerRefusedError("POST session", 403)) == "server_refused"
    assert code_of(ZeroDivisionError()) == "failed"


LANGUAGES = {
    "nl": True,
    "nl-NL,nl;q=0.9,en;q=0.8": True,
    "nl-BE": True,
    "NL": True,
    "fr, nl;q=0.5": True,
    "en;q=0.5, nl;q=0.7": True,
    "en-US,en;q=0.9,nl;q=0.8": False,
    "en, nl": False,
    "": False,
    "fr": False,
    "nl;q=0": False,
    "nl;q=.": False,
    "nl;q=x": False,
    "nlx": False,
    "nl;" * 1000: False,
    "x," * 1000 + "nl": False,
}


@MODES
@pytest.mark.parametrize("languages", LANGUAGES, ids=lambda value: value[:20])
def test_the_language_of_a_sentence(site: Site, languages: str) -> None:
    """The sentence is in Dutch if the browser prefers Dutch to English, otherwise in English."""
    reply = site.browser(Accept_Language=languages).start("unknown")
    row = REFUSALS["unknown_question"]
    assert reply.json["error"]["message"] == (row.nl if LANGUAGES[languages] else row.en)
