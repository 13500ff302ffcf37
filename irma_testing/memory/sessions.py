"""The state of a session on the server, and the store of all sessions.

A handler works on a copy of a session. The copy is stored when the handler has finished, unless
another change has been stored meanwhile. The server posts a callback while the handler is still
running, so a receiver that asks for the status may still get `CONNECTED`. Source: irmago
`irmaserver/sessions.go`.
"""

from __future__ import annotations

import base64
import copy
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, final

import attrs

from irma_core.models.arguments import as_utc, check_instance
from irma_core.models.holders import FrozenMapping
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
    "options_json",
    "request_json",
]


ResultT = TypeVar("ResultT")
_NANOSECONDS = 1_000_000_000


def new_token() -> str:
    """Return a new token like those of the official server."""
    # 15 random bytes make 20 characters; `x` and `Y` replace the two that are not alphanumeric.
    return base64.b64encode(secrets.token_bytes(15), altchars=b"xY").decode()


def new_pairing_code() -> str:
    """Return a new pairing code: four digits."""
    return f"{secrets.randbelow(10_000):04}"


@final
@attrs.frozen
class CachedReply:
    """The last reply to the app, in case the app repeats its request within 10 seconds."""

    path: str
    message: bytes
    http_status: int
    body: bytes
    status: SessionStatus


@final
@attrs.define
class Session:
    """A session on the server.

    `last_active` is in seconds on the monotonic clock. `repeats` requests the attributes that a
    chain must disclose again.
    """

    token: str
    client_token: str
    frontend_authorization: str
    request: StartRequest
    requestor: str
    started_at: datetime
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

    @property
    def condiscon(self) -> ConDisCon:
        """The request's condiscon, plus the attributes that the chain must disclose again."""
        return (*self.request.disclose, *self.repeats)

    def clear_result(self) -> None:
        """Drop the result of a session that failed or was cancelled."""
        self.proof_status = self.disclosed = self.signature = self.error = None
        self.next_token = ""


@final
class SessionStore:
    """All sessions, by requestor token and by client token.

    Args:
        clock: The server's clock.
        max_lifetime: How long a connected app may be inactive. An app also has this long to
            connect, if the request sets no time-out.
        result_lifetime: How long a session is stored after its end.
        on_timeout: Called with a session that has timed out, each time that the session is read.
        on_stored: Called with a session whose status has changed.
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
        """Store a new session."""
        with self._lock:
            self._sessions[session.token] = session
            self._tokens[session.client_token] = session.token

    def remove(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            session = self._sessions.pop(token)
            del self._tokens[session.client_token]

    def clear(self) -> list[str]:
        """Forget all sessions, and return their requestor tokens."""
        with self._lock:
            tokens = list(self._sessions)
            self._sessions.clear()
            self._tokens.clear()
        return tokens

    def find(self, token: str) -> Session | None:
        """Return the session with this requestor token; the caller must not change it."""
        return self._sessions.get(token)

    def find_by_client(self, client_token: str) -> Session | None:
        """Return the session with this client token; the caller must not change it."""
        return self._sessions.get(self._tokens.get(client_token, ""))

    def open(self) -> list[Session]:
        """Return the sessions that have not ended, oldest first; the caller may only read them."""
        with self._lock:
            sessions = list(self._sessions.values())
        return [
            session
            for session in sessions
            if not session.status.is_final and not self._has_timed_out(session)
        ]

    def times_out_at(self, session: Session) -> float:
        """Return when a session that has not ended times out, in monotonic seconds."""
        lifetime = self._max_lifetime
        if session.status is SessionStatus.INITIALIZED and session.request.timeout:
            # The official server counts in nanoseconds, so a long time-out overflows into the past.
            lifetime = wrap(session.request.timeout * _NANOSECONDS) / _NANOSECONDS
        return session.last_active + lifetime

    def forgotten_at(self, session: Session) -> float:
        """Return when the server may forget a session, in monotonic seconds."""
        has_ended = session.status.is_final or self._has_timed_out(session)
        end = session.last_active if has_ended else self.times_out_at(session)
        return end + self._result_lifetime

    def look(self, stored: Session) -> Session:
        """Return a copy of the current state of a session, which may have timed out.

        Like the official server, this method does not store the time-out, so each call runs
        `on_timeout` again.
        """
        session = copy.copy(stored)
        if self._has_timed_out(session):
            session.status = SessionStatus.TIMEOUT
            self._on_timeout(session)
        return session

    def change(
        self, stored: Session, handler: Callable[[Session], ResultT], *, always: bool = False
    ) -> ResultT:
        """Run a handler on a copy of a session, and store the copy if it was changed.

        Args:
            stored: The session that `find` returned.
            handler: Changes the copy.
            always: Whether to store the copy even if the handler did not change it, for example to
                store a time-out.

        Raises:
            ServerCrash: Another handler has stored a change meanwhile.
        """
        session = self.look(stored)
        before = copy.copy(session)
        result = handler(session)
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


def _started_at(value: datetime) -> datetime:
    return as_utc(value, "started_at")


def _personal(value: Mapping[str, Any]) -> Mapping[str, Any]:
    check_instance(value, Mapping, "request", "a mapping")
    return FrozenMapping(value, is_personal=True)


@final
@attrs.frozen
class OpenSession:
    """A session that waits for an app or a user. It contains none of its requestor's secrets.

    Args:
        pointer: The session pointer in the QR code.
        status: Its status.
        requestor: The name of the requestor that started it; empty without authentication.
        started_at: When it was started: an aware time, which is converted to UTC.
        request: The session request in JSON, as an app receives it.
    """

    pointer: SessionPointer
    status: SessionStatus
    requestor: str = attrs.field(default="", kw_only=True)
    started_at: datetime = attrs.field(kw_only=True, converter=_started_at)
    request: Mapping[str, Any] = attrs.field(kw_only=True, converter=_personal, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.pointer, SessionPointer, "pointer", "a SessionPointer")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        check_instance(self.requestor, str, "requestor", "a string")


def options_json(session: Session) -> dict[str, str]:
    """Return the frontend options, with the pairing code if there is one."""
    options = {"@context": "https://irma.app/ld/options/v1", "pairingMethod": "none"}
    if session.pairing_code:
        options |= {"pairingMethod": "pin", "pairingCode": session.pairing_code}
    return options


def request_json(session: Session) -> dict[str, Any]:
    """Return the session request as the app receives it.

    The server adds fields such as the nonce, and removes the revocation keys.
    """
    request = session.request
    added: dict[str, Any] = {
        "@context": request.context,
        "context": "AQ==",
        "nonce": session.nonce,
        "protocolVersion": "2.8",
    }
    fields: dict[str, Any] = {**added, **request.app_json, **added}
    if request.augment_return_url:
        separator = "&" if "?" in request.client_return_url else "?"
        fields["clientReturnUrl"] = f"{request.client_return_url}{separator}token={session.token}"
    if request.kind == "issuing":
        fields["credentials"] = [
            _credential_json(fields_of_one, credential)
            for fields_of_one, credential in zip(
                fields["credentials"], request.credentials, strict=True
            )
        ]
    return fields


def _credential_json(fields: Mapping[str, Any], credential: RequestedCredential) -> dict[str, Any]:
    # The validity comes first, whether the requestor or the server set it.
    shown: dict[str, Any] = {"validity": credential.validity}
    hidden = ("validity", "revocationKey", "revocationSupported", "randomblindIDs")
    shown |= {name: value for name, value in fields.items() if name not in hidden}
    return {**shown, "revocationSupported": True} if credential.revocation_key else shown
