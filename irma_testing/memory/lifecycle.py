"""How a session begins, moves on, ends and is forgotten.

Belongs here: the changes of state, and the pieces of the server that they need. Does not belong
here: the calls that cause them (`requestor_endpoints`, `session_endpoints`).
"""

from __future__ import annotations

import base64
import math
import secrets
from typing import final
from urllib.parse import urlsplit, urlunsplit

from irma_core.models.statuses import ProofStatus, SessionStatus
from irma_core.protocol.transport import Clock, utc_now
from irma_testing.memory.callback_sender import Deliver, Posts
from irma_testing.memory.events import EventHub
from irma_testing.memory.issuing import Revocations, with_validity
from irma_testing.memory.jwt import JwtSigner
from irma_testing.memory.permissions import check_permissions, check_startable
from irma_testing.memory.post_replies import request_in
from irma_testing.memory.replies import NEXT_SESSION, Refusal, ServerError
from irma_testing.memory.requests import read_start_request
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import ConDisCon, RequestedAttribute, StartRequest
from irma_testing.memory.sessions import Session, SessionStore, new_token
from irma_testing.memory.settings import ServerSettings
from irma_testing.memory.timeline import Timeline

__all__ = [
    "Lifecycle",
    "start_next",
]


_SWEEP = 10.0
_FIRST_SWEEP = 7.5


@final
class Lifecycle:
    """The inside of the server: its settings, its sessions, and what happens to them.

    Args:
        url: The server's base URL, without a slash at the end.
        settings: How it is set up.
        scheme: What exists.
        clock: Its time.
        deliver: Brings its posts to their receivers.
    """

    def __init__(
        self,
        url: str,
        settings: ServerSettings,
        scheme: Scheme,
        clock: Clock,
        deliver: Deliver | None,
    ) -> None:
        self.url = url
        self.settings = settings
        self.scheme = scheme
        self.clock = clock
        self.signer = JwtSigner(settings.jwt_privkey)
        self.timeline = Timeline(clock)
        self.posts = Posts(settings, clock, self.signer, deliver)
        self.events = EventHub(self.timeline, clock.monotonic)
        self.revocations = Revocations()
        self.store = SessionStore(
            clock,
            settings.max_session_lifetime,
            settings.session_result_lifetime,
            self.posts.send_callback,
            self._stored,
        )
        self._sweeps: dict[str, float] = {}
        # At no whole second, so that who polls each second sees a time-out before it is forgotten.
        self._first_sweep = clock.monotonic() + _FIRST_SWEEP

    @property
    def default_host(self) -> str:
        """The host that session pointers name, unless a request says otherwise."""
        return urlsplit(self.url).netloc

    def start(
        self,
        request: StartRequest,
        requestor: str,
        *,
        repeats: ConDisCon = (),
        frontend_authorization: str = "",
    ) -> Session:
        """Make a session; in a chain it repeats what was disclosed, for the same frontend.

        Raises:
            Refusal: The request names what does not exist or cannot be done.
            ServerCrash: The official server falls over it.
        """
        check_startable(self.settings, self.scheme, request, utc_now(self.clock))
        session = Session(
            token=new_token(),
            client_token=new_token(),
            frontend_authorization=frontend_authorization or new_token(),
            request=with_validity(request, utc_now(self.clock)),
            requestor=requestor,
            last_active=self.clock.monotonic(),
            nonce=base64.b64encode(secrets.token_bytes(16)).decode(),
            repeats=repeats,
        )
        self.store.add(session)
        self._plan_sweep(session)
        return session

    def pointer(self, session: Session) -> dict[str, str]:
        """Give the session pointer."""
        parts = urlsplit(self.url)
        path = f"{parts.path}/irma/session/{session.client_token}"
        host = session.request.host or parts.netloc
        return {
            "u": urlunsplit((parts.scheme, host, path, "", "")),
            "irmaqr": session.request.kind,
        }

    def mark_alive(self, session: Session) -> None:
        """Note that the app is there."""
        session.last_active = self.clock.monotonic()

    def move(self, session: Session, status: SessionStatus) -> None:
        """Set the status; a final one is posted to the callback URL first."""
        session.status = status
        if status.is_final:
            self.posts.send_callback(session)

    def cancel(self, session: Session) -> None:
        """End a session without a result; one that has ended stays as it is."""
        if session.status.is_final:
            return
        self.mark_alive(session)
        session.clear_result()
        self.move(session, SessionStatus.CANCELLED)

    def fail(self, session: Session, error: ServerError, message: str = "") -> Refusal:
        """End a session by an error; give what the app is told."""
        refusal = Refusal(error, message)
        session.clear_result()
        session.error = refusal.as_json()
        self.move(session, SessionStatus.CANCELLED)
        return refusal

    def forget_all(self) -> None:
        """Lose every session, as a server that is restarted does."""
        self._sweeps.clear()
        for token in self.store.clear():
            self.events.end(token)

    def _stored(self, session: Session) -> None:
        self.events.tell(session)
        self._plan_sweep(session)

    def _plan_sweep(self, session: Session) -> None:
        """Plan the next of the ten-second sweeps that will find something to do."""
        now, store = self.clock.monotonic(), self.store
        due = store.forgotten_at(session)
        if not session.status.is_final and (
            session.request.callback_url or store.times_out_at(session) > now
        ):
            due = store.times_out_at(session)
        ticks = max(
            math.ceil((due - self._first_sweep) / _SWEEP),
            math.floor((now - self._first_sweep) / _SWEEP) + 1,
        )
        token, moment = session.token, self._first_sweep + ticks * _SWEEP
        self._sweeps[token] = moment
        self.timeline.at(moment, lambda: self._sweep(token, moment))

    def _sweep(self, token: str, moment: float) -> None:
        stored = self.store.find(token)
        if stored is None or self._sweeps[token] != moment:
            return
        session = self.store.look(stored)
        if self.store.forgotten_at(session) <= self.clock.monotonic():
            del self._sweeps[token]
            self.store.remove(token)
            self.events.end(token)
        else:
            self._plan_sweep(stored)


def start_next(life: Lifecycle, session: Session) -> None:
    """Start the session that follows, if there is to be one.

    Raises:
        Refusal: `NEXT_SESSION`: the proofs do not hold, the requestor gave nothing usable, or it
            may not ask what it gave.
    """
    if session.request.next_url is None:
        return
    if session.proof_status is not ProofStatus.VALID:
        raise Refusal(NEXT_SESSION, "session in invalid state")
    body = request_in(life.posts.ask_next(session.request.next_url, session))
    if body is None:
        return
    following = _start(life, session, body)
    session.next_token = following.token
    session.next_pointer = life.pointer(following)


def _start(life: Lifecycle, session: Session, body: bytes) -> Session:
    try:
        request = read_start_request(body)
        _check_authorized(life, session, request)
        return life.start(
            request,
            session.requestor,
            repeats=_repeats(session),
            frontend_authorization=session.frontend_authorization,
        )
    except Refusal as refusal:
        raise Refusal(NEXT_SESSION, refusal.message) from None


def _check_authorized(life: Lifecycle, session: Session, request: StartRequest) -> None:
    try:
        check_permissions(life.settings, session.requestor, request, life.default_host)
    except Refusal as refusal:
        message = f"next session not authorized: {refusal.message}"
        raise Refusal(NEXT_SESSION, message) from None


def _repeats(session: Session) -> ConDisCon:
    """Give the condiscon of what was disclosed: the same values are to be shown again."""
    return tuple(
        (tuple(RequestedAttribute(found["id"], found["rawvalue"]) for found in attributes or ()),)
        for attributes in session.disclosed or ()
    )
