"""Checks that start a session: authentication, permissions, results and events."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from irma_backend.doctor.diagnoses import Cause, NotApplicableError, Problem, cause_of
from irma_backend.doctor.examination import Examination
from irma_core.errors import (
    IrmaError,
    ResultJwtError,
    ServerRefusedError,
    SessionCancelledError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.endpoints import (
    build_status_events_request,
    is_event_stream,
    parse_status_event,
)
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.sse import EventStreamDecoder
from irma_core.protocol.transport import ByteStream, ReadOutcome
from irma_core.trust.authentication import NoAuthentication, TokenAuthentication
from irma_core.web.site_checks import Level

__all__ = ["check_authentication", "check_events", "check_key", "check_permissions"]

_UNAUTHORIZED, _INVALID_REQUEST = "UNAUTHORIZED", "INVALID_REQUEST"
_NOT_KNOWN: Final = (
    "request could not be authenticated",
    "Unknown requestor: ",
    "signature is invalid",
    "jwt too old",
    "token used before issued",
)
"""The first words of irmago's messages about a requestor that it does not accept."""
_FORBIDDEN: Final = 403
_PEM_FILE: Final = "irma-server.pem"


def check_authentication(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether the server knows the requestor."""
    refusals = [examination.refusal(name) for name in examination.requests]
    for error in refusals:
        if error is not None and _is_stranger(examination, error):
            yield Problem(
                id="authentication.refused",
                finding="The server does not accept this requestor's token, key or name",
                exactly=str(error),
                remedy="Compare the token, or the key and its name, with the server's setting "
                "`requestors`. `irma-backend config` shows where each of them comes from.",
                command="irma-backend config",
                cause=Cause.REFUSED,
            )
            return ""
    if not any(error is None or isinstance(error, ServerRefusedError) for error in refusals):
        raise NotApplicableError("no request was sent: see the check `permissions`")
    authentication = examination.context.authentication
    if isinstance(authentication, NoAuthentication):
        return "the server accepts requests without authentication"
    if isinstance(authentication, TokenAuthentication):
        return "the server accepts the token"
    return f"the server accepts the key of {authentication.name}"


def _is_stranger(examination: Examination, error: IrmaError) -> bool:
    if not isinstance(error, ServerRefusedError):
        return False
    if error.code == _INVALID_REQUEST or error.remote_message:
        return error.remote_message.startswith(_NOT_KNOWN)
    return error.code == _UNAUTHORIZED and _refuses_token(examination)


def _refuses_token(examination: Examination) -> bool:
    """Return whether the server refuses the token itself, before it reads a request."""
    context = examination.context
    if not isinstance(context.authentication, TokenAuthentication):
        return False
    authorization = ("authorization", context.authentication.reveal())
    response = examination.send(
        HttpRequest(
            "POST",
            context.server.join("session"),
            label="POST session",
            headers=(("content-type", "application/json"), authorization),
            body=b"{}",
        )
    )
    return response.status == _FORBIDDEN


def check_permissions(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether the server starts a session for each request."""
    started: list[str] = []
    for name in examination.requests:
        error = examination.refusal(name)
        if error is None:
            started.append(name)
            continue
        if _is_stranger(examination, error):
            raise NotApplicableError(
                "the server does not know this requestor: see the check `authentication`"
            )
        yield _refused(examination, name, error)
    return f"the server starts a session for {', '.join(started)}"


def _refused(examination: Examination, name: str, error: IrmaError) -> Problem:
    exactly = f"{name}: {error}"
    if not isinstance(error, ServerRefusedError):
        return Problem(
            id="permissions.failed",
            finding="No session can be started for a request",
            exactly=exactly,
            remedy="Change the request, or repeat the check if the network failed.",
            cause=cause_of(error),
        )
    if not examination.has_own_requests:
        remedy = (
            "Select a request for which this requestor may start a session: the check tried one "
        )
        remedy += "for an e-mail address."
        command = "irma-backend doctor permissions --request FILE"
    elif error.code == _UNAUTHORIZED:
        remedy = "Add what the request asks for to `disclose_perms`, `sign_perms` or `issue_perms` "
        remedy += "of this requestor, in the server's configuration."
        command = ""
    else:
        remedy, command = "Correct the request: the server rejects it.", ""
    return Problem(
        id="permissions.refused",
        level=Level.ERROR if examination.has_own_requests else Level.WARNING,
        finding="The server refuses to start a session for a request",
        exactly=exactly,
        remedy=remedy,
        command=command,
        cause=Cause.REFUSED,
    )


def check_key(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether the server's signed results match the configured key and issuer."""
    requestor = examination.requestor
    if not examination.context.takes_signed_results:
        try:
            requestor.get_public_key()
        except ServerRefusedError:
            return "the server signs no results, and none need to be signed"
        return "the server signs its results, but no key is configured to verify them"
    with examination.session() as session:
        requestor.cancel_session(session)
        try:
            requestor.get_answer(session)
        except SessionCancelledError:
            pass  # the server's signature is valid, and the session was cancelled
        except ResultJwtError as error:
            yield _unverified(error)
            return ""
        except ServerRefusedError as error:
            yield Problem(
                id="key.none",
                finding="Results must be signed, but the server does not sign them",
                exactly=str(error),
                remedy="Set `jwt_privkey_file` in the server's configuration, or leave `key_files` "
                "out of the settings.",
                cause=Cause.REFUSED,
            )
            return ""
    return "the configured key verifies the server's results"


def _unverified(error: ResultJwtError) -> Problem:
    match error.code:
        case "issuer":
            return Problem(
                id="key.issuer",
                finding="The issuer in the server's results is not the one in the settings",
                exactly=error.reason,
                remedy="Set `jwt_issuer` to the value of the server's own `jwt_issuer` setting.",
                command="irma-backend config",
            )
        case "simulated":
            return Problem(
                id="key.simulated",
                finding="The results come from a development server, so they prove nothing",
                exactly=error.reason,
                remedy="Call the official server. During development, allow simulated proofs.",
                command="irma-backend doctor key --allow simulated-proofs",
            )
        case "signature" | "weak_key":
            return Problem(
                id="key.refused",
                finding="The configured key does not verify the server's results",
                exactly=error.reason,
                remedy="Compare the configured key with the server's own, and replace it if it "
                "differs.",
                command=f"irma-backend public-key > {_PEM_FILE}",
            )
        case _:
            return Problem(
                id="key.invalid",
                finding="The server's signed results are not valid",
                exactly=f"{error.code}: {error.reason}",
                remedy="Check the clocks of both machines, and the server's URL.",
                command="irma-backend doctor clock",
                cause=Cause.NETWORK,
            )


def check_events(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether an event reports the end of a session immediately."""
    context, requestor = examination.context, examination.requestor
    clock, limit = examination.transport.clock, examination.promptness.total_seconds()
    with examination.session() as session:
        request = build_status_events_request(context.server, session.token)
        # The server sends the head of the response at once, and a first event after 200 ms. A proxy
        # that buffers whole responses delays both.
        try:
            stream = examination.transport.open_stream(request, clock.monotonic() + 2 * limit)
        except TransportTimeoutError as error:
            yield _buffered("no response began", error)
            return ""
        try:
            if stream.status == _FORBIDDEN:
                raise NotApplicableError(
                    "an app answered the session before this check could watch it"
                )
            if not is_event_stream(stream.status, stream.headers):
                yield Problem(
                    id="events.off",
                    level=Level.WARNING,
                    finding="The server sends no status events, so each wait polls every second",
                    exactly=f"HTTP {stream.status}",
                    remedy="Start the IRMA server with its option `sse`. A proxy in front of the "
                    "server must forward `session/TOKEN/statusevents`.",
                )
                return ""
            seen = _Statuses(stream)
            missing = "the first event"
            outcome = seen.read(clock.monotonic() + 2 * limit, until=None)
            if outcome is None:
                requestor.cancel_session(session)
                missing = "the end of a session"
                outcome = seen.read(clock.monotonic() + limit, until=SessionStatus.CANCELLED)
            if outcome is ReadOutcome.IDLE:
                yield _buffered(f"{missing} did not arrive")
                return ""
            if outcome is ReadOutcome.END:
                yield _broken(f"it ended before {missing}")
                return ""
        except (TransportError, UnexpectedResponseError) as error:
            yield _broken(str(error))
            return ""
        finally:
            stream.close()
    return "the end of a session arrived at once, as an event"


class _Statuses:
    """The statuses that arrive on an event stream."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._decoder = EventStreamDecoder()

    def read(self, deadline: float, *, until: SessionStatus | None) -> ReadOutcome | None:
        """Read until the status `until` arrives. With None, read until the first bytes arrive.

        Return None on success. If the stream ends or the deadline passes first, return the outcome
        of the last read.
        """
        while True:
            data = self._stream.read(deadline)
            if isinstance(data, ReadOutcome):
                return data
            statuses = [
                parse_status_event(event)
                for event in self._decoder.feed(data)
                if event.type == "message"
            ]
            if until is None or until in statuses:
                return None


def _broken(exactly: str) -> Problem:
    return Problem(
        id="events.broken",
        level=Level.WARNING,
        finding="The stream of status events breaks off, so each wait polls every second",
        exactly=exactly,
        remedy="Let the proxy keep connections open even if they are idle for a minute.",
        cause=Cause.NETWORK,
    )


def _buffered(exactly: str, error: IrmaError | None = None) -> Problem:
    return Problem(
        id="events.buffered",
        finding="A proxy holds status events back, so pages show each change too late",
        exactly=exactly if error is None else f"{exactly}: {error}",
        remedy="Switch buffering and compression off for `session/TOKEN/statusevents`: in nginx, "
        "`proxy_buffering off;` and `gzip off;`.",
        cause=Cause.NETWORK,
    )
