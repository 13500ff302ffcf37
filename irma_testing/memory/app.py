"""An app without a screen: it holds credentials, and does what a test tells its user to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, final

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_instance, check_string
from irma_core.models.moments import as_utc
from irma_core.models.pointers import SessionPointer
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_testing.memory.app_line import AppError, AppLine, read_pointer
from irma_testing.memory.app_session import ScannedSession
from irma_testing.memory.server import InMemoryServer
from irma_testing.memory.wallet import HeldCredential, Wallet, check_values

__all__ = ["SimulatedApp"]


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
