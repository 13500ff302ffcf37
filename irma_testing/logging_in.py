"""Log a test client in as a browser and an app would: start, answer and finish a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, Final, final

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance, check_optional, check_string
from irma_core.tracebacks import boundary
from irma_testing.memory.app import SimulatedApp
from irma_testing.memory.app_client import AppError
from irma_testing.memory.server import InMemoryServer
from irma_testing.people import make_person

__all__ = ["AsyncLogin", "Login"]

_OK: Final = 200
_JSON: Final = "application/json"
_PREFIX: Final = "/irma"


def _post(client: Any, path: str, fields: Mapping[str, object]) -> Any:
    """Post JSON with the test client of any framework; an asynchronous client returns an awaitable.

    The browser's cookie is `Secure`, so every post is made over HTTPS.

    Raises:
        UsageError: The argument is not a test client.
    """
    body = json.dumps(fields).encode()
    if callable(getattr(client, "generic", None)):
        return client.post(path, body, content_type=_JSON, secure=True)  # Django
    if hasattr(client, "application"):
        return client.post(path, data=body, content_type=_JSON, url_scheme="https")  # Flask
    base_url = getattr(client, "base_url", None)
    if not getattr(base_url, "host", ""):
        raise UsageError(
            "client: must be a test client of Django, Flask or Starlette, or an httpx client with "
            "a base_url"
        )
    url = str(client.base_url.copy_with(scheme="https")).rstrip("/") + path
    return client.post(url, content=body, headers={"content-type": _JSON})  # Starlette, httpx


def _read(step: str, response: Any) -> dict[str, Any]:
    """Return the JSON of a reply.

    Raises:
        AppError: The reply is an error.
    """
    status = response.status_code
    body = response.content if hasattr(response, "content") else response.data
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if status == _OK and isinstance(value, dict):
        return value
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        raise AppError(
            f"{step}: the status is {status}, and the reply is not from the application's IRMA "
            "endpoints"
        )
    raise AppError(f"{step}: {status} {error['code']}: {error['message']}", str(error["code"]))


@boundary
class _LoginBase:
    def __init__(self, server: InMemoryServer) -> None:
        self._server = check_instance(server, InMemoryServer, "server", "an InMemoryServer")

    def _person(self, person: SimulatedApp | None, email: str | None) -> SimulatedApp:
        check_optional(person, SimulatedApp, "person", "a SimulatedApp, such as irma_person()")
        if person is not None and email is not None:
            raise UsageError(
                "email: must be left out if person is set, because that person's app already has "
                "an e-mail address"
            )
        return person or make_person(self._server, email=email)


def _check(name: str, prefix: str, next_url: str | None) -> None:
    check_string(name, "name")
    check_string(prefix, "prefix")
    check_optional(next_url, str, "next_url", "a string")


@final
@boundary
class Login(_LoginBase):
    """Logs test clients in to your website. The fixture `irma_login` returns a `Login`."""

    def __call__(
        self,
        client: Any,
        name: str = "login",
        *,
        person: SimulatedApp | None = None,
        email: str | None = None,
        prefix: str = _PREFIX,
        next_url: str | None = None,
    ) -> str | None:
        """Start a session, let a person answer it, and finish it.

        Args:
            client: The test client of Django, Flask or Starlette. Afterwards, it holds the cookies
                of the login.
            name: The name of the question.
            person: The app of the person, who answers honestly; `irma_person("adult")` by default.
            email: The e-mail address of the person, if `person` is not given.
            prefix: The path of the website's IRMA pages.
            next_url: The page to go to next.

        Returns:
            The page to go to next, or None.

        Raises:
            AppError: The website refuses the person. `code` is the reason; it is `cancelled` if the
                person lacks the requested attributes.
            UsageError: An argument has the wrong type.
        """
        _check(name, prefix, next_url)
        answering = self._person(person, email)
        response = _post(client, f"{prefix}/start/{name}", {})
        if isawaitable(response):
            _close(response)
            raise UsageError("client: is asynchronous, so await irma_async_login instead")
        started = _read("start", response)
        answering.answer(started["sessionPtr"])
        fields = {"handle": started["handle"], "next": next_url}
        finished = _read("finish", _post(client, f"{prefix}/finish/{name}", fields))
        next_page: str | None = finished["next"]
        return next_page


@final
@boundary
class AsyncLogin(_LoginBase):
    """Like `Login`, but for asynchronous test clients. See the fixture `irma_async_login`."""

    async def __call__(
        self,
        client: Any,
        name: str = "login",
        *,
        person: SimulatedApp | None = None,
        email: str | None = None,
        prefix: str = _PREFIX,
        next_url: str | None = None,
    ) -> str | None:
        """Start a session, let a person answer it, and finish it; see `Login.__call__`."""
        _check(name, prefix, next_url)
        answering = self._person(person, email)
        response = _post(client, f"{prefix}/start/{name}", {})
        if not isawaitable(response):
            raise UsageError("client: is not asynchronous, so call irma_login instead")
        started = _read("start", await response)
        await self._server.run(answering.answer, started["sessionPtr"])
        fields = {"handle": started["handle"], "next": next_url}
        finished = _read("finish", await _post(client, f"{prefix}/finish/{name}", fields))
        next_page: str | None = finished["next"]
        return next_page


def _close(awaitable: object) -> None:
    if callable(close := getattr(awaitable, "close", None)):
        close()  # otherwise Python warns that the coroutine was never awaited
