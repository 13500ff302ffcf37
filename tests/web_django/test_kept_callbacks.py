"""A callback for which the site's function fails is stored sealed, and a command delivers it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    Question,
    Risk,
    SessionOutcome,
    new_sealing_key,
)
from irma_core.callbacks.kept_posts import KEPT_FOR
from irma_testing import InMemoryServer, ManualClock, django
from irma_web_django.kept_callbacks import delete_expired_callbacks
from irma_web_django.models import IrmaCallback
from tests.web_django.shop import EMAIL, Visitor, settings_for

DAY = timedelta(days=1)
ASKED = DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)})


class Function:
    """The site's function, which fails while `is_broken` is set."""

    def __init__(self) -> None:
        self.is_broken = True
        self.seen: list[str] = []
        self.kept: list[int] = []

    def __call__(self, outcome: SessionOutcome) -> None:
        self.kept.append(IrmaCallback.objects.count())
        if self.is_broken:
            # the site's log shows this message, so the message must not contain the address
            raise ZeroDivisionError("nothing to divide by")
        self.seen.append(f"{outcome.reference} {outcome.get_answer()['email'].value}")


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
def order(shop: None, irma_server: InMemoryServer, function: Function) -> Iterator[Visitor]:
    """A visitor who has answered a question, and whose callback failed."""
    irma = settings_for(
        irma_server,
        CONNECT={"transport": irma_server.transport(), "allow": [Risk.SIMULATED_PROOFS]},
        SERVER_KEY=irma_server.public_key_pem,
        URL="https://shop.example",
        CALLBACK=function,
        ACCOUNT=None,
        SEALING_KEYS=[new_sealing_key()],
        QUESTIONS={"order": Question(ASKED, "order-17", has_callback=True)},
    )
    with override_settings(IRMA=irma):
        visitor = Visitor(irma_server)
        irma_server.deliver = django(visitor.browser)
        visitor.app.accept(visitor.start("order")["sessionPtr"])
        yield visitor


def changed(**more: Any) -> Any:
    """Change settings of the order's site for a block."""
    return override_settings(IRMA={**settings.IRMA, **more})


def replay() -> tuple[list[str], bool]:
    """Run the command, and return its lines without fingerprints and whether it succeeded."""
    out = StringIO()
    try:
        call_command("irma_replay_callbacks", stdout=out)
    except CommandError as error:
        return [
            *(line.partition(": ")[2] for line in out.getvalue().splitlines()),
            f"{error}",
        ], False
    return out.getvalue().splitlines(), True


def wait(server: InMemoryServer, duration: timedelta) -> None:
    """Let time pass."""
    assert isinstance(server.clock, ManualClock)
    server.clock.advance(duration)


@pytest.mark.usefixtures("order")
def test_an_outcome_is_delivered_later(irma_server: InMemoryServer, function: Function) -> None:
    """Days later, when the function is fixed, the command delivers the outcome once."""
    assert function.kept == [1]
    wait(irma_server, timedelta(days=3))
    assert replay() == (
        ["ZeroDivisionError was raised", "1 of 1 callbacks could not be delivered"],
        False,
    )
    function.is_broken = False
    lines, is_done = replay()
    assert (lines[-1], is_done) == ("Delivered 1 callback.", True)
    assert function.seen == ["order-17 ada@example.com"]
    assert not IrmaCallback.objects.exists()
    assert replay() == (["Delivered 0 callbacks."], True)
    assert function.seen == ["order-17 ada@example.com"]


def test_nothing_is_kept_once_the_function_returns(
    order: Visitor, irma_server: InMemoryServer, function: Function
) -> None:
    """A post is stored while the function runs, in case the process ends, and then deleted."""
    IrmaCallback.objects.all().delete()
    function.is_broken = False
    order.app.accept(order.start("order")["sessionPtr"])
    assert function.kept[-1] == 1
    assert not IrmaCallback.objects.exists()


@pytest.mark.usefixtures("order")
def test_a_repeat_by_the_server_delivers_the_outcome(
    irma_server: InMemoryServer, function: Function
) -> None:
    """If the server itself repeats the post, the command has nothing left to deliver."""
    function.is_broken = False
    assert irma_server.deliver is not None
    irma_server.deliver(irma_server.posted[-1])
    assert function.seen == ["order-17 ada@example.com"]
    assert not IrmaCallback.objects.exists()


@pytest.mark.usefixtures("order")
def test_a_stored_post_is_unreadable(
    irma_server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The table has no attribute and no URL, and the log of the failure has no sealed URL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM irma_web_django_irmacallback")
        row = f"{cursor.fetchall()}"
    assert "ada" not in row
    assert "callback/" not in row
    assert irma_server.deliver is not None
    irma_server.deliver(irma_server.posted[-1])
    assert "/irma/callback/" not in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.usefixtures("order")
def test_an_outcome_is_not_kept_forever(irma_server: InMemoryServer, function: Function) -> None:
    """After a week, replays report a stored outcome for a day, until `irma_cleanup` deletes it."""
    function.is_broken = False
    wait(irma_server, KEPT_FOR)
    lines, is_done = replay()
    assert "the post is too old" in lines[0]
    assert (function.seen, is_done) == ([], False)
    wait(irma_server, DAY - timedelta(seconds=1))
    assert delete_expired_callbacks(irma_server.clock) == 0
    wait(irma_server, timedelta(seconds=2))
    assert delete_expired_callbacks(irma_server.clock) == 1


@pytest.mark.usefixtures("order")
def test_a_replay_deletes_expired_outcomes(irma_server: InMemoryServer) -> None:
    """On a site that runs no `irma_cleanup`, a replay deletes an outcome that is eight days old."""
    wait(irma_server, KEPT_FOR + DAY + timedelta(seconds=1))
    assert replay() == (["Delivered 0 callbacks."], True)
    assert not IrmaCallback.objects.exists()


def test_undeliverable_posts_are_reported(order: Visitor, irma_server: InMemoryServer) -> None:
    """The command reports that no key opens a post, no function is set, or the post was refused."""
    with changed(SEALING_KEYS=[new_sealing_key()]):
        assert "no sealing key opens the post" in replay()[0][0]
    with changed(CALLBACK=None, QUESTIONS={"order": ASKED}):
        assert 'IRMA["CALLBACK"] is not set' in replay()[0][0]
    connect = {"transport": irma_server.transport(), "jwt_issuer": "other"}
    with changed(CONNECT=connect):
        assert "the post was refused" in replay()[0][0]
    with changed(SERVR="x"):
        assert "did you mean 'SERVER'" in replay()[0][-1]
