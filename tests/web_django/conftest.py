"""Fixtures for the tests of this folder: a database for each test, the shop, and a visitor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

from irma_testing import InMemoryServer
from irma_web_django import signals
from tests.web_django import configured  # Django is configured before the next line
from tests.web_django.shop import Visitor, settings_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The migrated databases by alias. Each test uses copies."""
    directory = tmp_path_factory.mktemp("migrated")
    made: dict[str, Path] = {}
    for alias in configured.ALIASES:
        made[alias] = directory / f"{alias}.sqlite3"
        point(alias, made[alias])
        call_command("migrate", database=alias, verbosity=0)
        connections[alias].close()
        point(alias, Path())
    return made


@pytest.fixture
def database(migrated: dict[str, Path], tmp_path: Path) -> Iterator[Path]:
    """Empty databases in files, which threads share. Returns the file of the default one."""
    for alias, path in migrated.items():
        own = tmp_path / path.name
        shutil.copy(path, own)
        point(alias, own)
    yield tmp_path / "default.sqlite3"
    for alias in migrated:
        connections[alias].close()
        point(alias, Path())


def point(alias: str, path: Path) -> None:
    """Let every thread use another database file from now on."""
    connections[alias].close()
    connections[alias].settings_dict["NAME"] = str(path)
    connections.databases[alias]["NAME"] = str(path)


@pytest.fixture
def shop(database: Path, irma_server: InMemoryServer) -> Iterator[None]:
    """The shop, with an empty database and the IRMA server in memory."""
    with override_settings(IRMA=settings_for(irma_server)):
        yield


@pytest.fixture
def ada(shop: None, irma_server: InMemoryServer) -> Visitor:
    """A visitor with an e-mail address, who is an adult."""
    return Visitor(irma_server)


@pytest.fixture
def events() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The signals that are sent, in order."""
    sent: list[tuple[str, dict[str, Any]]] = []
    connected = []
    for name in ("started", "answered", "logged_in", "refused", "failed"):

        def receive(_name: str = name, **arguments: Any) -> None:
            sent.append((_name, arguments))

        getattr(signals, name).connect(receive)
        connected.append((getattr(signals, name), receive))
    yield sent
    for signal, receive in connected:
        signal.disconnect(receive)


@pytest.fixture
def logins() -> Iterator[list[User]]:
    """The users that Django's own signal has reported, in order."""
    seen: list[User] = []

    def receive(user: User, **_: Any) -> None:
        seen.append(user)

    user_logged_in.connect(receive)
    yield seen
    user_logged_in.disconnect(receive)


@pytest.fixture(autouse=True)
def _test_environment() -> Iterator[None]:
    setup_test_environment()
    yield
    teardown_test_environment()
