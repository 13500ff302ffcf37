"""Posts of the IRMA server that fail before the site's function is called are stored too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    Question,
    Risk,
    SessionOutcome,
    SignatureRequest,
)
from irma_core.models.answers import AnsweredSlot
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.statuses import AttributeProofStatus
from irma_core.models.verified_signatures import VerifiedSignature
from irma_testing import InMemoryServer, django
from irma_web_django import kept_callbacks
from irma_web_django.django_store import DjangoStore
from irma_web_django.models import IrmaCallback
from tests.web_django.shop import EMAIL, Visitor, settings_for

MESSAGE = "I order wine."
SLOTS = {"email": AttributeRequest(EMAIL, not_null=True)}
PROVED = AnsweredSlot(
    (
        DisclosedAttribute(
            EMAIL,
            "ada@example.com",
            status=AttributeProofStatus.PRESENT,
            issued_at=datetime(2026, 11, 19, tzinfo=UTC),
        ),
    ),
    0,
)


class Verifier:
    """A verifier of signatures that fails until a test repairs it."""

    def __init__(self) -> None:
        self.is_broken = True

    def verify(self, _signature: Any, _request: Any, *, not_before: datetime) -> VerifiedSignature:
        if self.is_broken:
            raise OSError("the disk with the schemes has gone")
        return VerifiedSignature(
            {"email": PROVED},
            message=MESSAGE,
            signed_at=not_before,
            is_time_stamped=True,
        )


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


@pytest.fixture
def outcomes() -> list[SessionOutcome]:
    return []


@pytest.fixture
def ordering(
    shop: None, irma_server: InMemoryServer, verifier: Verifier, outcomes: list[SessionOutcome]
) -> Iterator[Visitor]:
    """A visitor of a shop that receives signed orders by callback."""
    irma = settings_for(
        irma_server,
        CONNECT={
            "transport": irma_server.transport(),
            "allow": [Risk.SIMULATED_PROOFS],
            "signature_verifier": verifier,
        },
        SERVER_KEY=irma_server.public_key_pem,
        URL="https://shop.example",
        CALLBACK=outcomes.append,
        ACCOUNT=None,
        QUESTIONS={
            "order": Question(SignatureRequest(MESSAGE, SLOTS), "order-17", has_callback=True),
            "email": Question(DisclosureRequest(SLOTS), "order-18", has_callback=True),
        },
    )
    with override_settings(IRMA=irma):
        visitor = Visitor(irma_server)
        irma_server.deliver = django(visitor.browser)
        yield visitor


def replay() -> str:
    """Run the command that delivers stored posts, and return what it prints."""
    out = StringIO()
    try:
        call_command("irma_replay_callbacks", stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def test_a_verifier_that_fails_loses_nothing(
    ordering: Visitor, verifier: Verifier, outcomes: list[SessionOutcome]
) -> None:
    """A signature is stored until the verifier works again, and its outcome is delivered once."""
    ordering.app.accept(ordering.start("order")["sessionPtr"])
    assert outcomes == []
    assert IrmaCallback.objects.count() == 1
    assert "VerifierError was raised" in replay()
    verifier.is_broken = False
    assert "Delivered 1 callback." in replay()
    assert [each.reference for each in outcomes] == ["order-17"]
    assert outcomes[0].get_answer()["email"].value == "ada@example.com"
    assert not IrmaCallback.objects.exists()


def test_a_store_that_fails_loses_nothing(
    ordering: Visitor, outcomes: list[SessionOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the store fails, it is unknown whether a post is the first one, so the post is stored."""

    def fail(*_: object) -> None:
        raise OperationalError("the connection was closed")

    started = ordering.start("email")
    with monkeypatch.context() as patched:
        patched.setattr(DjangoStore, "put_if_absent", fail)
        ordering.app.accept(started["sessionPtr"])
    assert outcomes == []
    assert "Delivered 1 callback." in replay()
    assert [each.reference for each in outcomes] == ["order-18"]


def test_a_database_that_is_briefly_down_loses_nothing(
    ordering: Visitor,
    irma_server: InMemoryServer,
    outcomes: list[SessionOutcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the database is down for a moment, a post is stored within the time that the app waits."""
    tries: list[object] = []
    put = kept_callbacks._put  # pyright: ignore[reportPrivateUsage]  # to break it

    def away(*_: object) -> Any:
        raise OperationalError("the connection was refused")

    def away_at_first(post: Any) -> Any:
        tries.append(post)
        return put(post) if len(tries) == 5 else away()

    started = ordering.start("email")
    before = irma_server.clock.monotonic()
    with monkeypatch.context() as patched:
        patched.setattr(DjangoStore, "put_if_absent", away)
        patched.setattr(kept_callbacks, "_put", away_at_first)
        ordering.app.accept(started["sessionPtr"])
    assert irma_server.clock.monotonic() - before < 4
    assert "Delivered 1 callback." in replay()
    assert [each.reference for each in outcomes] == ["order-18"]


def test_a_database_that_stays_down_is_logged(
    ordering: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If a post could not be stored, the log says so, with the database's own error."""

    def away(*_: object) -> Any:
        raise OperationalError("the connection was refused")

    started = ordering.start("email")
    with monkeypatch.context() as patched:
        patched.setattr(DjangoStore, "put_if_absent", away)
        patched.setattr(kept_callbacks, "_put", away)
        ordering.app.accept(started["sessionPtr"])
    assert not IrmaCallback.objects.exists()
    assert "a post from the IRMA server failed" in caplog.text
    assert "the connection was refused" in caplog.text
    assert "The post was not kept, because storing it failed." in caplog.text


def test_a_delivered_outcome_is_not_kept(
    ordering: Visitor, outcomes: list[SessionOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If only the record of a delivery fails, the outcome is delivered, and no post is stored."""
    put = DjangoStore.put_if_absent
    started = ordering.start("email")

    def fail_afterwards(store: DjangoStore, *entry: Any) -> bool:
        if outcomes:
            raise OperationalError("the connection was closed")
        return put(store, *entry)

    with monkeypatch.context() as patched:
        patched.setattr(DjangoStore, "put_if_absent", fail_afterwards)
        ordering.app.accept(started["sessionPtr"])
    assert len(outcomes) == 1
    assert not IrmaCallback.objects.exists()


def test_a_refused_post_is_not_kept(ordering: Visitor, irma_server: InMemoryServer) -> None:
    """Strangers who know neither a sealed URL nor the server's key cannot fill the database."""
    ordering.app.accept(ordering.start("email")["sessionPtr"])
    url = irma_server.posted[-1].url.removeprefix("https://shop.example")
    for path, body in ((url, b"x.y.z"), ("/irma/callback/xyz/", irma_server.posted[-1].body)):
        ordering.browser.post(path, body, content_type="text/plain", secure=True)
    assert not IrmaCallback.objects.exists()


def test_only_a_few_posts_of_a_url_are_kept(
    ordering: Visitor, irma_server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger with a URL from a log cannot fill the database while the store fails."""
    ordering.app.accept(ordering.start("order")["sessionPtr"])
    url = irma_server.posted[-1].url.removeprefix("https://shop.example")

    def fail(*_: object) -> None:
        raise OperationalError("the connection was closed")

    monkeypatch.setattr("irma_core.callbacks.delivery.verified_result_flow", fail)
    for number in range(10):
        ordering.browser.post(url, f"{number}", content_type="text/plain", secure=True)
        ordering.browser.post(url, b"\xff%d" % number, content_type="text/plain", secure=True)
        varied = url.replace("/callback/", f"/callback/{number}/")  # only the last segment matters
        ordering.browser.post(varied, f"{number}", content_type="text/plain", secure=True)
    assert IrmaCallback.objects.filter(session="unknown").count() == 4


def test_the_log_of_a_failure_has_no_secret(
    ordering: Visitor, irma_server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what failed, and neither the log nor a traceback's variable has the post."""
    ordering.app.accept(ordering.start("order")["sessionPtr"])
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "VerifierError" in caplog.text
    body = irma_server.posted[-1].body
    assert body is not None
    assert record.exc_info is not None
    frames = []
    error: BaseException | None = record.exc_info[1]
    while error is not None:
        traceback = error.__traceback__
        while traceback is not None:
            frames.append(f"{traceback.tb_frame.f_locals!r}")
            traceback = traceback.tb_next
        error = error.__cause__ or error.__context__
    shown = " ".join([*frames, caplog.text])
    assert body.decode() not in shown
    assert "/irma/callback/" not in shown


@pytest.mark.parametrize("page", ["callback", "next"])
def test_a_wrong_setting_is_logged_without_the_url(
    ordering: Visitor, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    """If the site's settings are wrong, one line of the log says why, without the sealed URL."""
    with override_settings(IRMA={"SERVR": "x"}):
        response = ordering.post(page, "gAAAA-sealed/", {})
    assert response.status_code == 500
    assert "did you mean 'SERVER'" in caplog.text
    assert "gAAAA" not in caplog.text
    assert "Traceback" not in caplog.text
