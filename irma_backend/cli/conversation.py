"""A session from its start to its answer, and what is left of it when the command ends early.

No session stays open that nobody waits for, and nothing is lost that a person has answered. Belongs
here: the order of things, and these two rules. Does not belong here: how it is shown (`screen`,
`results`).
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console

from irma_backend.cli.interrupts import Interrupted, held
from irma_backend.cli.output import OutputError, has_failed, nobody_reads, tell
from irma_backend.cli.state_files import NewStateFile, keep_answer, keep_session
from irma_backend.cli.terminal import show_pairing_code, show_session, show_status
from irma_core import (
    Answer,
    PairingMethod,
    Requestor,
    SessionPointer,
    SessionStatus,
    StartedSession,
)
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    IrmaError,
    JwtError,
    NobodyAnsweredError,
    ServerRefusedError,
    SessionGoneError,
)
from irma_core.flows.cancellation import cleanup_deadline
from irma_core.flows.session_calls import cancel_session_flow
from irma_core.models.session_requests import ExtendedRequest, SessionRequest

__all__ = ["Conversation"]


class Conversation:
    """Holds one session.

    Args:
        requestor: At the server.
        person: Where QR, statuses and questions are shown.
        timeout: How long to wait for the answer.
        state_file: Where the session is kept; it then stays open after a time-out or an error.
    """

    def __init__(
        self,
        requestor: Requestor,
        person: Console,
        *,
        timeout: timedelta,
        state_file: NewStateFile | None = None,
    ) -> None:
        self._requestor = requestor
        self._person = person
        self._timeout = timeout
        self._state_file = state_file
        self._started: StartedSession | None = None
        self._status = SessionStatus.INITIALIZED
        self._stays_open = False

    def hold(
        self,
        asked: SessionRequest | ExtendedRequest | str,
        give: Callable[[Answer, StartedSession], None],
        *,
        pairing: bool = False,
        after_start: Callable[[SessionPointer], None] | None = None,
    ) -> None:
        """Start the session, follow it, and give its answer.

        Args:
            asked: What to ask.
            give: Writes the answer to the standard output.
            pairing: Whether the app must confirm a code.
            after_start: Called with the pointer before it is shown.

        Raises:
            IrmaError: There is no answer, for whatever reason.
            OutputError: The answer cannot be written: it is kept.
            Interrupted: By a signal.
        """
        if has_failed(sys.stdout):
            raise OutputError("it is closed")
        try:
            with held():
                started = self._started = self._requestor.start_session(asked)
                if self._state_file is not None:
                    self._state_file.save(started)
            if after_start is not None:
                after_start(started.pointer)
            code = self._set_pairing(started) if pairing else ""
            self._stays_open = self._state_file is not None
            self._follow(started, code)
            self._answer(started, give)
        except BaseException as error:
            if not self._ended(error, give):
                raise

    def _set_pairing(self, started: StartedSession) -> str:
        code = self._requestor.set_pairing(started, PairingMethod.PIN).pairing_code
        if code is None:
            raise ConfigurationError("--pairing: the server made no pairing code")
        show_pairing_code(self._person, code)
        return code

    def _follow(self, started: StartedSession, code: str) -> None:
        ends_at = time.monotonic() + self._timeout.total_seconds()
        show_session(self._person, started.pointer)
        if has_failed(sys.stderr) and not self._stays_open:
            raise OutputError("standard error is closed or full, so the QR cannot be shown")
        with self._requestor.watch_status(started, timeout=self._timeout) as statuses:
            for status in statuses:
                self._status = status
                show_status(self._person, status)
                if nobody_reads():
                    raise OutputError("its reader has closed it")
                if status is SessionStatus.PAIRING:
                    self._confirm(started, code, ends_at - time.monotonic())

    def _confirm(self, started: StartedSession, code: str, within: float) -> None:
        if not self._is_confirmed(started, code, within):
            self._requestor.cancel_session(started)
            return
        try:
            self._requestor.complete_pairing(started)
        except ServerRefusedError:
            # The session may have ended while the question was there: the watch will tell.
            if not self._requestor.get_status(started).is_final:
                raise

    def _is_confirmed(self, started: StartedSession, code: str, within: float) -> bool:
        """Ask the person; the end of the input is a no.

        Raises:
            NobodyAnsweredError: Nobody answered within the timeout.
        """
        if sys.stdin is None or sys.stdin.closed:
            return False
        if code:  # by now the first one may be above the QR
            show_pairing_code(self._person, code)
        while True:
            sys.stderr.write("Does the app show that code? [y/N]: ")
            sys.stderr.flush()
            # Elsewhere than on POSIX, only sockets can be waited for.
            if (
                sys.platform != "win32"
                and not select.select([sys.stdin], [], [], max(within, 0))[0]
            ):
                tell("")
                raise NobodyAnsweredError(started.token.fingerprint)
            try:
                reply = sys.stdin.readline()
            except (OSError, ValueError):
                return False  # the terminal is gone
            word = reply.strip().lower()
            if word in {"y", "yes"}:
                return True
            if not reply or word in {"", "n", "no"}:
                return False

    def _answer(
        self, started: StartedSession, give: Callable[[Answer, StartedSession], None]
    ) -> None:
        answer: Answer | None = None
        try:
            with held():
                answer = self._requestor.get_answer(started)
            give(answer, started)
        except (AnswerError, JwtError):
            raise  # there is no answer to lose
        except BaseException:
            if answer is not None:
                keep_answer(answer, started)
            elif self._status is SessionStatus.DONE:
                self._leave(started)
            raise

    def _ended(self, error: BaseException, give: Callable[[Answer, StartedSession], None]) -> bool:
        """Cancel the session if it may go on; return whether its answer was given after all."""
        started = self._started
        if started is None or self._status.is_final or isinstance(error, SessionGoneError):
            return False
        if self._stays_open and not isinstance(error, Interrupted):
            tell("The session stays open: irma-backend status --state-file says how far it is.")
            return False
        with held():
            self._status = self._cancelled(started)
        # One that has ended stays as it is: the person may have been faster.
        if self._status is not SessionStatus.DONE:
            return False
        if not isinstance(error, IrmaError):
            self._leave(started)
            return False
        self._answer(started, give)
        return True

    def _cancelled(self, started: StartedSession) -> SessionStatus:
        context = self._requestor.context
        cancelling = cancel_session_flow(context, started.token, cleanup_deadline(context))
        try:
            self._requestor.run_flow(cancelling)
            status = self._requestor.get_status(started)
        except SessionGoneError:
            status = SessionStatus.CANCELLED
        except IrmaError:
            tell("The session could not be cancelled: it ends by its own time-out.")
            return self._status
        if status is not SessionStatus.DONE:
            tell("The session was cancelled.")
        return status

    def _leave(self, started: StartedSession) -> None:
        if self._state_file is None:
            keep_session(started)
        else:
            tell("The person has answered: irma-backend result --state-file gets the answer.")
