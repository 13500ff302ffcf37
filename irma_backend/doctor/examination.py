"""Access to everything that the checks examine: the settings, the server and trial sessions."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar, final
from urllib.parse import urlsplit

import attrs

from irma_backend.doctor.diagnoses import NotApplicableError
from irma_backend.parts import Parts
from irma_backend.settings import Settings
from irma_core import AttributeRequest, DisclosureRequest, ExtendedRequest, Requestor
from irma_core.errors import IrmaError
from irma_core.flows.context import RequestorContext
from irma_core.models.session_requests import SessionRequest, as_extended
from irma_core.models.sessions import StartedSession
from irma_core.models.urls import is_loopback
from irma_core.protocol.endpoints import build_health_request
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Transport, utc_now

__all__ = ["USUAL", "Examination", "Requests", "is_here", "origin_of"]

Requests = Mapping[str, SessionRequest | ExtendedRequest]
ValueT = TypeVar("ValueT")
USUAL: Final = DisclosureRequest([AttributeRequest("pbdf.sidn-pbdf.email.email")])
"""A request for an attribute that nearly every server knows."""
_USUAL_NAME: Final = "an e-mail address"


@final
class Examination:
    """Gives the checks access to the settings, the server, and trial sessions.

    Args:
        settings: The settings.
        parts: Opens parts with these settings and this transport.
        transport: Sends requests.
        requests: The session requests to try, by name; by default one for an e-mail address.
        static: The folder where the browser package should be, if it is known.
        promptness: The time within which an event must arrive.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        transport: Transport,
        requests: Requests,
        *,
        static: Path | None = None,
        promptness: timedelta = timedelta(seconds=1),
    ) -> None:
        self.settings = settings
        self.parts = parts
        self.transport = transport
        self.requests = requests or {_USUAL_NAME: USUAL}
        self.has_own_requests = bool(requests)
        self.static = static
        self.promptness = promptness
        self._refusals: dict[str, IrmaError | None] = {}

    @cached_property
    def requestor(self) -> Requestor:
        """The requestor that the settings describe.

        Raises:
            ConfigurationError: A setting is missing or invalid.
        """
        # The status backend in the settings is not opened, because the checks ask the server
        # itself.
        return self.parts.requestor(observer=None)

    @property
    def context(self) -> RequestorContext:
        """The checked settings that `requestor` uses to call the server."""
        return self.requestor.context

    @property
    def now(self) -> datetime:
        """The time on this machine's clock."""
        return utc_now(self.transport.clock)

    @cached_property
    def is_development(self) -> bool:
        """Whether the server and the website are both on this machine, as during development."""
        site = self.settings.web.url
        return is_here(self.context.server.text) and (site is None or is_here(site))

    @cached_property
    def site_origin(self) -> str:
        """The origin of the website's pages, or an example if the settings have no website URL."""
        return origin_of(self.settings.web.url or "https://website.example")

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request once, within the timeout in the settings.

        Raises:
            TransportError: The network failed.
        """
        return self.transport.send(request, self.context.try_deadline(self.context.deadline()))

    @cached_property
    def greeting(self) -> HttpResponse | IrmaError:
        """The server's response to a health check, or the error if there was no response.

        Raises:
            ConfigurationError: A setting is missing or invalid.
        """
        request = build_health_request(self.context.server)
        try:
            return self.send(request)
        except IrmaError as error:
            return error

    def need_server(self) -> None:
        """Check that the settings can be used and that a server answers at the URL.

        Raises:
            NotApplicableError: The settings cannot be used, or nothing answers.
        """
        try:
            greeting = self.greeting
        except IrmaError:
            raise NotApplicableError(
                "the settings cannot be used: see the check `settings`"
            ) from None
        if isinstance(greeting, IrmaError):
            raise NotApplicableError("the server cannot be reached: see the check `reachable`")

    def refusal(self, name: str) -> IrmaError | None:
        """Start and cancel a session for the request `name`. Return the error if this fails."""
        if name not in self._refusals:
            self._refusals[name] = None
            try:
                session = self._start(name)
            except IrmaError as error:
                self._refusals[name] = error
            else:
                self._cancel(session)
        return self._refusals[name]

    @contextmanager
    def session(self) -> Generator[StartedSession]:
        """Start a session for a `with` block, which cancels it at the end.

        Raises:
            NotApplicableError: The server does not start a session for any of the requests.
        """
        for name in self.requests:
            if self.refusal(name) is None:
                break
        else:
            raise NotApplicableError("no session can be started: see the check `permissions`")
        session = self._start(name)
        try:
            yield session
        finally:
            self._cancel(session)

    def _start(self, name: str) -> StartedSession:
        # The server must not report the trial session to the website, or continue it with another
        # session.
        request = attrs.evolve(
            as_extended(self.requests[name]), callback_url=None, next_session=None
        )
        return self.requestor.start_session(request)

    def _cancel(self, session: StartedSession) -> None:
        with suppress(IrmaError):  # the session will time out
            self.requestor.cancel_session(session)


def is_here(url: str) -> bool:
    """Return whether the host of a URL is this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
