"""A site whose owner has not run `migrate` reports one clear error everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import override_settings

from irma_testing import InMemoryServer
from tests.web_django.conftest import point
from tests.web_django.shop import Visitor, code, settings_for

ADVICE = "the tables of irma_web_django are missing or out of date: run manage.py migrate"
CHECK = "irma_web_django.E007"


@pytest.fixture
def unmigrated(irma_server: InMemoryServer, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of the shop, whose database is empty."""
    point("default", tmp_path / "empty.sqlite3")
    with override_settings(IRMA=settings_for(irma_server)):
        yield Visitor(irma_server)
    point("default", Path())


def test_the_page_gets_json(unmigrated: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """Without tables, a start reports a fault of the site, and a line of the log what to do."""
    response = unmigrated.post("start", "login", {})
    assert (response.status_code, code(response)) == (500, "misconfigured")
    assert ADVICE in caplog.text
    assert "Traceback" not in caplog.text


def test_a_table_that_is_lost_later(ada: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """If the tables are lost after the start, a finish reports the same error."""
    started = ada.start("login")
    ada.app.accept(started["sessionPtr"])
    call_command("migrate", "irma_web_django", "zero", verbosity=0)
    response = ada.finish("login", started)
    assert (response.status_code, code(response)) == (500, "misconfigured")
    assert ADVICE in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("unmigrated")
def test_the_command_says_what_to_do() -> None:
    """Without tables, `irma_cleanup` ends with the same error."""
    with pytest.raises(CommandError, match=ADVICE):
        call_command("irma_cleanup", stdout=StringIO())


@pytest.mark.usefixtures("unmigrated")
def test_the_checks_report_missing_tables() -> None:
    """`check --deploy` reports missing tables, and no longer reports them once they exist."""

    def found() -> list[str]:
        messages = run_checks(tags=["irma"], include_deployment_checks=True)
        return [f"{each.hint}" for each in messages if each.id == CHECK]

    assert found() == ["manage.py migrate"]
    call_command("migrate", verbosity=0)
    assert found() == []


@pytest.mark.usefixtures("unmigrated")
def test_a_database_that_is_down_is_another_error(tmp_path: Path) -> None:
    """If a database cannot be opened, the error is another one, and the checks report nothing."""
    point("default", tmp_path / "missing" / "x.sqlite3")
    with pytest.raises(DatabaseError, match="unable to open"):
        call_command("irma_cleanup", stdout=StringIO())
    messages = run_checks(tags=["irma"], include_deployment_checks=True)
    assert CHECK not in {each.id for each in messages}
