"""A session at the server, and the place where sessions are kept.

Belongs here: the state, its times, and the rule that a handler works on a copy: what it changes is
stored when it is done, and only if nobody else stored something meanwhile. That is why a receiver
of callbacks may still see `CONNECTED`. Does not belong here: what changes the state. Source: irmago
`irmaserver/sessions.go`.
"""

from __future__ import annotations

import base64
import copy
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar, final

import attrs

from irma_core.models.arguments import check_instance
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import ProofStatus, SessionStatus
from irma_core.protocol.transport import Clock
from irma_testing.memory.go_types import wrap
from irma_testing.memory.replies import ServerCrash
from irma_testing.memory.session_request import ConDisCon, RequestedCredential, StartRequest

__all__ = [
    "CachedReply",
    "OpenSession",
    "Session",
    "SessionStore",
    "new_pairing_code",
    "new_token",
    "shown_options",
    "shown_request",
]


ResultT = TypeVar("ResultT")
_NANOSECONDS = 1_000_000_000


def new_token() -> str:
    """Make a token as the official server's."""
    # 15 random bytes make 20 letters and digits; `x` and `Y` stand in for what is neither.
    return base64.b64encode(secrets.token_bytes(15), altchars=b"xY").decode()


def new_pairing_code() -> str:
    """Make a pairing code: four digits."""
    return f"{secrets.randbelow(10_000):04}"


@final
@attrs.frozen
class CachedReply:
    """What the app was told last: told again if it asks the same within 10 seconds."""

    path: str
    message: bytes
    http_status: int
    body: bytes
    status: SessionStatus


@final
@attrs.define
class Session:
    """A session; `last_active` on the monotonic clock, `repeats` what a chain discloses again."""

    token: str
    client_token: str
    frontend_authorization: str
    request: StartRequest
    requestor: str
    last_active: float
    nonce: str
    repeats: ConDisCon = ()
    status: SessionStatus = SessionStatus.INITIALIZED
    proof_status: ProofStatus | None = None
    disclosed: list[Any] | None = None
    signature: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    next_token: str = ""
    next_pointer: dict[str, str] | None = None
    pairing_code: str = ""
    client_authorization: str = ""
    cached: CachedReply | None = None

    def clear_result(self) -> None:
        """Forget what was proved: the session failed or was cancelled."""
        self.proof_status = self.disclosed = self.signature = self.error = None
        self.next_token = ""


@final
class SessionStore:
    """All sessions, by both their tokens.

    Args:
        clock: The server's.
        max_lifetime: How long an app may take, once it is there or without a time-out of its own.
        result_lifetime: How long a session is known after that.
        on_timeout: Is told of a session that has timed out, each time it is looked at.
        on_stored: Is told of a session whose status has changed.
    """

    def __init__(
        self,
        clock: Clock,
        max_lifetime: timedelta,
        result_lifetime: timedelta,
        on_timeout: Callable[[Session], None],
        on_stored: Callable[[Session], None],
    ) -> None:
        self._clock = clock
        self._max_lifetime = max_lifetime.total_seconds()
        self._result_lifetime = result_lifetime.total_seconds()
        self._on_timeout = on_timeout
        self._on_stored = on_stored
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, session: Session) -> None:
        """Keep a new session."""
        with self._lock:
            self._sessions[session.token] = session
            self._tokens[session.client_token] = session.token

    def remove(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            session = self._sessions.pop(token)
            del self._tokens[session.client_token]

    def clear(self) -> list[str]:
        """Forget all; give their requestor tokens."""
        with self._lock:
            tokens = list(self._sessions)
            self._sessions.clear()
            self._tokens.clear()
        return tokens

    def find(self, token: str) -> Session | None:
        """Give what is stored under a requestor token; not to be changed."""
        return self._sessions.get(token)

    def find_by_client(self, client_token: str) -> Session | None:
        """Give what is stored under a client token; not to be changed."""
        return self._sessions.get(self._tokens.get(client_token, ""))

    def open(self) -> list[Session]:
        """Give those that have not ended, the oldest first; not to be changed."""
        with self._lock:
            sessions = list(self._sessions.values())
        return [
            session
            for session in sessions
            if not session.status.is_final and not self._has_timed_out(session)
        ]

    def times_out_at(self, session: Session) -> float:
        """Give when a session that has not ended times out, in monotonic seconds."""
        lifetime = self._max_lifetime
        if session.status is SessionStatus.INITIALIZED and session.request.timeout:
            # In nanoseconds, as the official server counts: a long one overflows into the past.
            lifetime = wrap(session.request.timeout * _NANOSECONDS) / _NANOSECONDS
        return session.last_active + lifetime

    def forgotten_at(self, session: Session) -> float:
        """Give from when on a sweep forgets a session, in monotonic seconds."""
        has_ended = session.status.is_final or self._has_timed_out(session)
        end = session.last_active if has_ended else self.times_out_at(session)
        return end + self._result_lifetime

    def look(self, stored: Session) -> Session:
        """Give a copy of a session as it is now: timed out, if its time is up.

        The time-out itself is not stored: so it is told each time, as the official server does.
        """
        session = copy.copy(stored)
        if self._has_timed_out(session):
            session.status = SessionStatus.TIMEOUT
            self._on_timeout(session)
        return session

    def change(
        self, stored: Session, act: Callable[[Session], ResultT], *, always: bool = False
    ) -> ResultT:
        """Let a handler work on a copy, and store the copy if it was changed.

        Args:
            stored: What `find` gave.
            act: The handler.
            always: Store it even if it was not changed, and with it a time-out.

        Raises:
            ServerCrash: Somebody else has changed it meanwhile.
        """
        session = self.look(stored)
        before = copy.copy(session)
        result = act(session)
        if always or session != before:
            self._store(stored, session)
        return result

    def _store(self, stored: Session, session: Session) -> None:
        with self._lock:
            if self._sessions.get(stored.token) is not stored:
                raise ServerCrash("session changed by another routine")
            self._sessions[session.token] = session
        if session.status is not stored.status:
            self._on_stored(session)

    def _has_timed_out(self, session: Session) -> bool:
        return not session.status.is_final and self.times_out_at(session) <= self._clock.monotonic()


@final
@attrs.frozen
class OpenSession:
    """A session that waits for an app or a person; without what only its requestor may know.

    Args:
        pointer: What the QR holds.
        status: How far it is.
    """

    pointer: SessionPointer
    status: SessionStatus

    def __attrs_post_init__(self) -> None:
        check_instance(self.pointer, SessionPointer, "pointer", "a SessionPointer")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")


def shown_options(session: Session) -> dict[str, str]:
    """Give the options, with the pairing code if there is one."""
    said = {"@context": "https://irma.app/ld/options/v1", "pairingMethod": "none"}
    if session.pairing_code:
        said |= {"pairingMethod": "pin", "pairingCode": session.pairing_code}
    return said


def shown_request(session: Session) -> dict[str, Any]:
    """Give the session request, with what the server adds; never a revocation key."""
    request = session.request
    added: dict[str, Any] = {
        "@context": request.context,
        "context": "AQ==",
        "nonce": session.nonce,
        "protocolVersion": "2.8",
    }
    shown: dict[str, Any] = {**added, **request.shown, **added}
    if request.augment_return_url:
        mark = "&" if "?" in request.client_return_url else "?"
        shown["clientReturnUrl"] = f"{request.client_return_url}{mark}token={session.token}"
    if request.kind == "issuing":
        shown["credentials"] = [
            _shown_credential(written, asked)
            for written, asked in zip(shown["credentials"], request.credentials, strict=True)
        ]
    return shown


def _shown_credential(written: Mapping[str, Any], asked: RequestedCredential) -> dict[str, Any]:
    # The validity comes first, whether the requestor gave it or the server.
    shown: dict[str, Any] = {"validity": asked.validity}
    hidden = ("validity", "revocationKey", "revocationSupported", "randomblindIDs")
    shown |= {name: value for name, value in written.items() if name not in hidden}
    return {**shown, "revocationSupported": True} if asked.revocation_key else shown
