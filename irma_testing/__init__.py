"""For test suites: an in-memory IRMA server, a simulated app, and scripted transports.

    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    server.when_started(app.accept)

    requestor = Requestor(server.url, server.transport())
    session = requestor.start_session(DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"}))
    answer = requestor.wait_for_answer(session, timeout=timedelta(minutes=1))

With pytest, fixtures such as `irma_server` and `irma_app` are available without an import: see
`irma_testing.pytest_plugin`.

The proofs are simulated, so they prove nothing. Each JWT from the server has a claim that says so.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irma_testing.applications import asgi, django, wsgi
    from irma_testing.browser_app import BrowserApp
    from irma_testing.logging_in import AsyncLogin, Login
    from irma_testing.memory.app import Outcome, ScannedSession, SimulatedApp
    from irma_testing.memory.app_client import AppError
    from irma_testing.memory.events import EventStream
    from irma_testing.memory.scheme import EXAMPLE_SCHEME, OPEN_SCHEME, CredentialType, Scheme
    from irma_testing.memory.server import InMemoryServer
    from irma_testing.memory.session_request import RequestedAttribute
    from irma_testing.memory.sessions import OpenSession
    from irma_testing.memory.settings import RequestorSettings, ServerSettings
    from irma_testing.memory.transports import AsyncInMemoryTransport, InMemoryTransport
    from irma_testing.memory.wallet import HeldCredential
    from irma_testing.people import make_person
    from irma_testing.scripted import AsyncScriptedTransport, ScriptedStream, ScriptedTransport
    from irma_testing.time import ManualClock
else:
    # These modules are loaded on first use. pytest imports this package, to find the plugin, in
    # every project where it is installed. If the in-memory server were imported too, pytest would
    # take half as long again to start.
    from importlib import import_module

    _ROOMS = {
        "applications": "asgi django wsgi",
        "browser_app": "BrowserApp",
        "logging_in": "AsyncLogin Login",
        "people": "make_person",
        "memory.app_client": "AppError",
        "memory.app": "Outcome ScannedSession SimulatedApp",
        "memory.events": "EventStream",
        "memory.scheme": "EXAMPLE_SCHEME OPEN_SCHEME CredentialType Scheme",
        "memory.server": "InMemoryServer",
        "memory.settings": "RequestorSettings ServerSettings",
        "memory.sessions": "OpenSession",
        "memory.session_request": "RequestedAttribute",
        "memory.transports": "AsyncInMemoryTransport InMemoryTransport",
        "memory.wallet": "HeldCredential",
        "scripted": "AsyncScriptedTransport ScriptedStream ScriptedTransport",
        "time": "ManualClock",
    }

    def __getattr__(name):
        for room, names in _ROOMS.items():
            if name in names.split():
                value = getattr(import_module(f"irma_testing.{room}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'irma_testing' has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "EXAMPLE_SCHEME",
    "OPEN_SCHEME",
    "AppError",
    "AsyncInMemoryTransport",
    "AsyncLogin",
    "AsyncScriptedTransport",
    "BrowserApp",
    "CredentialType",
    "EventStream",
    "HeldCredential",
    "InMemoryServer",
    "InMemoryTransport",
    "Login",
    "ManualClock",
    "OpenSession",
    "Outcome",
    "RequestedAttribute",
    "RequestorSettings",
    "ScannedSession",
    "Scheme",
    "ScriptedStream",
    "ScriptedTransport",
    "ServerSettings",
    "SimulatedApp",
    "asgi",
    "django",
    "make_person",
    "wsgi",
]
