"""The error tree: which party an error blames, what it shows, and what it hides."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from irma_core import errors

PATH = "GET session/{token}/status"
SPECIMENS: list[errors.IrmaError] = [
    errors.IrmaError("x"),
    errors.UsageError("x"),
    errors.RequestError('disclose["age"][0][2]', "is wrong"),
    errors.ConfigurationError("x"),
    errors.NullAttributeError("x"),
    errors.ServerRefusedError(
        PATH,
        400,
        code="SESSION_UNKNOWN",
        description="Unknown or expired session",
        remote_message="more",
        stacktrace="goroutine 1",
        advice="start a new session",
    ),
    errors.UnexpectedResponseError(PATH, 502, "has HTML"),
    errors.RedirectError(PATH, 301, "https://irma.example"),
    errors.TransportError(PATH, "broke", request_sent=True),
    errors.ConnectionFailedError(PATH, "refused", request_sent=False),
    errors.ConnectionBrokenError(PATH, "reset", request_sent=True),
    errors.TransportTimeoutError(PATH, "too slow", request_sent=True),
    errors.MalformedResponseError(PATH, "no HTTP", request_sent=True),
    errors.ResponseTooLargeError(PATH, "over 1 MiB", request_sent=True),
    errors.EventTooLargeError(PATH, "over 64 KiB", request_sent=True),
    errors.JwtError("form", "not a string"),
    errors.ResultJwtError("signature", "no key made it"),
    errors.RequestJwtError("too_old", "sign again"),
    errors.DeadlineError("late"),
    errors.SessionMayExistError("reset"),
    errors.SigningError("x"),
    errors.PluginError("pkcs11", "is not installed"),
    errors.StoreError("x"),
    errors.StatusBackendError("x"),
    errors.VerifierError("x"),
    errors.ProofError("signature[0].c", "is wrong"),
    errors.GatewayError("refused", http_status=401, code="invalid_client"),
    errors.PostRefusedError("secret", "the URL has none"),
    errors.HandleError("x"),
    errors.HandleInvalidError("x"),
    errors.HandleExpiredError("x"),
    errors.WrongPurposeError("x"),
    errors.WrongBindingError("x"),
    errors.HandleUsedError("x"),
    errors.LoginRefusedError("Members only."),
    errors.OtherPersonError(),
    errors.AnswerError("0123456789ab", "x"),
    errors.SessionNotFinishedError("0123456789ab", "CONNECTED"),
    errors.SessionCancelledError("0123456789ab", "INVALID_PROOFS"),
    errors.SessionTimedOutError("0123456789ab"),
    errors.NobodyAnsweredError("0123456789ab"),
    errors.SessionGoneError("0123456789ab"),
    errors.ProofNotValidError("0123456789ab", "EXPIRED"),
    errors.WrongSessionError("0123456789ab", "x"),
    errors.NotWhatWasAskedError("0123456789ab", "x", slot="age", attribute="a.b.c.d"),
    errors.SlotNotAnsweredError("0123456789ab", "x", slot=0),
    errors.AttributeMissingError("0123456789ab", "x"),
    errors.AttributeNullError("0123456789ab", "x"),
    errors.WrongValueError("0123456789ab", "x"),
    errors.NonRevocationError("0123456789ab", "x"),
    errors.SignatureMismatchError("0123456789ab", "x"),
]
TREE = re.compile(r"^    ((?:[│ ]   )*(?:[├└]── ))?(\w+Error)\b", re.MULTILINE)


def drawn() -> dict[str, str | None]:
    """Read the tree at the top of the module, and return each class with its parent."""
    above: dict[int, str] = {}
    parents: dict[str, str | None] = {}
    for branch, name in TREE.findall(errors.__doc__ or ""):
        depth = len(branch) // 4
        above[depth] = name
        parents[name] = above.get(depth - 1)
    return parents


def test_the_drawn_tree_matches_the_classes() -> None:
    """Every error class is public, and is drawn under the class that it derives from."""
    parents = drawn()
    assert set(parents) == set(errors.__all__)
    for name, parent in parents.items():
        first = getattr(errors, name).__bases__[0]
        assert first.__name__ == (parent or "Exception")


def test_every_error_has_a_specimen() -> None:
    """Every error class has a specimen, so that the tests below cover all of them."""
    assert sorted(type(error).__name__ for error in SPECIMENS) == sorted(errors.__all__)


@pytest.mark.parametrize("error", SPECIMENS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: errors.IrmaError) -> None:
    """An error keeps its message, facts and class through pickle and copy, for task queues."""
    for again in (
        pickle.loads(pickle.dumps(error)),
        pickle.loads(pickle.dumps(error, 0)),
        copy.copy(error),
        copy.deepcopy(error),
    ):
        assert type(again) is type(error)
        assert str(again) == str(error) != ""
        assert repr(again) == repr(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


@pytest.mark.parametrize("error", SPECIMENS, ids=lambda error: type(error).__name__)
def test_a_copied_error_has_its_notes_but_not_its_cause(error: errors.IrmaError) -> None:
    """A copy of an error has the notes of the original, but not its cause."""
    noted = copy.copy(error)
    noted.add_note("while testing")
    assert pickle.loads(pickle.dumps(noted)).__notes__ == ["while testing"]
    assert not hasattr(error, "__notes__")
    with pytest.raises(type(error)) as caught:
        raise error from KeyError()
    assert isinstance(caught.value.__cause__, KeyError)


def test_some_errors_derive_from_pythons_classes() -> None:
    """Usage errors are ValueErrors, and timeouts are TimeoutErrors."""
    assert issubclass(errors.UsageError, ValueError)
    late_ones = (errors.DeadlineError, errors.TransportTimeoutError, errors.NobodyAnsweredError)
    for late in late_ones:
        assert issubclass(late, TimeoutError)
    assert not issubclass(errors.ServerRefusedError, ValueError | OSError)


@pytest.mark.parametrize(
    ("path", "text"),
    [('disclose["age"][0][2]', 'disclose["age"][0][2]: is wrong'), ("", "is wrong")],
)
def test_request_error_names_its_path(path: str, text: str) -> None:
    """The message of a RequestError begins with the path, if there is one."""
    error = errors.RequestError(path, "is wrong")
    assert (str(error), error.path, error.reason) == (text, path, "is wrong")


def test_refusal_shows_only_known_codes() -> None:
    """A ServerRefusedError shows a known code, but no unknown code, message or stack trace."""
    error = SPECIMENS[5]
    assert str(error) == (
        "GET session/{token}/status: the server refused with HTTP 400 SESSION_UNKNOWN: "
        "Unknown or expired session: start a new session "
        "(for the server's own message see the error's remote_message)"
    )
    assert vars(error)["stacktrace"] == "goroutine 1"
    assert "goroutine" not in repr(error)
    assert str(errors.ServerRefusedError(PATH, 413)) == (
        "GET session/{token}/status: the server refused with HTTP 413"
    )
    assert str(errors.ServerRefusedError(PATH, 418, code="TEAPOT")) == (
        "GET session/{token}/status: the server refused with HTTP 418 and an unknown error code"
    )


def test_redirect_keeps_its_target_out_of_the_message() -> None:
    """A RedirectError says what to do, but shows the redirect's target only as an attribute."""
    known = errors.RedirectError(PATH, 301, "https://irma.example")
    assert str(known).endswith("use the base URL that it points to (see the error's target)")
    assert known.target == "https://irma.example"
    assert "irma.example" not in f"{known}{known!r}"
    assert str(errors.RedirectError(PATH, 301, "")).endswith("use the base URL that it points to")


def test_cancelled_error_shows_the_servers_code() -> None:
    """A SessionCancelledError shows the server's code if there is one."""
    assert str(errors.SessionCancelledError("f")) == "session f: cancelled"
    assert (
        str(errors.SessionCancelledError("f", "X"))
        == "session f: cancelled because of the server's error X"
    )


def test_invalid_proof_shows_its_status() -> None:
    """A ProofNotValidError shows the proof status, or that the server sent no status."""
    assert (
        str(errors.ProofNotValidError("f", "EXPIRED"))
        == "session f: the proof is not valid: EXPIRED"
    )
    assert str(errors.ProofNotValidError("f", None)) == (
        "session f: the proof is not valid: no proof status"
    )


@pytest.mark.parametrize("kind", [errors.SlotNotAnsweredError, errors.WrongValueError])
def test_mismatch_names_slot_and_attribute(kind: Any) -> None:
    """A NotWhatWasAskedError has the slot and the attribute, or None for each."""
    error = kind("f", "x", slot=0, attribute="a.b.c.d")
    assert (error.session, error.slot, error.attribute) == ("f", 0, "a.b.c.d")
    assert (kind("f", "x").slot, kind("f", "x").attribute) == (None, None)
