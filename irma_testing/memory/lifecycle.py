"""The life cycle of a session on the server, from its start until the server forgets it.

Calls by requestors, apps and browsers change the session's state. Source: irmago
`irmaserver/sessions.go` and `irmaserver/helpers.go`.
"""

from __future__ import annotations

import base64
import math
import secrets
from typing import final
from urllib.parse import urlsplit, urlunsplit

from irma_core.models.statuses import ProofStatus, SessionStatus
from irma_core.protocol.transport import Clock, utc_now
from irma_testing.memory.callback_sender import CallbackSender, Deliver
from irma_testing.memory.event_loops import EventLoops
from irma_testing.memory.events import EventHub
from irma_testing.memory.issuing import Revocations, with_validity
from irma_testing.memory.jwt import JwtSigner
from irma_testing.memory.permissions import check_permissions, check_startable
from irma_testing.memory.replies import NEXT_SESSION, Refusal, ServerError
from irma_testing.memory.requests import read_start_request
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import ConDisCon, RequestedAttribute, StartRequest
from irma_testing.memory.sessions import Session, SessionStore, new_token
from irma_testing.memory.settings import ServerSettings
from irma_testing.memory.timeline import Timeline

__all__ = ["Lifecycle"]

_SWEEP_SECONDS = 10.0
_FIRST_SWEEP_SECONDS = 7.5


@final
class Lifecycle:
    """The sessions of the server, with the settings, keys and events that they need.

    Args:
        url: The server's base URL, without a slash at the end.
        settings: The server's configuration.
        scheme: The credential types that the server knows.
        clock: The server's clock.
        deliver: Delivers the server's requests to their receivers.
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
        self.loops = EventLoops()
        self.callbacks = CallbackSender(settings, clock, self.signer, deliver, self.loops)
        self.events = EventHub(self.timeline, clock.monotonic)
        self.revocations = Revocations()
        self.store = SessionStore(
            clock,
            settings.max_session_lifetime,
            settings.session_result_lifetime,
            self.callbacks.send_callback,
            self._on_stored,
        )
        self._sweeps: dict[str, float] = {}
        # The first sweep is not at a whole second. So a requestor that polls each second sees every
        # time-out.
        self._first_sweep = clock.monotonic() + _FIRST_SWEEP_SECONDS

    @property
    def default_host(self) -> str:
        """The host in session pointers, unless a request names another."""
        return urlsplit(self.url).netloc

    def start(
        self,
        request: StartRequest,
        requestor: str,
        *,
        repeats: ConDisCon = (),
        frontend_authorization: str = "",
    ) -> Session:
        """Start a session. In a chain, `repeats` requests the values that were disclosed before.

        Raises:
            Refusal: The request names something unknown or unsupported.
            ServerCrash: The official server would crash on this request.
        """
        check_startable(self.settings, self.scheme, request, utc_now(self.clock))
        session = Session(
            token=new_token(),
            client_token=new_token(),
            frontend_authorization=frontend_authorization or new_token(),
            request=with_validity(request, utc_now(self.clock)),
            requestor=requestor,
            started_at=utc_now(self.clock),
            last_active=self.clock.monotonic(),
            nonce=base64.b64encode(secrets.token_bytes(16)).decode(),
            repeats=repeats,
        )
        self.store.add(session)
        self._plan_sweep(session)
        return session

    def pointer(self, session: Session) -> dict[str, str]:
        """Return the session pointer."""
        parts = urlsplit(self.url)
        path = f"{parts.path}/irma/session/{session.client_token}"
        host = session.request.host or parts.netloc
        return {
            "u": urlunsplit((parts.scheme, host, path, "", "")),
            "irmaqr": session.request.kind,
        }

    def mark_alive(self, session: Session) -> None:
        """Record that the app is active now."""
        session.last_active = self.clock.monotonic()

    def move(self, session: Session, status: SessionStatus) -> None:
        """Set the session's status. If it is final, post the result to the callback URL."""
        session.status = status
        if status.is_final:
            self.callbacks.send_callback(session)

    def cancel(self, session: Session) -> None:
        """End a session without a result. A session that has ended does not change."""
        if session.status.is_final:
            return
        self.mark_alive(session)
        session.clear_result()
        self.move(session, SessionStatus.CANCELLED)

    def time_out(self, stored: Session) -> None:
        """Make a session time out now, by moving the app's last activity into the past."""

        def age(session: Session) -> None:
            session.last_active -= self.store.times_out_at(session) - self.clock.monotonic()

        self.store.change(stored, age)
        aged = self.store.find(stored.token)
        if aged is not None:
            self._plan_sweep(aged)
        self.events.check_timeout(stored.token, self.store)

    def fail(self, session: Session, error: ServerError, message: str = "") -> Refusal:
        """End a session with an error, and return the refusal for the app."""
        refusal = Refusal(error, message)
        session.clear_result()
        session.error = refusal.as_json()
        self.move(session, SessionStatus.CANCELLED)
        return refusal

    def start_next(self, session: Session) -> None:
        """Start the next session of a chain, if there is one.

        Raises:
            Refusal: `NEXT_SESSION`: the proofs are not valid, or the `nextSession` URL replied with
                something other than a session request that the requestor may make.
        """
        if session.request.next_url is None:
            return
        if session.proof_status is not ProofStatus.VALID:
            raise Refusal(NEXT_SESSION, "session in invalid state")
        body = self.callbacks.fetch_next_request(session.request.next_url, session)
        if body is None:
            return
        next_session = self._start_next(session, body)
        session.next_token = next_session.token
        session.next_pointer = self.pointer(next_session)

    def _start_next(self, session: Session, body: bytes) -> Session:
        try:
            request = read_start_request(body)
            self._check_next_permitted(session, request)
            return self.start(
                request,
                session.requestor,
                repeats=_repeats(session),
                frontend_authorization=session.frontend_authorization,
            )
        except Refusal as refusal:
            raise Refusal(NEXT_SESSION, refusal.message) from None

    def _check_next_permitted(self, session: Session, request: StartRequest) -> None:
        try:
            check_permissions(self.settings, session.requestor, request, self.default_host)
        except Refusal as refusal:
            message = f"next session not authorized: {refusal.message}"
            raise Refusal(NEXT_SESSION, message) from None

    def forget_all(self) -> None:
        """Forget every session, as a restarted server does."""
        self._sweeps.clear()
        for token in self.store.clear():
            self.events.end(token)

    def _on_stored(self, session: Session) -> None:
        self.events.publish(session)
        self._plan_sweep(session)

    def _plan_sweep(self, session: Session) -> None:
        """Plan a session's time-out or removal for one of the sweeps that run every ten seconds."""
        now, store = self.clock.monotonic(), self.store
        due = store.forgotten_at(session)
        if not session.status.is_final and (
            session.request.callback_url or store.times_out_at(session) > now
        ):
            due = store.times_out_at(session)
        ticks = max(
            math.ceil((due - self._first_sweep) / _SWEEP_SECONDS),
            math.floor((now - self._first_sweep) / _SWEEP_SECONDS) + 1,
        )
        token, moment = session.token, self._first_sweep + ticks * _SWEEP_SECONDS
        self._sweeps[token] = moment
        self.timeline.at(moment, lambda: self._sweep(token, moment))

    def _sweep(self, token: str, moment: float) -> None:
        stored = self.store.find(token)
        if stored is None or self._sweeps.get(token) != moment:
            return
        session = self.store.look(stored)
        if self.store.forgotten_at(session) <= self.clock.monotonic():
            # Two sweeps of a session may be planned for the same moment, and two threads may run
            # them concurrently.
            if self._sweeps.pop(token, None) is not None:
                self.store.remove(token)
                self.events.end(token)
        else:
            self._plan_sweep(stored)


def _repeats(session: Session) -> ConDisCon:
    """Return the condiscon with which the next session requests the disclosed values again."""
    return tuple(
        (
            tuple(
                RequestedAttribute(attribute["id"], attribute["rawvalue"])
                for attribute in attributes or ()
            ),
        )
        for attributes in session.disclosed or ()
    )
