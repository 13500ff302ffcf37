"""The doors of the web adapters, their pages and the Redis parts; see `doors`.

An adapter checks some arguments when an application starts, so its door also starts one.
"""
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false
# These tests need values of any type.

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask import Flask
from starlette.requests import Request

import irma_redis
import irma_web
import irma_web_flask
import irma_web_starlette
from irma_core import Risk, SessionStatus, WebAnswer
from irma_core.interfaces import PublishedEnd
from tests.front.doors import ASKED, KEY, TOKEN, Door, World, public_callables_of

__all__ = ["ADAPTER_DOORS", "adapter_callables"]

SITE = "https://shop.example"
REDIS = "redis://127.0.0.1:1/0"
"""The URI of a Redis that does not exist."""
QUESTIONS: dict[str, Any] = {"age": ASKED}
AN_HOUR = timedelta(hours=1)
_FOLDER: Final = TemporaryDirectory()
"""The folder where Flask makes a store if none is set; it is removed at the end."""


def _keep(done: WebAnswer) -> None:
    """Do nothing with an answer."""


def _nothing(_: object) -> None:
    """Do nothing with an outcome, or choose no next session."""


def _flask_config(world: World) -> dict[str, Any]:
    return {
        "IRMA_SETTINGS": None,
        "IRMA_SERVER": world.server.url,
        "IRMA_TOKEN": "a-token-of-the-shop",
        "IRMA_SERVER_KEY": world.server.public_key_pem,
        "IRMA_CONNECT": {"transport": world.transport(), "allow": {Risk.SIMULATED_PROOFS}},
        "IRMA_STORE": world.store,
        "IRMA_URL": SITE,
        "IRMA_ORIGINS": ["https://app.example"],
        "IRMA_LIFETIME": timedelta(minutes=5),
        "IRMA_PLAIN_COOKIE": False,
        "IRMA_SEALING_KEYS": [KEY],
        "IRMA_BROWSER_PACKAGE": "yivi.js",
    }


def _flask_app(config: dict[str, Any]) -> Flask:
    app = Flask("shop", instance_path=_FOLDER.name)
    app.config.update(SECRET_KEY="a-secret-key-of-forty-characters-or-more", **config)
    return app


def _flask_door(world: World) -> tuple[Callable[..., Any], dict[str, Any]]:
    def make(**arguments: Any) -> None:
        irma = irma_web_flask.Irma(**arguments)
        if arguments["app"] is not None:
            with arguments["app"].test_request_context("/"):
                irma.proof("age")

    pages = {"deliver": _nothing, "choose": _nothing, "url_prefix": "/irma"}
    return make, {
        "app": _flask_app(_flask_config(world)),
        "questions": QUESTIONS,
        **pages,
    }


def _flask_settings(world: World) -> tuple[Callable[..., Any], dict[str, Any]]:
    def make(**config: Any) -> None:
        app = _flask_app(config)
        irma = irma_web_flask.Irma(app, questions=QUESTIONS)
        with app.test_request_context("/"):
            irma.proof("age")

    return make, _flask_config(world)


def _flask_method(method: str, **arguments: Any) -> Door:
    def made(world: World) -> tuple[Callable[..., Any], dict[str, Any]]:
        app = _flask_app(_flask_config(world))
        irma = irma_web_flask.Irma(None if method == "init_app" else app, questions=QUESTIONS)

        def call(**given: Any) -> None:
            with app.test_request_context("/"):
                result = getattr(irma, method)(**given)
                if method == "on_answer":
                    result(_keep)

        given = {each: app if each == "app" else value for each, value in arguments.items()}
        return call, given

    return Door(f"flask.Irma.{method}", made)


def _starlette_arguments(world: World) -> dict[str, Any]:
    return {
        "server": world.server.url,
        "questions": QUESTIONS,
        "settings": None,
        "keys": [KEY],
        "store": world.async_store,
        "url": SITE,
        "deliver": _nothing,
        "choose": _nothing,
        "prefix": "/irma",
        "lifetime": timedelta(minutes=5),
        "origins": ["https://app.example"],
        "plain_cookie": False,
        "browser_package": "yivi.js",
    }


def _starlette_irma(world: World, arguments: dict[str, Any]) -> irma_web_starlette.Irma:
    return irma_web_starlette.Irma(
        **arguments,
        transport=world.async_transport(),
        server_key=world.server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )


def _starlette_door(world: World) -> tuple[Callable[..., Any], dict[str, Any]]:
    async def make(**arguments: Any) -> None:
        irma = _starlette_irma(world, arguments)
        async with irma.lifespan():
            assert irma.routes

    return make, _starlette_arguments(world)


def _starlette_method(method: str, **arguments: Any) -> Door:
    def made(world: World) -> tuple[Callable[..., Any], dict[str, Any]]:
        irma = _starlette_irma(world, _starlette_arguments(world))
        scope = {"type": "http", "path": "/", "headers": [], "query_string": b"", "session": {}}
        given = {"request": Request(scope), **arguments} if "request" in arguments else arguments

        async def call(**given: Any) -> None:
            async with irma.lifespan():
                result = getattr(irma, method)(**given)
                if method == "on_answer":
                    result(_keep)

        return call, {**given, **({"request": Request(scope)} if "request" in given else {})}

    return Door(f"starlette.Irma.{method}", made)


def _redis_method(kind: Any, name: str, arguments: dict[str, Any]) -> Door:
    def made(_: World) -> tuple[Callable[..., Any], dict[str, Any]]:
        async def call(**given: Any) -> Any:
            part = kind(REDIS)  # an async transport belongs to an event loop
            result = getattr(part, name)(**given)
            return await result if inspect.isawaitable(result) else result

        return (lambda **given: asyncio.run(call(**given))), arguments

    return Door(f"{kind.__name__}.{name}", made)


def _redis() -> Iterator[Door]:
    entry = {"key": "k", "value": b"v", "lifetime": AN_HOUR}
    end = {"token": TOKEN, "end": PublishedEnd(SessionStatus.DONE, None)}
    for prefix in ("", "Async"):
        store, status = (
            getattr(irma_redis, f"{prefix}RedisStore"),
            getattr(irma_redis, f"{prefix}RedisStatusBackend"),
        )
        for kind in (store, status):
            yield Door(
                kind.__name__, lambda _, kind=kind: (kind, {"uri": REDIS, "password": "a-password"})
            )
        yield _redis_method(store, "put_if_absent", entry)
        yield _redis_method(store, "get", {"key": "k"})
        yield _redis_method(store, "delete", {"key": "k"})
        yield _redis_method(status, "publish", end)
        yield _redis_method(status, "wait", {"token": TOKEN, "timeout": timedelta(0)})


def _pages() -> Iterator[Door]:
    page = {
        "prefix": "/irma/",
        "name": "age",
        "language": "en",
        "next_url": "/next",
        "csrf_header": "X-CSRF",
        "csrf_token": "a-token",
    }
    yield Door("page_settings", lambda _: (irma_web.page_settings, page))
    yield Door("csp_sources", lambda _: (irma_web.csp_sources, {"server_url": SITE}))
    yield Door("package_state", lambda _: (irma_web.package_state, {"file": Path(__file__)}))


def _all() -> Iterator[Door]:
    aged = {"name": "age", "max_age": AN_HOUR}
    yield Door("flask.Irma", _flask_door)
    yield Door("the settings of flask.Irma", _flask_settings)
    yield _flask_method("init_app", app=None)
    yield _flask_method("close", app=None)
    yield _flask_method("on_answer", name="age")
    yield _flask_method("proved", **aged)
    yield _flask_method("proof", **aged)
    yield _flask_method("element", name="age", next="/next")
    yield Door("starlette.Irma", _starlette_door)
    yield _starlette_method("on_answer", name="age")
    yield _starlette_method("proved", **aged)
    yield _starlette_method("proof", request=None, **aged)
    yield _starlette_method("element", request=None, name="age", next="/next")
    yield from _redis()
    yield from _pages()


ADAPTER_DOORS = {door.name: door for door in _all()}


def adapter_callables() -> Iterator[str]:
    """Yield the name of every public callable; a prefix distinguishes the two classes `Irma`."""
    yield from public_callables_of(irma_redis, irma_web)
    for package, prefix in ((irma_web_flask, "flask"), (irma_web_starlette, "starlette")):
        yield from (f"{prefix}.{name}" for name in public_callables_of(package))
