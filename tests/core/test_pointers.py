"""The session pointer: the content of a QR code, and the links that open the app."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import RequestError, UsageError
from irma_core.models.pointers import LINK_BASE, SessionPointer
from irma_core.models.statuses import SessionType
from irma_core.wire.read_results import read_session_pointer
from irma_core.wire.values import WireError
from tests.core.recordings import recording

URL = "https://irma.example/irma/session/Cq7ZpL0vXk2NwT9sHb4D"
POINTER = SessionPointer(URL, SessionType.DISCLOSING)
# Written out by hand, as a browser's encodeURIComponent(JSON.stringify(…)) gives it.
ENCODED = (
    "%7B%22u%22%3A%22https%3A%2F%2Firma.example%2Firma%2Fsession%2FCq7ZpL0vXk2NwT9sHb4D%22%2C"
    "%22irmaqr%22%3A%22disclosing%22%7D"
)
ENCODED_FOR_A_SECOND_DEVICE = (
    "%7B%22u%22%3A%22https%3A%2F%2Firma.example%2Firma%2Fsession%2FCq7ZpL0vXk2NwT9sHb4D%22%2C"
    "%22irmaqr%22%3A%22disclosing%22%2C%22continueOnSecondDevice%22%3Atrue%7D"
)


def encode_uri_component(text: str) -> str:
    """Encode a string exactly as ECMA-262 defines `encodeURIComponent`."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
    return "".join(
        letter if letter in plain else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in text
    )


def test_the_bare_json_is_what_a_browser_writes() -> None:
    """Apps from before October 2025 get compact JSON with `u` before `irmaqr`."""
    assert POINTER.json_text() == f'{{"u":"{URL}","irmaqr":"disclosing"}}'


def test_the_qr_link_is_marked_for_a_second_device() -> None:
    """The mark `continueOnSecondDevice` comes after `u` and `irmaqr`."""
    expected = "https://open.yivi.app/-/session#" + ENCODED_FOR_A_SECOND_DEVICE
    assert POINTER.qr_text() == expected


def test_the_universal_link_has_no_mark() -> None:
    """The universal link opens the app on the same device, and the app returns to the page."""
    assert POINTER.link() == "https://open.yivi.app/-/session#" + ENCODED


def test_the_links_host_is_a_setting() -> None:
    """The host of links can be set, since it has changed once, from `irma.app`."""
    base = "https://irma.app/-/session"
    assert POINTER.link(base=base) == f"{base}#{ENCODED}"
    assert POINTER.qr_text(base=base) == f"{base}#{ENCODED_FOR_A_SECOND_DEVICE}"
    assert LINK_BASE == "https://open.yivi.app/-/session"


def test_the_android_intent_has_the_time_in_milliseconds() -> None:
    """The time in an Android intent makes it unique, and does not depend on a time zone."""
    expected = (
        f"intent://qr/json/{ENCODED}#Intent;package=org.irmacard.cardemu;scheme=irma;"
        "l.timestamp=1795437000123;end"
    )
    now = datetime(2026, 11, 23, 12, 30, 0, 123000, tzinfo=UTC)
    assert POINTER.android_intent(now) == expected
    assert POINTER.android_intent(now.astimezone(timezone(timedelta(hours=5)))) == expected


def test_an_intent_needs_an_aware_time() -> None:
    """A naive time would be read in the time zone of the machine, so it is refused."""
    with pytest.raises(UsageError, match="now must be an aware datetime"):
        POINTER.android_intent(datetime(2026, 11, 23))  # noqa: DTZ001  # the point of the test


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Z", "Cn", "Co"])))
def test_any_url_is_encoded_as_by_a_browser(rest: str) -> None:
    """Non-ASCII is percent-encoded UTF-8, and the app decodes the same JSON."""
    url = "https://irma.example/" + rest.replace("\\", "")
    try:
        pointer = SessionPointer(url, SessionType.ISSUING)
    except RequestError:
        return
    bare = json.dumps({"u": url, "irmaqr": "issuing"}, ensure_ascii=False, separators=(",", ":"))
    assert pointer.json_text() == bare
    assert pointer.link() == f"{LINK_BASE}#{encode_uri_component(bare)}"
    decoded = json.loads(unquote(pointer.qr_text().partition("#")[2]))
    assert decoded == {"u": url, "irmaqr": "issuing", "continueOnSecondDevice": True}
    assert list(decoded) == ["u", "irmaqr", "continueOnSecondDevice"]


def test_a_static_session_is_printed_in_the_same_forms() -> None:
    """A static session has the kind `redirect`; the app gets its real kind from the server."""
    pointer = SessionPointer.of_static_session("https://irma.example/api/", "door1")
    bare = '{"u":"https://irma.example/api/irma/session/door1","irmaqr":"redirect"}'
    assert pointer.json_text() == bare
    assert pointer.link() == f"{LINK_BASE}#{encode_uri_component(bare)}"
    assert SessionPointer.of_static_session("https://irma.example/api", "door1") == pointer


@pytest.mark.parametrize("name", ["", "front door", "a/b", "a-b", "é", "..", "a\n"])
def test_a_static_sessions_name_is_letters_and_digits(name: str) -> None:
    """The server takes only letters and digits as the name of a static session."""
    with pytest.raises(RequestError) as caught:
        SessionPointer.of_static_session("https://irma.example", name)
    assert caught.value.path == "name"


@pytest.mark.parametrize(
    "server",
    ["irma.example", "", "https://irma.example/?a=b", "https://irma.example/#", "https:/x"],
)
def test_a_static_sessions_server_url_has_no_query(server: str) -> None:
    """The URL of a static session's server has no query or fragment, since a path is appended."""
    with pytest.raises(RequestError) as caught:
        SessionPointer.of_static_session(server, "door1")
    assert caught.value.path == "server"


@pytest.mark.parametrize(
    "url", ["", "irma.example", "javascript:alert(1)", "irma://x", "http://", 5]
)
def test_a_pointer_leads_to_a_web_server(url: object) -> None:
    """A pointer's URL must lead to a web server, and not to code or to another app."""
    with pytest.raises(RequestError) as caught:
        SessionPointer(cast("str", url), SessionType.DISCLOSING)
    assert caught.value.path == "u"
    with pytest.raises(WireError) as read:
        read_session_pointer(cast("Any", {"u": url, "irmaqr": "disclosing"}))
    assert read.value.path == ".u"


def test_the_pointers_repr_shows_no_client_token() -> None:
    """The repr of a pointer hides the client token, which lets its holder cancel the session."""
    with_port = SessionPointer("https://irma.example:8088/x", SessionType.SIGNING)
    assert "Cq7ZpL0vXk2NwT9sHb4D" not in repr(POINTER)
    assert "disclosing at irma.example " in repr(POINTER)
    assert "irma.example:8088" in repr(with_port)


def test_the_recorded_pointer_of_a_static_session_is_read() -> None:
    """The URL of a static session returns a bare pointer to the app."""
    body = recording("static-session")["response"]["body"]
    pointer = read_session_pointer(json.loads(body))
    assert pointer.json_text() == body
