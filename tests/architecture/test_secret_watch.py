"""The suite's search for secrets finds secrets that are planted in a log, error or fixture."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.pytest_plugin.running import run_pytest
from tests.secret_search import SecretSearch, texts_of

ROOT = Path(__file__).parent.parent.parent
TOKEN = "Pq7ZpL0vXk2NwT9sHb4D"
PLANTED = f'''
import logging
import warnings

import pytest

from irma_core import HmacSigner, RequestorToken, TokenAuthentication, new_sealing_key
from irma_core import read_request
from irma_core import tracebacks
from irma_core.errors import StoreError, UsageError
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.trust.sealing import Sealer

TOKEN = RequestorToken("{TOKEN}")
LOG = logging.getLogger("somebody.else")


def test_log():
    LOG.debug("GET /status of %s", TOKEN.reveal())


def test_log_of_an_error():
    try:
        raise OSError(TOKEN.reveal())
    except OSError:
        LOG.exception("it failed")


def test_log_within_a_fixture(request):
    request.addfinalizer(lambda: LOG.info("%s", TOKEN.reveal()))


def test_cause():
    with pytest.raises(StoreError):
        raise StoreError("the store failed") from OSError(TOKEN.reveal())


def test_context():
    with pytest.raises(StoreError):
        try:
            raise OSError(TOKEN.reveal())
        except OSError:
            raise StoreError("the store failed") from None


def test_bearer_token():
    LOG.debug(TokenAuthentication("a-bearer-token").reveal())


def test_hmac_key():
    key = bytes(range(32))
    HmacSigner(key)
    LOG.debug("the key is %r", key)


def test_sealing_key():
    key = new_sealing_key()
    Sealer([key])
    LOG.debug(key)


def test_value(value="Ada Lovelace"):
    shown = DisclosedAttribute("a.b.c.d", value, status=None, issued_at=None)
    pytest.raises(UsageError, fail, shown.value)


def fail(value):
    raise UsageError(value)


def test_local_variable():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracebacks, "_clean_chain", lambda *_: None)  # frames stay
        pytest.raises(UsageError, read_request, TOKEN.reveal())


def test_nothing():
    LOG.debug("the session is %s", TOKEN)
    pytest.raises(UsageError, fail, "{TOKEN[:-1]}")
'''
WARNED = f"""
import warnings


def test_warned():
    warnings.warn("unclosed /session/{TOKEN}/status", stacklevel=1)
"""

IN_A_WORKER = f"""
import logging
import warnings

from irma_core import RequestorToken

TOKEN = RequestorToken("{TOKEN}")


def test_log():
    logging.debug(TOKEN.reveal())


def test_warned():
    warnings.warn("unclosed " + TOKEN.reveal(), stacklevel=1)
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in which pytest runs with the watch."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p tests.secret_watch")
    return tmp_path


def test_a_test_that_shows_a_secret_fails(watched: Path) -> None:
    """A secret is found in a log of any library, in an error's cause, and in a fixture."""
    (watched / "test_planted.py").write_text(PLANTED)
    said = run_pytest(watched, "-q", "-rfE")
    assert "9 failed, 2 passed, 1 error" in said
    assert "ERROR test_planted.py::test_log_within_a_fixture" in said
    assert "a token in StoreError" in said
    assert "an HMAC key in LogRecord" in said
    assert "a token in a local variable" in said
    assert "test_nothing" not in said


def test_a_late_warning_with_a_secret_fails_the_run(watched: Path) -> None:
    """A warning that pytest shows after the last test fails the run."""
    (watched / "test_warned.py").write_text(WARNED)
    assert "a token in a path in UserWarning" in run_pytest(watched, "-q")


def test_workers_report_what_they_see(watched: Path) -> None:
    """A secret that only one pytest-xdist worker has declared still fails the whole run."""
    (watched / "test_in_a_worker.py").write_text(IN_A_WORKER)
    said = run_pytest(watched, "-q", "-p", "xdist", "-n1")
    assert "1 failed, 1 passed" in said
    assert "FAILED test_in_a_worker.py::test_log" in said
    assert said.count("a secret was shown: a token in UserWarning") == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.sig", "a JWT"),
        (f"GET /irma/session/{TOKEN}/status", "a token in a path"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", "a private key"),
        ("-----BEGIN PRIVATE KEY-----\nMII", "a private key"),
        (f"https://shop.example/irma/gAAAAA{'Ab-_' * 30}/", "a sealed text"),
        ("goroutine 12 [running]:\nmain.main()", "a stack trace of the server"),
        ("GET /session/{token}/status", None),
        ("-----BEGIN PUBLIC KEY-----", None),
        (f"sha256 {TOKEN}{TOKEN}", None),
        ("", None),
    ],
)
def test_secrets_with_a_known_form_are_found(text: str, kind: str | None) -> None:
    """Secrets with a recognisable form are found without being declared."""
    assert SecretSearch().found_in(text) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (TOKEN, "a token"),
        (f"token={TOKEN}&x", "a token"),
        ("+/" + "/7//v/+/" * 5 + "8", "a key"),
        ("-_" + "_7__v_-_" * 5 + "8", "a key"),
        ("fbff" * 16, "a key"),
        (repr(b"\xfb\xff" * 16), "a key"),
        ("no token, and yes", None),
    ],
)
def test_declared_secrets_are_found_in_each_form(text: str, kind: str | None) -> None:
    """A secret that was declared is found in each form that a message would show."""
    search = SecretSearch()
    search.note_token(TOKEN)
    search.note_token("no token")
    search.note("a key", b"\xfb\xff" * 16)
    search.note("a value", "yes")  # occurs in many strings for other reasons
    assert search.found_in(f"it said {text}, and more") == kind


def test_secrets_with_the_same_prefix_are_distinguished() -> None:
    """If secrets begin with the same letters, the one that a string contains is found."""
    search = SecretSearch()
    for letter in "abc":
        search.note(f"value {letter}", f"Ada Lovelace {letter}")
    assert search.found_in("it was Ada Lovelace b.") == "value b"
    assert search.found_in("it was Ada Lovelace d.") is None
    assert search.found_in("Ada Lovelace c") == "value c"


def test_a_log_records_arguments_are_searched() -> None:
    """The watch checks a log record's arguments too, because a formatter may print them."""
    record = logging.LogRecord("n", logging.DEBUG, __file__, 1, "%.0s", (TOKEN,), None)
    assert TOKEN not in record.getMessage()
    assert TOKEN in "".join(texts_of(record))
