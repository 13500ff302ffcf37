"""A session in the app: what is asked, and what the person does.

Does not belong here: how it is sent and chosen (`app_line`, `choices`, `sending`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, final

import attrs

from irma_core.models.arguments import check_flag, check_instance, check_optional
from irma_core.models.statuses import ProofStatus, SessionType
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_testing.arguments import check_choice, check_items, check_lists, check_mapping
from irma_testing.memory.app_client import AppError, AppLine, AppReply
from irma_testing.memory.app_proofs import Sending, expired, with_values
from irma_testing.memory.requests import read_static
from irma_testing.memory.session_request import ConDisCon, DisCon, StartRequest
from irma_testing.memory.wallet import Chooser, Lists, Wallet

if TYPE_CHECKING:
    # The server gives transports out, which are below it; nothing here needs it at run time.
    from irma_testing.memory.server import InMemoryServer
from datetime import datetime

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_string
from irma_core.models.moments import as_utc
from irma_core.models.pointers import SessionPointer
from irma_testing.memory.app_client import read_pointer
from irma_testing.memory.server import InMemoryServer
from irma_testing.memory.wallet import HeldCredential, check_values

__all__ = [
    "Outcome",
    "ScannedSession",
    "SimulatedApp",
]


_ONLY_SIGNATURES = (ProofStatus.UNMATCHED_REQUEST, ProofStatus.INVALID_TIMESTAMP)


@final
@boundary
@attrs.frozen
class Outcome:
    """How the session ended for the app.

    Args:
        proof_status: The server's word on the proof; None if it was refused or not sent.
        error: The server's error name, or an empty text.
        message: The server's words on it; may be empty.
    """

    proof_status: ProofStatus | None = None
    error: str = ""
    message: str = ""

    def __attrs_post_init__(self) -> None:
        check_optional(self.proof_status, ProofStatus, "proof_status", "a ProofStatus")
        check_instance(self.error, str, "error", "a string")
        check_instance(self.message, str, "message", "a string")


@final
@boundary
class ScannedSession:
    """What the app shows its user; made by `SimulatedApp.scan`.

    Attributes:
        url: The session pointer's URL.
        pairing_code: The code that the app shows, to be typed into the browser; None without
            pairing. What the person decides is done once the browser has said that it is right.
        outcome: How it ended; None before.
        next: The chained session that follows; None if there is none.
    """

    def __init__(
        self, server: InMemoryServer, wallet: Wallet, url: str, repeats: ConDisCon = ()
    ) -> None:
        self._server = server
        self._wallet = wallet
        self._line = AppLine(server, url)
        self.url = url
        self._repeats = repeats
        self._request: Mapping[str, Any] | None = None
        self._asked: StartRequest | None = None
        self._decided = False
        self.outcome: Outcome | None = None
        self.next: ScannedSession | None = None
        self.pairing_code: str | None = None
        self._connect()

    @property
    def is_paired(self) -> bool:
        """Whether the app may know the request; at once without pairing."""
        if self._request is None and self._line.get("/status").value == "CONNECTED":
            self._request = self._line.get("/request").value
        return self._request is not None

    @property
    def request(self) -> Mapping[str, Any]:
        """What is asked: the session request in JSON.

        Raises:
            AppError: Pairing is not completed.
        """
        if not self.is_paired or self._request is None:
            raise AppError("pairing is not completed: the app does not know the request")
        return self._request

    @property
    def type(self) -> SessionType:
        """What kind of session it is."""
        return SessionType(self._read.kind)

    @property
    def disclose(self) -> ConDisCon:
        """What is asked, read: slots of options, which are lists of attribute requests."""
        return self._read.disclose

    @property
    def options(self) -> tuple[tuple[bool, ...], ...]:
        """For each slot and each of its options, whether the app has what it takes."""
        chooser = self._chooser()
        return tuple(
            tuple(picks is not None for picks in chooser.options(disjunction))
            for disjunction in self._read.disclose
        )

    @property
    def can_accept(self) -> bool:
        """Whether the app has what is asked, so that the person can agree."""
        return all(any(options) for options in self.options)

    def accept(self, choice: Mapping[int, int] | None = None, *, follow: bool = True) -> None:
        """Agree.

        Args:
            choice: Which option to take, by the number of the slot, from 0. For the others it is
                the first that the app can give, an expired credential only if there is no other.
                An optional slot counts its empty option like any other: as `optional()` puts it
                last, it is disclosed if the app can, and `{1: 1}` skips it.
            follow: Whether to accept chained sessions in the same way, all of them. Otherwise
                the next one is in `next`.

        Raises:
            AppError: The app lacks something (add it to the app, or refuse), or the session is
                no longer waiting for the person.
        """
        chosen = {} if choice is None else check_choice(choice, "choice")
        check_flag(follow, "follow")
        self._decide(lambda: self._accept(chosen, follow=follow))

    def refuse(self) -> None:
        """Say no. A person who lacks the attributes does the same: nobody can tell.

        Raises:
            AppError: The session is no longer waiting for the person.
        """
        self._check_undecided()
        self._line.delete()
        self.outcome = Outcome()

    def lose_connection(self) -> None:
        """Disappear: the server hears nothing more, and the session times out.

        Raises:
            AppError: The session is no longer waiting for the person.
        """
        self._check_undecided()

    def cheat(
        self,
        flaw: ProofStatus | None = None,
        *,
        send: Sequence[Sequence[str]] | None = None,
        values: Mapping[str, str | None] | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        """Send something else than an honest app. What the app does not hold, it makes up.

        Args:
            flaw: The proof status to get: `INVALID`, `MISSING_ATTRIBUTES`, `EXPIRED`, and in a
                signature session `UNMATCHED_REQUEST` and `INVALID_TIMESTAMP`.
            send: The attributes for each slot, whatever was asked; too few or too many.
            values: Other values than the app holds, by identifier; None for no value.
            extra: Attributes that are disclosed without being asked for.

        Raises:
            AppError: Such a proof cannot be had in this session, or the session is no longer
                waiting for the person.
        """
        check_optional(flaw, ProofStatus, "flaw", "a ProofStatus")
        slots = None if send is None else check_lists(send, "send")
        if values is not None:
            check_mapping(values, (str, type(None)), "values", "strings or None")
        more = check_items(extra, str, "extra", "strings")
        self._decide(lambda: self._cheat(flaw, slots, values or {}, more))

    @property
    def _read(self) -> StartRequest:
        if self._asked is None:
            self._asked = read_static(self.request)
        return self._asked

    def _connect(self) -> None:
        reply = self._line.get()
        if not reply.is_ok:
            raise AppError(f"the server refuses the app: {reply.code}", reply.code)
        self._request = reply.value.get("request")
        self.pairing_code = reply.value["options"].get("pairingCode")

    def _chooser(self) -> Chooser:
        return Chooser(
            self._wallet, self._read, utc_now(self._server.clock), self._server.is_revoked
        )

    def _check_undecided(self) -> None:
        if self._decided:
            raise AppError("the person has decided already")
        self._decided = True

    def _decide(self, act: Callable[[], None]) -> None:
        if not self.is_paired:
            self._check_undecided()
            self._server.after(timedelta(0), lambda: self._when_paired(act))
            return
        act()

    def _when_paired(self, act: Callable[[], None]) -> None:
        if self.is_paired:
            self._decided = False
            act()
        elif self._line.get("/status").value == "PAIRING":
            self._server.after(timedelta(0), lambda: self._when_paired(act))
        else:
            self.outcome = Outcome(error="SESSION_UNKNOWN")

    def _accept(self, choice: Mapping[int, int], *, follow: bool) -> None:
        lists = self._chosen(choice)
        self._send(lists, Sending(self._read, self.request["nonce"], lists))
        if follow and self.next is not None:
            self.next.accept()

    def _chosen(self, choice: Mapping[int, int]) -> Lists:
        chooser = self._chooser()
        lists: Lists = ()
        for number, disjunction in enumerate((*self._read.disclose, *self._repeats)):
            options = chooser.options(disjunction)
            index = choice.get(number, chooser.option_for(disjunction))
            picks = options[index] if index is not None and index < len(options) else None
            if picks is None:
                raise AppError(_lacking(number, disjunction, chooser))
            lists = (*lists, picks)
        return lists

    def _cheat(
        self,
        flaw: ProofStatus | None,
        send: Sequence[Sequence[str]] | None,
        values: Mapping[str, str | None],
        extra: Sequence[str],
    ) -> None:
        if flaw is ProofStatus.VALID or (flaw in _ONLY_SIGNATURES and self._read.kind != "signing"):
            raise AppError(f"no {self._read.kind} session ends with a flaw {flaw}")
        chooser = self._chooser()
        asked = (*self._read.disclose, *self._repeats)
        if send is None:
            lists = chooser.pretend(asked)
        else:
            lists = tuple(chooser.take(identifiers) for identifiers in send)
        lists = with_values(lists, values)
        if flaw is ProofStatus.EXPIRED:
            lists = expired(lists, utc_now(self._server.clock))
        more = chooser.take(extra)
        self._send(lists, Sending(self._read, self.request["nonce"], lists, more, flaw))

    def _send(self, lists: Lists, sending: Sending) -> None:
        self._check_undecided()
        reply = self._line.post(sending.path, sending.body(utc_now(self._server.clock)))
        if not reply.is_ok:
            # As the app does: so a session that failed halfway is over.
            self._line.delete()
            self.outcome = Outcome(error=reply.code, message=reply.message)
            return
        self.outcome = Outcome(ProofStatus(reply.value["proofStatus"]))
        self._take_in(reply, lists)

    def _take_in(self, reply: AppReply, lists: Lists) -> None:
        for issued in reply.value.get("sigs", ()):
            self._wallet.receive(issued)
        if pointer := reply.value.get("nextSession"):
            again = tuple((tuple(pick.again() for pick in picks),) for picks in lists)
            self.next = ScannedSession(self._server, self._wallet, pointer["u"], again)


def _lacking(slot: int, disjunction: DisCon, chooser: Chooser) -> str:
    """Return why the app cannot answer a slot; no value is in it."""
    advice = "add a credential that does, or refuse"
    if otherwise := chooser.held_otherwise(disjunction):
        held = ", ".join(otherwise)
        return (
            f"slot {slot}: the app holds {held}, but with another value than the request "
            f"demands, or none: {advice}"
        )
    wanted = ", ".join(sorted({asked.type for con in disjunction for asked in con}))
    return f"slot {slot}: the app holds nothing that answers it ({wanted}): {advice}"


@final
@boundary
class SimulatedApp:
    """An app with its credentials, at one in-memory server.

    Args:
        server: The server; its scheme and clock are the app's too.
    """

    def __init__(self, server: InMemoryServer) -> None:
        given: object = server
        if not isinstance(given, InMemoryServer):
            raise ConfigurationError("server: must be an InMemoryServer")
        self._server = server
        self._wallet = Wallet(server.scheme)

    @property
    def credentials(self) -> tuple[HeldCredential, ...]:
        """What the app holds, the newest first."""
        return self._wallet.held()

    def add(
        self,
        credential_type: str,
        attributes: Mapping[str, str | None],
        *,
        issued_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> HeldCredential:
        """Put a credential into the app, as if it had been issued earlier.

        Args:
            credential_type: `scheme.issuer.credential`.
            attributes: Values by name. One that the scheme describes and that is left out, or
                None, has no value.
            issued_at: When, aware; now by default.
            expires_at: Until when it is valid, aware; half a year from now by default. Both are
                rounded down to a whole week since 1970, as in every IRMA credential.

        Returns:
            The credential. It takes the place of an older one if it is a singleton.

        Raises:
            ConfigurationError: The server's scheme has no such credential type or attribute.
            UsageError: An argument has another type, or a time is not aware.
        """
        check_string(credential_type, "credential_type")
        check_values(attributes)
        credential = self._wallet.make(
            credential_type,
            attributes,
            now=utc_now(self._server.clock),
            issued_at=None if issued_at is None else as_utc(issued_at, "issued_at"),
            expires_at=None if expires_at is None else as_utc(expires_at, "expires_at"),
        )
        self._wallet.add(credential)
        return credential

    def remove_all(self) -> None:
        """Delete every credential."""
        self._wallet.clear()

    def scan(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Connect to a session: as a person does who scans the QR or follows the link.

        Args:
            pointer: The session pointer, its JSON, or a link that holds it; a static session's
                too, which is started.

        Returns:
            What is asked, for the person to decide.

        Raises:
            AppError: It is no session pointer, or the server does not let the app in.
        """
        check_instance(
            pointer,
            (SessionPointer, Mapping, str),
            "pointer",
            "a SessionPointer, its JSON or a link",
        )
        url, is_static = read_pointer(pointer)
        if is_static:
            reply = AppLine(self._server, url).post("", {})
            if not reply.is_ok:
                raise AppError(f"the server refuses the app: {reply.code}", reply.code)
            url = reply.value["u"]
        return ScannedSession(self._server, self._wallet, url)

    def accept(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Scan, and agree to all; for `server.when_started(app.accept)`.

        Raises:
            AppError: As `scan` and `ScannedSession.accept`.
        """
        session = self.scan(pointer)
        session.accept()
        return session

    def refuse(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Scan, and say no; for `server.when_started(app.refuse)`.

        Raises:
            AppError: As `scan`.
        """
        session = self.scan(pointer)
        session.refuse()
        return session
