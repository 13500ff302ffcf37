"""Started sessions are dumped to strings for the application's database, and loaded again."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given

from irma_core import (
    DisclosureRequest,
    RequestorToken,
    StartedSession,
    dump_started_session,
    load_started_session,
)
from irma_core.errors import RequestError, UsageError
from irma_core.json_text import read_json, write_json
from irma_core.models.condiscon import AttributeRequest
from irma_core.models.credentials import CredentialRequest
from irma_core.models.session_requests import (
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    SignatureRequest,
)
from irma_core.wire.stored_requests import read_stored_request, stored_request
from tests.core.generated import EXTENDED_REQUESTS
from tests.core.proving import AGE, FIRST, NOW, OVER18, SECRET_TOKEN, started

SESSION = started(DisclosureRequest({"age": OVER18, "name": FIRST}))


@given(EXTENDED_REQUESTS)
def test_dump_and_load_round_trip(request_: ExtendedRequest) -> None:
    """Loading returns the package, the start time, and all of the request that an answer needs."""
    session = started(request_)
    dumped = dump_started_session(session)
    loaded = load_started_session(dumped)
    stored = read_stored_request(stored_request(request_))
    assert loaded == attrs.evolve(session, request=stored)
    assert dump_started_session(loaded) == dumped
    assert load_started_session(dumped.encode()) == loaded


def test_loaded_session_equals_a_plain_one() -> None:
    """A disclosure session without options is equal after a round trip, slot names included."""
    loaded = load_started_session(dump_started_session(SESSION))
    assert loaded == SESSION
    assert loaded.request.request.disclose.slots == ("age", "name")
    assert loaded.started_at == NOW
    assert loaded.token.reveal() == SECRET_TOKEN


def test_session_without_frontend_request_round_trips() -> None:
    """A session of a server before 0.8, which sent no frontend request, is loaded unchanged."""
    old = attrs.evolve(SESSION, package=attrs.evolve(SESSION.package, frontend_request=None))
    assert load_started_session(dump_started_session(old)) == old


def test_issued_values_and_urls_are_left_out() -> None:
    """A dumped session contains no issued attributes, URLs of the backend, or message to sign."""
    card = CredentialRequest(AGE, {"over18": "Ada"}, revocation_key="secret-1")
    issuing = ExtendedRequest(
        IssuanceRequest([card]),
        callback_url="https://shop.example/secret-2",
        next_session=NextSession("https://shop.example/secret-3"),
    )
    for request in (issuing, SignatureRequest("secret-4", [OVER18])):
        dumped = dump_started_session(started(request))
        assert "secret-" not in dumped
        assert "Ada" not in dumped
        assert SECRET_TOKEN in dumped


DUMPED: dict[str, Any] = json.loads(dump_started_session(SESSION))


@pytest.mark.parametrize(
    "dumped",
    [
        "",
        "{}",
        "null",
        "[]",
        "\ud800",
        b"\xff",
        SECRET_TOKEN,
        "[" * 100_000,
        dump_started_session(SESSION)[:-1],
        write_json({**DUMPED, "irmaStartedSession": 0}),
        write_json({**DUMPED, "irmaStartedSession": True}),
        write_json({**DUMPED, "irmaStartedSession": "1"}),
        write_json({name: value for name, value in DUMPED.items() if name != "asked"}),
        write_json({**DUMPED, "asked": []}),
        write_json({**DUMPED, "asked": [DUMPED["asked"][0], ["age", 1]]}),
        write_json({**DUMPED, "asked": [DUMPED["asked"][0], [None, None]]}),
        write_json({**DUMPED, "asked": [DUMPED["asked"][0], []]}),
        write_json({**DUMPED, "package": {}}),
        write_json({**DUMPED, "package": None}),
        write_json({**DUMPED, "started": "yesterday"}),
        write_json({**DUMPED, "started": "2026-01-01T00:00:00"}),
        write_json({**DUMPED, "started": 0}),
        dump_started_session(SESSION).replace("{", '{"started":"x",', 1),
    ],
    ids=repr,
)
def test_other_strings_are_refused(dumped: Any) -> None:
    """Loading anything that was not dumped raises UsageError, which does not show the content."""
    with pytest.raises(UsageError, match=r"^dumped: must be what dump_started_session") as caught:
        load_started_session(dumped)
    assert SECRET_TOKEN not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("dumped", [None, 7, SESSION, DUMPED])
def test_other_types_are_refused(dumped: Any) -> None:
    """Loading a value other than a string or bytes raises UsageError."""
    with pytest.raises(UsageError, match=r"^dumped: must be"):
        load_started_session(dumped)


def test_newer_version_is_named() -> None:
    """The error for a string of a later form says that the library must be updated."""
    newer = write_json({**DUMPED, "irmaStartedSession": 2})
    with pytest.raises(UsageError, match=r"version 2, .* update irma-backend"):
        load_started_session(newer)


@pytest.mark.parametrize("session", [None, SECRET_TOKEN, RequestorToken(SECRET_TOKEN), DUMPED])
def test_only_a_started_session_is_dumped(session: Any) -> None:
    """Dumping an object that is not a started session raises UsageError."""
    with pytest.raises(UsageError, match=r"^session: must be a StartedSession"):
        dump_started_session(session)


def test_too_large_session_is_refused() -> None:
    """A session that this library would not have started cannot be dumped."""
    large = DisclosureRequest([AttributeRequest(OVER18, value="m" * 140_000)])
    with pytest.raises(RequestError, match=r"^disclose: takes more than 131072 bytes"):
        dump_started_session(started(large))


def test_string_of_version_1_is_loaded() -> None:
    """A string that an earlier release wrote is loaded with the same fields."""
    written = (
        '{"irmaStartedSession":1,"package":{"sessionPtr":{"u":"https://irma.example/irma/session/'
        'abcdefghij0123456789","irmaqr":"disclosing"},"token":"ABCDEFGHIJ0123456789",'
        '"frontendRequest":{"authorization":"qrstuvwxyz0123456789","minProtocolVersion":"1.0",'
        '"maxProtocolVersion":"1.1"}},"started":"2026-11-23T12:30:00+00:00","asked":[{"@context":'
        '"https://irma.app/ld/request/disclosure/v2","disclose":[[["a.b.c.d"]]]},["age"]]}'
    )
    loaded: StartedSession = load_started_session(written)
    assert loaded.token.reveal() == "ABCDEFGHIJ0123456789"
    assert loaded.pointer.url == "https://irma.example/irma/session/abcdefghij0123456789"
    assert loaded.request == ExtendedRequest(DisclosureRequest({"age": "a.b.c.d"}))
    assert loaded.started_at == NOW
    assert dump_started_session(loaded) == written
    assert read_json(dump_started_session(loaded)) == read_json(written)
