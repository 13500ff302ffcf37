"""A pytest plugin that runs the whole suite with logging at DEBUG, and looks for secrets.

It searches every log record of any library, every warning, and every error of our library with its
causes. When an error leaves the library or is logged, it also searches the local variables in the
traceback. A test in which it finds a secret fails.
"""

from __future__ import annotations

import logging
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import wraps
from typing import Any

import pytest

from irma_core import tracebacks
from irma_core.errors import IrmaError
from irma_core.gateway.gateway_settings import GatewaySecret
from irma_core.models.credentials import CredentialRequest
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.session_requests import RevocationRequest
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.trust.authentication import TokenAuthentication
from irma_core.trust.sealing import Sealer
from irma_core.trust.signing import HmacSigner
from tests.secret_search import SecretSearch, texts_of

SEARCH = SecretSearch()
FOUND: list[str] = []
_MOST_ERRORS = 100
_OUTPUT = "secrets found"
_ERRORS: deque[IrmaError] = deque(maxlen=_MOST_ERRORS)


class _Everything(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        look_at(record)
        if record.exc_info and record.exc_info[1]:
            look_at_frames(record.exc_info[1])


def look_at(thing: logging.LogRecord | BaseException | Warning) -> None:
    """Search all strings of an object, and note the secrets in them."""
    FOUND.extend(
        f"{kind} in {type(thing).__name__}: {text[:500]}"
        for text in texts_of(thing)
        if (kind := SEARCH.found_in(text))
    )


def look_at_frames(error: BaseException) -> None:
    """Search the local variables of the library's frames in a traceback and its chain."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        waiting += (each.__cause__, each.__context__)
        for frame, line in traceback.walk_tb(each.__traceback__):
            module = str(frame.f_globals.get("__name__"))
            if tracebacks.is_own(module):
                shown = f"{module}:{line} {frame.f_locals!r}"
                if kind := SEARCH.found_in(shown):
                    FOUND.append(f"{kind} in a local variable: {shown[:500]}")


def watch_boundaries() -> None:
    """Search each error at the moment when the library has cleaned it and is about to raise it."""
    # `getattr` and `setattr`, because both type checkers reject a private name.
    clean: Callable[..., tuple[BaseException, BaseException | None]]
    clean = getattr(tracebacks, "_cleaned")  # noqa: B009

    def cleaned(*arguments: Any) -> tuple[BaseException, BaseException | None]:
        raised, context = clean(*arguments)
        look_at_frames(raised)
        return raised, context

    setattr(tracebacks, "_cleaned", cleaned)  # noqa: B010


def after_init(cls: type[Any], report: Callable[..., object]) -> None:
    """Report the arguments of each new object of a class."""
    own: Callable[..., None] | None = vars(cls).get("__init__")

    def init(self: object, *args: Any, **kwargs: Any) -> None:
        if own is None:
            super(cls, self).__init__(*args, **kwargs)
        else:
            own(self, *args, **kwargs)
        report(self, *args, **kwargs)

    # `setattr`, because both type checkers reject an assignment.
    setattr(cls, "__init__", init if own is None else wraps(own)(init))  # noqa: B010


def pytest_configure() -> None:
    """Listen to all log records, and to each new object that contains a secret."""
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(_Everything())
    watch_boundaries()
    after_init(IrmaError, keep_error)
    after_init(RequestorToken, note_token)
    after_init(FrontendAuthorization, note_token)
    after_init(TokenAuthentication, note_bearer)
    after_init(HmacSigner, note_hmac_key)
    after_init(Sealer, note_sealing_keys)
    after_init(GatewaySecret, note_gateway_secret)
    after_init(DisclosedAttribute, note_value)
    after_init(CredentialRequest, note_issued)
    after_init(RevocationRequest, note_revocation_key)


def keep_error(error: IrmaError, /, *_: object) -> None:
    _ERRORS.append(error)


def note_token(token: RequestorToken | FrontendAuthorization, /, *_: object) -> None:
    SEARCH.note_token(token.reveal())


def note_bearer(authentication: TokenAuthentication, /, *_: object, **__: object) -> None:
    SEARCH.note("a bearer token", authentication.reveal())


def note_hmac_key(_: HmacSigner, key: bytes) -> None:
    SEARCH.note("an HMAC key", key)


def note_sealing_keys(_: Sealer, keys: Sequence[str]) -> None:
    for key in keys:
        SEARCH.note("a sealing key", key)


def note_gateway_secret(credentials: GatewaySecret, /, *_: object, **__: object) -> None:
    SEARCH.note("a gateway's secret", credentials.reveal())


def note_issued(credential: CredentialRequest, /, *_: object, **__: object) -> None:
    for value in credential.attributes.values():
        SEARCH.note("the value of an attribute", value or "")
    SEARCH.note("a revocation key", credential.revocation_key or "")


def note_revocation_key(request: RevocationRequest, /, *_: object, **__: object) -> None:
    SEARCH.note("a revocation key", request.revocation_key)


def note_value(disclosed: DisclosedAttribute, /, *_: object, **__: object) -> None:
    SEARCH.note("the value of an attribute", disclosed.raw_value or "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Search the errors of a finished test, and fail the test if a secret was found."""
    _ERRORS.clear()
    yield
    for error in _ERRORS:
        look_at(error)
    _ERRORS.clear()
    fail_if_found()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Fail a test if its fixtures showed a secret."""
    yield
    fail_if_found()


def fail_if_found() -> None:
    """Fail with all findings, and forget them."""
    found, FOUND[:] = list(FOUND), []
    if found:
        pytest.fail("a secret was shown:\n" + "\n".join(found), pytrace=False)


def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """Search the warnings that are shown at the end."""
    if isinstance(warning_message.message, Warning):
        look_at(warning_message.message)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a secret is found after the last test."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # in a worker of pytest-xdist, whose main process fails the run
        output[_OUTPUT] = list(FOUND)
    elif FOUND:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect the findings of a worker of pytest-xdist after its last test."""
    output: dict[str, list[str]] = getattr(node, "workeroutput", {})
    # This process has also searched the worker's warnings.
    FOUND.extend(found for found in output.get(_OUTPUT, []) if found not in FOUND)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the findings at the end of the run."""
    for found in FOUND:
        terminalreporter.line(f"a secret was shown: {found}", red=True)
