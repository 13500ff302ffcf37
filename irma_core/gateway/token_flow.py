"""Send each call through a gateway with a token, and replace a token that the gateway refuses.

A requestor's flow runs inside the gateway's flow, which adds a token to each request for the IRMA
server.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias, TypeVar, final

from irma_core.errors import (
    ConfigurationError,
    DeadlineError,
    GatewayError,
    SigningError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import CloseStream, Flow, OpenStream, Send, sign
from irma_core.flows.own_calls import OwnCall, add_headers, replace_own_calls_flow
from irma_core.flows.single_flight import CachedValue, SingleFlight, fetch_once_flow
from irma_core.gateway.gateway_settings import (
    GatewayAssertion,
    GatewayAuthentication,
    token_form,
    unsigned_assertion,
)
from irma_core.gateway.refusals import Refusals
from irma_core.gateway.token_endpoint import build_token_request, parse_token_response
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.part_checks import check_signer
from irma_core.protocol.server_url import checked_token_url
from irma_core.protocol.transport import utc_now
from irma_core.trust.authentication import TokenAuthentication
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["Gateway"]

ReturnT = TypeVar("ReturnT")
Settings: TypeAlias = GatewayAuthentication[Signer | AsyncSigner]
_UNAUTHORIZED: Final = 401
_MARGIN, _MARGIN_SHARE = 30.0, 0.1
"""A token is replaced 30 seconds before it expires, or, if its lifetime is short, when only a tenth
of the lifetime is left."""
_TOKENS_PER_CALL = 2
_JTI_PARTS = 4


@final
class Gateway:
    """The gateway of one requestor: its settings, the cached token, and recent refusals.

    Args:
        settings: The gateway's settings.
        context: The requestor's context.

    Raises:
        ConfigurationError: The settings do not fit the requestor: the token URL is unsafe, the
            header is already in use, or the signer is async and the requestor is not.
    """

    def __init__(self, settings: Settings, context: RequestorContext) -> None:
        _check_settings(settings, context)
        self._settings = settings
        self._context = context
        self._token = SingleFlight()
        self._refusals = Refusals()

    def through(self, flow: Flow[ReturnT]) -> Flow[ReturnT]:
        """Return a flow that runs `flow` and adds a token to each call to the server's base URL."""
        return replace_own_calls_flow(flow, self._send_flow)

    def _send_flow(self, call: OwnCall) -> Flow[Any]:
        """Send a call with a token; repeat it with a new token if the gateway refuses the first.

        An IRMA server never responds with 401. So a call that is refused with 401 has not reached
        the IRMA server, and even a call that starts a session is safe to repeat. A refused token is
        forgotten at once, so that a later call fetches a new one even if this call cannot.
        """
        clock, refusals = self._context.clock, self._refusals
        for _ in range(_TOKENS_PER_CALL):
            if not self._may_have_token():
                break
            token = yield from self._token_flow(call.deadline)
            header = (self._settings.header.lower(), f"Bearer {token.text}")
            answer = yield add_headers(call, (header,))
            if answer.status != _UNAUTHORIZED:
                refusals.note_token_accepted()
                return answer
            if isinstance(call, OpenStream):
                yield CloseStream(answer)
            self._token.forget(token)
            refusals.note_token_refused(clock.monotonic(), is_replacement=token.is_refresh)
        raise GatewayError(
            "the gateway refuses every token that its authorization server issues: check that the "
            "gateway accepts tokens for this client and scope, in this header",
            http_status=_UNAUTHORIZED,
            may_pass=not refusals.has_lasted(clock.monotonic()),
            label=call.request.label,
        )

    def _may_have_token(self) -> bool:
        """Return whether a token is cached, or may be fetched."""
        now = self._context.clock.monotonic()
        return self._token.fresh(now) is not None or self._refusals.may_replace(now)

    def _token_flow(self, deadline: float) -> Flow[CachedValue]:
        """Return the cached token, or fetch a token.

        If no token can be fetched, an error is raised before the call is sent to the IRMA server.
        """
        clock = self._context.clock
        try:
            return (
                yield from fetch_once_flow(
                    self._token, clock, lambda: self._fetch_flow(deadline), deadline
                )
            )
        except DeadlineError as error:
            reason = "the gateway's authorization server issued no token in time"
            raise GatewayError(reason, may_pass=True) from error

    def _fetch_flow(self, deadline: float) -> Flow[CachedValue]:
        """Request a token from the authorization server, unless it asked for a pause."""
        context, refusals = self._context, self._refusals
        requested_at = context.clock.monotonic()
        if pause := refusals.pause(requested_at):
            reason = "the gateway's authorization server asked for a pause between token requests"
            raise GatewayError(reason, may_pass=True, retry_after=pause)
        is_replacement = refusals.is_token_refused
        request = yield from self._request_flow(deadline)
        try:
            response = yield from Send(request, deadline)
            token, seconds = parse_token_response(response, utc_now(context.clock))
        except GatewayError as error:
            now = context.clock.monotonic()
            refusals.note_request_failed(now, error.retry_after)
            error.may_pass = error.may_pass or refusals.may_pass(now)
            raise
        except TransportError as error:
            if isinstance(error, TransportTimeoutError) and context.seconds_left(deadline) <= 0:
                # This call had too little time left. Other calls that wait for the same token may
                # have more.
                reason = "the deadline passed while a token was being fetched"
                raise DeadlineError(reason) from error
            refusals.note_request_failed(context.clock.monotonic(), 0.0)
            reason = f"the request to the gateway's authorization server failed: {error.reason}"
            raise GatewayError(reason, may_pass=True) from error
        life = math.inf if seconds is None else seconds - min(_MARGIN, seconds * _MARGIN_SHARE)
        return CachedValue(token, until=requested_at + life, is_refresh=is_replacement)

    def _request_flow(self, deadline: float) -> Flow[HttpRequest]:
        """Return a token request, with a signed assertion if the credentials have a signer."""
        context, settings = self._context, self._settings
        assertion = None
        jti = "".join(f"{int(context.jitter() * 2**32):08x}" for _ in range(_JTI_PARTS))
        to_sign = unsigned_assertion(settings, now=utc_now(context.clock), jti=jti)
        if to_sign is not None:
            signer, unsigned = to_sign
            try:
                signature = yield from sign(signer, unsigned.signing_input, deadline)
            except SigningError as error:
                if context.seconds_left(deadline) <= 0:
                    reason = "the deadline passed while the signer was signing"
                    raise DeadlineError(reason) from error
                raise
            assertion = unsigned.signed(signature)
        return build_token_request(settings.token_url, *token_form(settings, assertion))


def _check_settings(settings: object, context: RequestorContext) -> None:
    if not isinstance(settings, GatewayAuthentication):
        raise ConfigurationError("gateway must be a GatewayAuthentication")
    if isinstance(settings.credentials, GatewayAssertion):
        check_signer(settings.credentials.signer, "gateway", is_async=context.is_async)
    checked_token_url(settings.token_url, allow=context.allow, is_proxied=context.is_proxied)
    header = settings.header.lower()
    if isinstance(context.authentication, TokenAuthentication) and header == "authorization":
        raise ConfigurationError(
            "gateway: the Authorization header holds the IRMA server's token; use another header"
        )
    if header in dict(context.headers):
        raise ConfigurationError("headers: must not set the header that holds the gateway's token")
