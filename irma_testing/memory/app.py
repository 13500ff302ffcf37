"""A simulated app: it scans a session, and its user accepts, refuses or cheats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, final

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import (
    as_utc,
    check_flag,
    check_instance,
    check_optional,
    check_string,
)
from irma_core.models.pointers import SessionPointer
from irma_core.models.statuses import ProofStatus, SessionType
from irma_core.protocol.transport import Transport, utc_now
from irma_core.tracebacks import boundary
from irma_testing.arguments import check_choice, check_items, check_lists, check_mapping
from irma_testing.memory.app_client import (
    AppClient,
    AppError,
    AppReply,
    AppServer,
    read_pointer,
    understanding_reply,
)
from irma_testing.memory.app_proofs import AppMessage, with_expired_credentials, with_values
from irma_testing.memory.requests import read_static
from irma_testing.memory.server import InMemoryServer
from irma_testing.memory.session_request import ConDisCon, DisCon, StartRequest
from irma_testing.memory.wallet import Chooser, HeldCredential, Lists, Wallet, check_values

__all__ = ["Outcome", "ScannedSession", "SimulatedApp"]

_TAKEN = "UNEXPECTED_REQUEST"
_SIGNATURE_FLAWS = (ProofStatus.UNMATCHED_REQUEST, ProofStatus.INVALID_TIMESTAMP)


@final
@boundary
@attrs.frozen
class Outcome:
    """How the session ended for the app.

    Args:
        proof_status: The server's judgement of the proof; None if the server refused the message or
            the app sent none.
        error: The name of the server's error, or an empty string.
        message: The message in the server's error, which may be empty.
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
    """A session that the app shows its user; `SimulatedApp.scan` returns it.

    Attributes:
        url: The session pointer's URL.
        pairing_code: The code that the app shows, to be typed into the browser; None without
            pairing. The user's decision takes effect once the browser has completed pairing.
        outcome: How the session ended; None before the session ends.
        next: The next session of a chain, or None.
    """

    def __init__(
        self, server: AppServer, wallet: Wallet, url: str, repeats: ConDisCon = ()
    ) -> None:
        self._server = server
        self._wallet = wallet
        self._client = AppClient(server, url)
        self.url = url
        self._repeats = repeats
        self._request: Mapping[str, Any] | None = None
        self._parsed: StartRequest | None = None
        self._has_decided = False
        self.outcome: Outcome | None = None
        self.next: ScannedSession | None = None
        self.pairing_code: str | None = None
        self._connect()

    @property
    def is_paired(self) -> bool:
        """Whether the app may see the request, because pairing is completed or was not needed."""
        if self._request is None and self._client.get("/status").value == "CONNECTED":
            self._request = self._client.get("/request").value
        return self._request is not None

    @property
    def request(self) -> Mapping[str, Any]:
        """The session request in JSON.

        Raises:
            AppError: Pairing has not been completed.
        """
        if not self.is_paired or self._request is None:
            raise AppError("pairing is not complete: complete it in the browser first")
        return self._request

    @property
    def type(self) -> SessionType:
        """The type of the session."""
        return SessionType(self._parsed_request.kind)

    @property
    def disclose(self) -> ConDisCon:
        """The requested attributes. Each slot is a list of options, which list attributes."""
        return self._parsed_request.disclose

    @property
    def options(self) -> tuple[tuple[bool, ...], ...]:
        """For each option of each slot, whether the app can disclose the option."""
        chooser = self._chooser()
        return tuple(
            tuple(picks is not None for picks in chooser.options(disjunction))
            for disjunction in self._parsed_request.disclose
        )

    @property
    def can_accept(self) -> bool:
        """Whether the app can answer every slot, so that its user can accept."""
        return all(any(options) for options in self.options)

    def accept(self, choice: Mapping[int, int] | None = None, *, follow: bool = True) -> None:
        """Disclose the requested attributes, sign the message, or receive the credentials.

        Args:
            choice: Maps a slot's number to the number of the option to disclose. Both count from 0.
                For other slots the app discloses the first option that it can, using an expired
                credential only if it has no other. `optional()` adds an empty option at the end of
                a slot, so the app skips an optional slot only if it must. To skip slot 1, whose
                option 1 is empty, pass `{1: 1}`.
            follow: Whether to accept every chained session in the same way. If false, the next
                session is in `next`.

        Raises:
            AppError: The app cannot answer a slot, or its user has already decided.
        """
        chosen = {} if choice is None else check_choice(choice, "choice")
        check_flag(follow, "follow")
        self._decide(lambda: self._accept(chosen, follow=follow))

    def answer(self) -> None:
        """Act as an honest user: accept if the app can answer every slot, and otherwise refuse.

        The app does not disclose expired credentials. It answers the later sessions of a chain
        in the same way.

        Raises:
            AppError: The user has already decided.
        """
        self._decide(self._answer)

    def refuse(self) -> None:
        """Refuse the session. The server does not learn whether the user lacked attributes.

        Raises:
            AppError: The user has already decided.
        """
        self._check_undecided()
        self._client.delete()
        self.outcome = Outcome()

    def lose_connection(self) -> None:
        """Send nothing more to the server, so that the session times out.

        Raises:
            AppError: The user has already decided.
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
        """Answer dishonestly. The app makes up attributes that it does not hold.

        Args:
            flaw: The proof status to cause: `INVALID`, `MISSING_ATTRIBUTES` or `EXPIRED`, and in a
                signature session also `UNMATCHED_REQUEST` or `INVALID_TIMESTAMP`.
            send: The attributes to disclose for each slot, instead of the requested ones.
            values: Values to disclose instead of those in the app, by the attribute's identifier;
                None for no value.
            extra: Attributes to disclose that were not requested.

        Raises:
            AppError: The proof in this session cannot have this flaw, or the user has already
                decided.
        """
        check_optional(flaw, ProofStatus, "flaw", "a ProofStatus")
        slots = None if send is None else check_lists(send, "send")
        if values is not None:
            check_mapping(values, (str, type(None)), "values", "strings or None")
        more = check_items(extra, str, "extra", "strings")
        self._decide(lambda: self._cheat(flaw, slots, values or {}, more))

    @property
    def _parsed_request(self) -> StartRequest:
        if self._parsed is None:
            request = self.request
            with understanding_reply():
                self._parsed = read_static(request)
        return self._parsed

    def _connect(self) -> None:
        reply = self._client.get()
        if not reply.is_ok:
            raise AppError(f"the server refused the app: {_explained(reply.code)}", reply.code)
        with understanding_reply():
            self._request = reply.value.get("request")
            self.pairing_code = reply.value["options"].get("pairingCode")

    def _chooser(self) -> Chooser:
        return Chooser(
            self._wallet, self._parsed_request, utc_now(self._server.clock), self._server.is_revoked
        )

    def _check_undecided(self) -> None:
        if self._has_decided:
            raise AppError("the user has already decided")
        self._has_decided = True

    def _decide(self, decision: Callable[[], None]) -> None:
        if not self.is_paired:
            self._check_undecided()
            self._server.after(timedelta(0), lambda: self._when_paired(decision))
            return
        decision()

    def _when_paired(self, decision: Callable[[], None]) -> None:
        if self.is_paired:
            self._has_decided = False
            decision()
        elif self._client.get("/status").value == "PAIRING":
            self._server.after(timedelta(0), lambda: self._when_paired(decision))
        else:
            self.outcome = Outcome(error="SESSION_UNKNOWN")

    def _accept(self, choice: Mapping[int, int], *, follow: bool) -> None:
        lists = self._choose(choice)
        self._send(lists, AppMessage(self._parsed_request, self.request["nonce"], lists))
        if follow and self.next is not None:
            self.next.accept()

    def _answer(self) -> None:
        chooser = self._chooser()
        slots = self._parsed_request.disclose
        if any(chooser.option_for(slot, may_expire=False) is None for slot in slots):
            self.refuse()
            return
        self._accept({}, follow=False)
        if self.next is not None:
            self.next.answer()

    def _choose(self, choice: Mapping[int, int]) -> Lists:
        chooser = self._chooser()
        lists: Lists = ()
        for number, disjunction in enumerate((*self._parsed_request.disclose, *self._repeats)):
            options = chooser.options(disjunction)
            index = choice.get(number, chooser.option_for(disjunction))
            picks = options[index] if index is not None and index < len(options) else None
            if picks is None:
                raise AppError(_missing_reason(number, disjunction, chooser))
            lists = (*lists, picks)
        return lists

    def _cheat(
        self,
        flaw: ProofStatus | None,
        send: Sequence[Sequence[str]] | None,
        values: Mapping[str, str | None],
        extra: Sequence[str],
    ) -> None:
        if flaw is ProofStatus.VALID or (
            flaw in _SIGNATURE_FLAWS and self._parsed_request.kind != "signing"
        ):
            raise AppError(
                f"flaw: {flaw} is not possible in this {self._parsed_request.kind} session"
            )
        chooser = self._chooser()
        condiscon = (*self._parsed_request.disclose, *self._repeats)
        if send is None:
            lists = chooser.pretend(condiscon)
        else:
            lists = tuple(chooser.take(identifiers) for identifiers in send)
        lists = with_values(lists, values)
        if flaw is ProofStatus.EXPIRED:
            lists = with_expired_credentials(lists, utc_now(self._server.clock))
        more = chooser.take(extra)
        self._send(
            lists, AppMessage(self._parsed_request, self.request["nonce"], lists, more, flaw)
        )

    def _send(self, lists: Lists, message: AppMessage) -> None:
        self._check_undecided()
        reply = self._client.post(message.path, message.body(utc_now(self._server.clock)))
        if not reply.is_ok:
            # The real app does this too, so that a session that fails halfway also ends.
            self._client.delete()
            self.outcome = Outcome(error=reply.code, message=reply.message)
            return
        with understanding_reply():
            self.outcome = Outcome(ProofStatus(reply.value["proofStatus"]))
            self._receive(reply, lists)

    def _receive(self, reply: AppReply, lists: Lists) -> None:
        for issued in reply.value.get("sigs", ()):
            self._wallet.receive(issued)
        if pointer := reply.value.get("nextSession"):
            repeats = tuple((tuple(pick.repeat() for pick in picks),) for picks in lists)
            self.next = ScannedSession(self._server, self._wallet, pointer["u"], repeats)


def _explained(code: str) -> str:
    """Return a description of the error that a connecting app received, with its usual cause."""
    if code == _TAKEN:
        return f"{code}, because another app has scanned the session, or it has ended"
    return code


def _missing_reason(slot: int, disjunction: DisCon, chooser: Chooser) -> str:
    """Return why the app cannot answer a slot, without showing a value."""
    name = f"slot {slot}{_label(slot, chooser.request)}"
    advice = "add a matching credential, or refuse"
    if mismatches := chooser.mismatched_attributes(disjunction):
        held = ", ".join(mismatches)
        return (
            f"{name}: the app holds {held}, but not with a value that the request accepts; {advice}"
        )
    requested = ", ".join(sorted({attribute.type for con in disjunction for attribute in con}))
    return f"{name}: the app holds no credential for it ({requested}); {advice}"


def _label(slot: int, request: StartRequest) -> str:
    """Return a slot's label in parentheses, or an empty string if it has no English label."""
    label = (request.app_json.get("labels") or {}).get(str(slot)) or {}
    return f" ({label['en']})" if label.get("en") else ""


@final
@boundary
class SimulatedApp:
    """A simulated app with its credentials. It uses an in-memory server; see `at` for a remote one.

    Args:
        server: The server, whose scheme and clock the app shares.
    """

    def __init__(self, server: InMemoryServer) -> None:
        value: object = server
        if not isinstance(value, InMemoryServer):
            raise ConfigurationError(
                "server: must be an InMemoryServer; for a development server in another process "
                "use SimulatedApp.at(url)"
            )
        self._use(server)

    @classmethod
    def at(cls, url: str, transport: Transport | None = None) -> SimulatedApp:
        """Return an app without credentials, for a development server in another process.

        The app can answer only that server's sessions. If the session needs pairing, `accept` and
        the other decisions wait up to five minutes for the browser to complete it. The app does not
        learn of revocations.

        Args:
            url: The base URL of the server, as `irma-backend dev-server` prints it.
            transport: Sends the app's requests; by default a new `Urllib3Transport`.

        Raises:
            AppError: The program at this URL is not a development server.
            IrmaError: The transport failed; see `Transport.send`.
            UsageError: An argument has the wrong type.
        """
        # Imported here so that an asyncio application does not load the urllib3 transport.
        from irma_testing.remote_server import RemoteServer  # noqa: PLC0415

        app = cls.__new__(cls)
        app._use(RemoteServer(url, transport))  # noqa: SLF001  # its own class
        return app

    def _use(self, server: AppServer) -> None:
        self._server = server
        self._wallet = Wallet(server.scheme)

    @property
    def credentials(self) -> tuple[HeldCredential, ...]:
        """The credentials in the app, newest first."""
        return self._wallet.credentials()

    def add(
        self,
        credential_type: str,
        attributes: Mapping[str, str | None],
        *,
        issued_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> HeldCredential:
        """Add a credential to the app, as if it had been issued earlier.

        Args:
            credential_type: `scheme.issuer.credential`.
            attributes: Values by name. An attribute that is omitted or None is issued without a
                value.
            issued_at: The time of issuance, an aware time; now by default.
            expires_at: The time of expiry, an aware time; half a year from now by default. Both
                times are rounded down to a whole week since 1970, as in every IRMA credential.

        Returns:
            The credential. If its type is a singleton, it replaces an older one of that type.

        Raises:
            ConfigurationError: The server's scheme has no such credential type or attribute.
            UsageError: An argument has the wrong type, or a time is not aware.
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
        """Connect to a session, as when a user scans the QR code or follows the link.

        Args:
            pointer: The session pointer, its JSON, or a link that contains it. The pointer of a
                static session starts a session.

        Returns:
            The session, which now waits for the user's decision.

        Raises:
            AppError: The argument is not a session pointer, or the server refused the app.
        """
        check_instance(
            pointer,
            (SessionPointer, Mapping, str),
            "pointer",
            "a SessionPointer, its JSON or a link",
        )
        url, is_static = read_pointer(pointer)
        if is_static:
            reply = AppClient(self._server, url).post("", {})
            if not reply.is_ok:
                raise AppError(f"the server refused the app: {reply.code}", reply.code)
            url = reply.value["u"]
        return ScannedSession(self._server, self._wallet, url)

    def accept(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Scan a session pointer and accept, as in `server.when_started(app.accept)`.

        Raises:
            AppError: As for `scan` and `ScannedSession.accept`.
        """
        session = self.scan(pointer)
        session.accept()
        return session

    def answer(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Scan a session pointer and answer honestly, as in `server.when_started(app.answer)`.

        Raises:
            AppError: As for `scan`.
        """
        session = self.scan(pointer)
        session.answer()
        return session

    def refuse(self, pointer: SessionPointer | Mapping[str, Any] | str) -> ScannedSession:
        """Scan a session pointer and refuse, as in `server.when_started(app.refuse)`.

        Raises:
            AppError: As for `scan`.
        """
        session = self.scan(pointer)
        session.refuse()
        return session
