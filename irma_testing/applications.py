"""Deliver the in-memory server's posts to your own application, without a socket.

irma_server.deliver = wsgi(app)  # Flask, and any other WSGI application
irma_server.deliver = asgi(app)  # FastAPI, Starlette, and any other ASGI application
irma_server.deliver = django(client)  # Django's test client, or its asynchronous one
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from irma_core.errors import UsageError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.tracebacks import boundary

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["asgi", "django", "wsgi"]

_Message: TypeAlias = MutableMapping[str, Any]
AsgiApplication: TypeAlias = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[None],
]
_UNPREFIXED = ("content-type", "content-length")
_PORTS = {"http": 80, "https": 443}


class DjangoClient(Protocol):
    """The part of `django.test.Client` and `django.test.AsyncClient` that this module uses."""

    @property
    def request(self) -> Callable[..., Any]:
        """Sends a request; in the asynchronous client, this is a coroutine function."""
        ...

    @property
    def generic(self) -> Callable[..., Any]:
        """Makes and sends a request with any HTTP method."""
        ...


@boundary
def wsgi(app: WSGIApplication) -> Callable[[HttpRequest], HttpResponse]:
    """Return a function for `InMemoryServer.deliver` that calls a WSGI application.

    Args:
        app: The application, such as a `Flask` object.

    Returns:
        The function. It raises the application's exceptions, unless the framework turns them into a
        reply; to prevent this in Flask, set `TESTING`.

    Raises:
        UsageError: The application cannot be called.
    """
    _check_application(app)

    def deliver(request: HttpRequest) -> HttpResponse:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        chunks: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            if exc_info is not None and chunks:
                raise exc_info[1]
            started.append((status, headers))
            return chunks.append

        body = app(_environ(request), start_response)
        try:
            chunks.extend(body)
        finally:
            if callable(close := getattr(body, "close", None)):
                close()
        status, headers = started[-1]
        return HttpResponse(int(status[:3]), tuple(headers), body=b"".join(chunks))

    return deliver


@boundary
def asgi(app: AsgiApplication) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return a function for `InMemoryServer.deliver` that awaits an ASGI application.

    The in-memory server awaits the application on the event loop that last called the server, or on
    a new event loop if that loop is no longer running. The application receives no lifespan events.

    Args:
        app: The application, such as a `FastAPI` or `Starlette` object.

    Returns:
        The function. It raises the application's exceptions.

    Raises:
        UsageError: The application cannot be called.
    """
    _check_application(app)

    async def deliver(request: HttpRequest) -> HttpResponse:
        incoming: list[_Message] = [
            {"type": "http.request", "body": request.body or b"", "more_body": False}
        ]
        sent: list[_Message] = []

        async def receive() -> _Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: _Message) -> None:
            sent.append(message)

        await app(_scope(request), receive, send)
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in cast("Iterable[tuple[bytes, bytes]]", sent[0].get("headers", ()))
        )
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return HttpResponse(sent[0]["status"], headers, body=body)

    return deliver


@boundary
def django(client: DjangoClient) -> Callable[[HttpRequest], Any]:
    """Return a function for `InMemoryServer.deliver` that uses Django's test client.

    The host is `testserver`, as in the client's other requests.

    Args:
        client: A `django.test.Client` or `django.test.AsyncClient`. The function for an
            `AsyncClient` is a coroutine function.

    Returns:
        The function. It raises the view's exceptions, unless the client was made with
        `raise_request_exception=False`.

    Raises:
        UsageError: The argument is not a test client.
    """
    functions = getattr(client, "generic", None), getattr(client, "request", None)
    if isinstance(client, type) or not all(callable(each) for each in functions):
        raise UsageError("client: must be Django's test client, such as pytest-django's `client`")
    if not iscoroutinefunction(client.request):
        return lambda request: _django_reply(_send_to_django(client, request))

    async def deliver(request: HttpRequest) -> HttpResponse:
        return _django_reply(await _send_to_django(client, request))

    return deliver


def _check_application(app: object) -> None:
    if not callable(app) or isinstance(app, type):
        raise UsageError("app: must be a WSGI or ASGI application (a callable)")


def _headers(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the request's headers and those that an HTTP client would add."""
    added = [
        ("host", urlsplit(request.url).netloc.rpartition("@")[2]),
        ("content-length", str(len(request.body or b""))),
    ]
    return [*added, *((name, value) for name, value in request.headers)]


def _environ(request: HttpRequest) -> dict[str, Any]:
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(_port(parts)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _headers(request):
        prefix = "" if name in _UNPREFIXED else "HTTP_"
        environ[prefix + name.upper().replace("-", "_")] = value
    return environ


def _scope(request: HttpRequest) -> dict[str, Any]:
    parts = urlsplit(request.url)
    path = parts.path or "/"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers(request)
        ],
        "client": ("192.0.2.1", 443),  # the IRMA server, at an address reserved for documentation
        "server": (parts.hostname or "", _port(parts)),
    }


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _send_to_django(client: DjangoClient, request: HttpRequest) -> Any:
    parts = urlsplit(request.url)
    headers = dict(request.headers)
    content_type = headers.pop("content-type", "application/octet-stream")
    path = parts.path + ("?" + parts.query if parts.query else "")
    return client.generic(
        request.method,
        path,
        request.body or b"",
        content_type,
        secure=parts.scheme == "https",
        headers=headers,
    )


def _django_reply(response: Any) -> HttpResponse:
    content = b"".join(response) if response.streaming else response.content
    return HttpResponse(response.status_code, tuple(response.items()), body=content)
