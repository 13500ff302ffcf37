"""Run a session from its start to its answer, and clean up if the command ends early.

However the command ends, it leaves no unattended session open, and loses no answer.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console

from irma_backend.cli.interrupts import Interrupted, signals_deferred
from irma_backend.cli.output import OutputError, has_failed, has_lost_reader, print_message
from irma_backend.cli.state_files import NewStateFile, save_answer, save_session
from irma_backend.cli.terminal import show_pairing_code, show_status
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

__all__ = ["SessionRun"]


class SessionRun:
    """Runs one session.

    Args:
        requestor: The requestor that starts it.
        console: The console for the QR code, statuses and questions.
        timeout: How long to wait for the answer.
        show_link: Shows how an app joins the session.
        state_file: The file to save the session in. The session then stays open after a timeout or
            an error.
    """

    def __init__(
        self,
        requestor: Requestor,
        console: Console,
        *,
        timeout: timedelta,
        show_link: Callable[[Console, SessionPointer], None],
        state_file: NewStateFile | None = None,
    ) -> None:
        self._requestor = requestor
        self._console = console
        self._timeout = timeout
        self._show_link = show_link
        self._state_file = state_file
        self._started: StartedSession | None = None
        self._status = SessionStatus.INITIALIZED
        self._stays_open = False

    def run(
        self,
        request: SessionRequest | ExtendedRequest | str,
        write_answer: Callable[[Answer, StartedSession], None],
        *,
        pairing: bool = False,
        after_start: Callable[[SessionPointer], None] | None = None,
    ) -> None:
        """Start the session, follow it, and write its answer.

        Args:
            request: The session request.
            write_answer: Writes the answer to standard output.
            pairing: Whether the user must confirm the code that the app shows.
            after_start: Called with the pointer before it is shown.

        Raises:
            IrmaError: There is no answer.
            OutputError: The answer cannot be written, and was saved in a file.
            Interrupted: A signal ended the command.
        """
        if has_failed(sys.stdout):
            raise OutputError("it is closed")
        try:
            with signals_deferred():
                started = self._started = self._requestor.start_session(request)
                if self._state_file is not None:
                    self._state_file.save(started)
            if after_start is not None:
                after_start(started.pointer)
            code = self._set_pairing(started) if pairing else ""
            self._stays_open = self._state_file is not None
            self._follow(started, code)
            self._answer(started, write_answer)
        except BaseException as error:
            if not self._cancel_unfinished(error, write_answer):
                raise

    def _set_pairing(self, started: StartedSession) -> str:
        code = self._requestor.set_pairing(started, PairingMethod.PIN).pairing_code
        if code is None:
            raise ConfigurationError("--pairing: the server returned no pairing code")
        show_pairing_code(self._console, code)
        return code

    def _follow(self, started: StartedSession, code: str) -> None:
        ends_at = time.monotonic() + self._timeout.total_seconds()
        self._show_link(self._console, started.pointer)
        if has_failed(sys.stderr) and not self._stays_open:
            raise OutputError("standard error is closed or full, so the QR code cannot be shown")
        with self._requestor.watch_status(started, timeout=self._timeout) as statuses:
            for status in statuses:
                self._status = status
                show_status(self._console, status)
                if has_lost_reader():
                    raise OutputError("the program that was reading the output has closed it")
                if status is SessionStatus.PAIRING:
                    self._confirm(started, code, ends_at - time.monotonic())

    def _confirm(self, started: StartedSession, code: str, within: float) -> None:
        if not self._is_confirmed(started, code, within):
            self._requestor.cancel_session(started)
            return
        try:
            self._requestor.complete_pairing(started)
        except ServerRefusedError:
            # If the session ended while the user was being asked, the watch returns its final
            # status.
            if not self._requestor.get_status(started).is_final:
                raise

    def _is_confirmed(self, started: StartedSession, code: str, within: float) -> bool:
        """Ask whether the codes are the same; return whether the user typed yes.

        The end of the input counts as no.

        Raises:
            NobodyAnsweredError: The user typed nothing within the timeout.
        """
        if sys.stdin is None or sys.stdin.closed:
            return False
        if code:  # the code printed earlier may have scrolled away above the QR code
            show_pairing_code(self._console, code)
        while True:
            sys.stderr.write("Does the app show that code? [y/N]: ")
            sys.stderr.flush()
            # On Windows, `select` accepts only sockets.
            if (
                sys.platform != "win32"
                and not select.select([sys.stdin], [], [], max(within, 0))[0]
            ):
                print_message("")
                raise NobodyAnsweredError(started.token.fingerprint)
            try:
                reply = sys.stdin.readline()
            except (OSError, ValueError):
                return False  # the terminal was closed
            word = reply.strip().lower()
            if word in {"y", "yes"}:
                return True
            if not reply or word in {"", "n", "no"}:
                return False

    def _answer(
        self, started: StartedSession, write_answer: Callable[[Answer, StartedSession], None]
    ) -> None:
        answer: Answer | None = None
        try:
            with signals_deferred():
                answer = self._requestor.get_answer(started)
            write_answer(answer, started)
        except (AnswerError, JwtError):
            raise  # there is no answer to lose
        except BaseException:
            if answer is not None:
                save_answer(answer, started)
            elif self._status is SessionStatus.DONE:
                self._save_unfinished(started)
            raise

    def _cancel_unfinished(
        self, error: BaseException, write_answer: Callable[[Answer, StartedSession], None]
    ) -> bool:
        """Cancel a session that may still be open; return whether it had an answer after all."""
        started = self._started
        if started is None or self._status.is_final or isinstance(error, SessionGoneError):
            return False
        if self._stays_open and not isinstance(error, Interrupted):
            print_message(
                "The session stays open. To see its status: irma-backend status --state-file FILE"
            )
            return False
        with signals_deferred():
            self._status = self._cancel(started)
        # Cancelling has no effect if the app answered first.
        if self._status is not SessionStatus.DONE:
            return False
        if not isinstance(error, IrmaError):
            self._save_unfinished(started)
            return False
        self._answer(started, write_answer)
        return True

    def _cancel(self, started: StartedSession) -> SessionStatus:
        context = self._requestor.context
        cancelling = cancel_session_flow(context, started.token, cleanup_deadline(context))
        try:
            self._requestor.run_flow(cancelling)
            status = self._requestor.get_status(started)
        except SessionGoneError:
            status = SessionStatus.CANCELLED
        except IrmaError:
            print_message(
                "The session could not be cancelled. It ends when it times out at the server."
            )
            return self._status
        if status is not SessionStatus.DONE:
            print_message("The session was cancelled.")
        return status

    def _save_unfinished(self, started: StartedSession) -> None:
        if self._state_file is None:
            save_session(started)
        else:
            print_message(
                "The app has answered. To get the answer: irma-backend result --state-file FILE"
            )
