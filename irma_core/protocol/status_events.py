"""The one endpoint whose response is a stream: a session's changes of status, as they come.

Belongs here: its request, whether a response is that stream, and what an event says. Does not
belong here: bytes to events (`sse`), when to subscribe (`flows.watch`). Source: irmago
`serverSentEventsHandler`.
"""

from __future__ import annotations

from irma_core.errors import UnexpectedResponseError
from irma_core.models.json_text import JsonTextError, read_json
from irma_core.models.reading import WireError
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.models.wire import read_as
from irma_core.protocol.addresses import ServerUrl
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.replies import media_type
from irma_core.protocol.sse import ServerSentEvent
from irma_core.tracebacks import boundary

__all__ = ["build_status_events_request", "is_event_stream", "parse_status_event"]

_STATUS_EVENTS = "GET session/{token}/statusevents"
_EVENT_STREAM = "text/event-stream"
_OK = 200


@boundary
def build_status_events_request(server: ServerUrl, token: RequestorToken) -> HttpRequest:
    """Ask for a session's changes of status.

    Where `is_event_stream` says no to the response, there are no events to be had: poll.
    """
    url = server.below(f"session/{token.reveal()}/statusevents")
    return HttpRequest("GET", url, path=_STATUS_EVENTS, headers=(("accept", _EVENT_STREAM),))


@boundary
def is_event_stream(status: int, headers: tuple[tuple[str, str], ...]) -> bool:
    """Tell by a response's head whether it is the stream that was asked for."""
    return status == _OK and media_type(HttpResponse(status, headers)) == _EVENT_STREAM


@boundary
def parse_status_event(event: ServerSentEvent) -> SessionStatus:
    """Parse what one event of that stream says.

    Raises:
        UnexpectedResponseError: It says no status.
    """
    try:
        return read_as(read_json(event.data), SessionStatus)
    except (JsonTextError, WireError):
        raise UnexpectedResponseError(_STATUS_EVENTS, _OK, "with an event that is none") from None
