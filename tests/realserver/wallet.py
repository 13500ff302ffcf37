"""Drive the headless wallet: an app, and a user who follows the test's instructions."""

import json
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.realserver.build import Tools
from tests.realserver.child_process import ChildProcess, StartError
from tests.realserver.wallet_events import (
    Accept,
    Answer,
    Event,
    Outcome,
    Refuse,
    answer_to_json,
    event_from_json,
)

EventT = TypeVar("EventT", bound=Event)
TIMEOUT = 300.0  # seconds; a session takes some 20 ms on an idle machine


class WalletError(Exception):
    """The wallet process could not do what the test asked, or has ended."""


@dataclass(frozen=True)
class HeldCredential:
    """A credential in the wallet; times in Unix seconds."""

    credential: str
    attributes: dict[str, str]
    hash: str
    issued: int
    expires: int


class Wallet:
    """A wallet process with its own directory, which is empty or a copy of a saved one.

    Any number of sessions may be open; they take turns while irmago's client is busy.
    """

    def __init__(
        self, tools: Tools, schemes: Path, directory: Path, *, start_from: Path | None = None
    ):
        self.directory = directory
        if start_from is None:
            directory.mkdir(parents=True)
        else:
            shutil.copytree(start_from, directory)
        command = (tools.headlesswallet, "wallet", "--dir", directory, "--schemes", schemes)
        log = directory.with_suffix(".log")
        self._child = ChildProcess(command, log=log, read_stdout=True)
        self._news = threading.Condition()
        self._lines: dict[str, list[dict[str, Any]]] = {}  # by the id of the session or command
        self._ended = False
        if not self._child.stdout.readline():
            self._child.close()
            raise StartError(f"the wallet ended:\n{self._child.log_tail()}")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, pointer: Mapping[str, Any] | str, *answers: Answer) -> "WalletSession":
        """Begin a session in the background, as if the user had scanned this pointer.

        The answers are for the session and the sessions chained to it, in order. The last answer
        also counts for all later sessions; without answers, the wallet accepts all of them.
        """
        text = pointer if isinstance(pointer, str) else json.dumps(pointer)
        given = [answer_to_json(answer) for answer in answers or (Accept(),)]
        session_id = self._send("session", pointer=json.loads(text), answers=given)
        return WalletSession(self, session_id)

    def accept(self, pointer: Mapping[str, Any] | str, timeout: float = TIMEOUT) -> Outcome:
        """Run a whole session, and accept its request."""
        return self.start(pointer).wait(timeout)

    def refuse(self, pointer: Mapping[str, Any] | str, timeout: float = TIMEOUT) -> Outcome:
        """Run a whole session, and refuse its request."""
        return self.start(pointer, Refuse()).wait(timeout)

    def credentials(self) -> tuple[HeldCredential, ...]:
        """Return the credentials in the wallet."""
        lines = self._reply("credentials")["credentials"]
        return tuple(HeldCredential(**line) for line in lines)

    def delete_all(self) -> None:
        """Delete every credential."""
        self._reply("delete_all")

    def save(self, target: Path) -> None:
        """Stop the wallet and copy its directory, for `start_from` of other wallets."""
        self.close()
        shutil.copytree(self.directory, target)

    def close(self) -> None:
        """Stop the process. Sessions that wait for their user stay open at the server."""
        self._child.stop()
        self._reader.join()
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, command: str, session_id: str, **arguments: Any) -> None:
        """Send a command for a session; `WalletSession` calls this."""
        line = json.dumps({"command": command, "id": session_id, **arguments})
        with self._news:
            try:
                self._child.stdin.write(line.encode() + b"\n")
                self._child.stdin.flush()
            except (OSError, ValueError) as error:
                raise WalletError(f"the wallet is gone:\n{self._child.log_tail()}") from error

    def next_line(self, session_id: str, position: int, deadline: float) -> dict[str, Any]:
        """Wait for a line about a session or command; `WalletSession` calls this."""
        lines = self._lines[session_id]
        with self._news:
            self._news.wait_for(
                lambda: len(lines) > position or self._ended, max(0, deadline - time.monotonic())
            )
            if len(lines) > position:
                line = lines[position]
                if line["event"] == "error":
                    raise WalletError(line["info"])
                return line
        if self._ended:
            raise WalletError(f"the wallet ended:\n{self._child.log_tail()}")
        raise TimeoutError(f"the wallet reports nothing about {session_id}; so far: {lines}")

    def _send(self, command: str, **arguments: Any) -> str:
        with self._news:
            session_id = f"{command}-{len(self._lines)}"
            self._lines[session_id] = []
        self.send(command, session_id, **arguments)
        return session_id

    def _reply(self, command: str) -> dict[str, Any]:
        return self.next_line(self._send(command), 0, time.monotonic() + TIMEOUT)

    def _read(self) -> None:
        for text in self._child.stdout:
            line = json.loads(text)
            with self._news:
                self._lines[line["id"]].append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


class WalletSession:
    """A session in a wallet, with the sessions chained to it."""

    def __init__(self, wallet: Wallet, session_id: str):
        self._wallet = wallet
        self._id = session_id
        self.events: list[Event] = []  # those that `wait_for` and `wait` have read

    def wait_for(self, kind: type[EventT], timeout: float = TIMEOUT) -> EventT:
        """Read on to the next event of this kind.

        Raises:
            TimeoutError: the event did not come in time.
            WalletError: the session ended without this event.
        """
        deadline = time.monotonic() + timeout
        while True:
            event = self._next(deadline)
            if isinstance(event, kind):
                return event
            if isinstance(event, Outcome):
                raise WalletError(f"no {kind.__name__} came: {self.events}")

    def wait(self, timeout: float = TIMEOUT) -> Outcome:
        """Read events until the session has ended, also for the server."""
        deadline = time.monotonic() + timeout
        event = self.events[-1] if self.events else self._next(deadline)
        while not isinstance(event, Outcome):
            event = self._next(deadline)
        return event

    def answer(self, answer: Answer) -> None:
        """Send the user's answer to a request that was put on `Hold`."""
        self._wallet.send("answer", self._id, answers=[answer_to_json(answer)])

    def dismiss(self) -> None:
        """Close the session as a user does in the app, which notifies the server."""
        self._wallet.send("dismiss", self._id)

    def _next(self, deadline: float) -> Event:
        line = self._wallet.next_line(self._id, len(self.events), deadline)
        event = event_from_json(line)
        self.events.append(event)
        return event
