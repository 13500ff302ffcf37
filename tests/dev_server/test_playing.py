"""A person plays the app on the development server's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from irma_backend.dev_server import running_dev_server
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.dev_server.browsing import Browser, Page
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    FIRSTNAME,
    OVER12,
    OVER18,
    OVER65,
    PHONE,
    Http,
    disclosure,
    issuance,
    signature,
    values_in,
)


@pytest.fixture
def url(server: InMemoryServer) -> Generator[str]:
    with running_dev_server(server) as url:
        yield url


@pytest.fixture
def browser(url: str) -> Browser:
    return Browser(url)


@pytest.fixture
def scan(http: Http, browser: Browser) -> Callable[[Any], tuple[str, Page]]:
    """Start a session and scan it on the page; give the requestor token, and the page."""

    def start_and_scan(request: Any) -> tuple[str, Page]:
        token = str(http.start(request)["token"])
        return token, browser.press(browser.open(), "Scan")

    return start_and_scan


Scan = Callable[[Any], tuple[str, Page]]


def test_every_page_says_that_nothing_is_proved(browser: Browser, scan: Scan) -> None:
    """Whatever it shows."""
    pages = [browser.open(), scan(disclosure([[OVER18]]))[1], browser.open("/app/nowhere")]
    assert [page.status for page in pages] == [200, 200, 404]
    assert all("nothing that this server says is proved" in page.text for page in pages)


def test_what_is_entered_is_what_is_disclosed(http: Http, browser: Browser, scan: Scan) -> None:
    """And stays in the app for the next time."""
    token, page = scan(disclosure([[FIRSTNAME, PHONE]]))
    assert http.status(token) == "CONNECTED"
    over = browser.press(page, "Accept", value_0_0_0="Ada", value_0_0_1="")
    assert "The server finds the proof VALID." in over.text
    assert values_in(http.result(token)) == [["Ada", None]]
    assert "firstname Ada" in browser.open().text
    token, again = scan(disclosure([[FIRSTNAME]]))
    assert again.form("Accept").fields["value-0-0-0"] == "Ada"
    browser.press(again, "Accept")
    assert values_in(http.result(token)) == [["Ada"]]
    assert browser.open().text.count("firstname") == 1


def test_a_demanded_value_is_shown_and_not_asked_for(
    http: Http, browser: Browser, scan: Scan
) -> None:
    """Accepting is agreeing to it."""
    token, page = scan(disclosure([[{"type": OVER18, "value": "yes"}, OVER12]]))
    assert f"{OVER18} must be yes" in page.text
    assert "value-0-0-0" not in page.form("Accept").fields
    browser.press(page, "Accept", value_0_0_1="no")
    result = http.result(token)
    assert (result["proofStatus"], values_in(result)) == ("VALID", [["yes", "no"]])


def test_one_chooses_among_the_options(http: Http, browser: Browser, scan: Scan) -> None:
    """In each disjunction; the empty option of an optional one shows nothing."""
    request = disclosure(
        [[OVER18], [EMAIL]], [[PHONE], []], labels={"0": {"nl": "Wie?", "en": "Who?"}}
    )
    token, page = scan(request)
    assert "Who?" in page.text
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com", option_1="1")
    assert values_in(http.result(token)) == [["ada@example.com"], []]


def test_the_option_to_begin_with_is_one_that_the_app_can_give(
    browser: Browser, scan: Scan
) -> None:
    """The first, as long as it holds nothing."""
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "0"
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com")
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "1"


def test_a_changed_value_leaves_the_others(http: Http, browser: Browser, scan: Scan) -> None:
    """The app's newest credential of that type is what is changed."""
    _, page = scan(disclosure([[OVER12, OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes", value_0_0_1="no")
    token, page = scan(disclosure([[OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes")
    assert values_in(http.result(token)) == [["yes"]]
    assert "over12 yes over18 yes over65 no value" in browser.open().text


def test_possession_of_a_credential_needs_no_value(
    http: Http, browser: Browser, scan: Scan
) -> None:
    """The credential is made if there is none."""
    token, page = scan(disclosure([["example.town.age"]]))
    assert "that you have a example.town.age" in page.text
    browser.press(page, "Accept")
    assert values_in(http.result(token)) == [["present"]]


def test_a_refusal_cancels_the_session(http: Http, browser: Browser, scan: Scan) -> None:
    """And the page says so, once and for all."""
    token, page = scan(disclosure([[OVER18]]))
    over = browser.press(page, "Refuse")
    assert "Refused: the session is cancelled." in over.text
    assert http.status(token) == "CANCELLED"
    late = browser.submit(page.form("Accept").buttons["Accept"], page.form("Accept").fields)
    assert (late.status, "the user has already decided" in late.text) == (409, True)


def test_a_text_is_signed(http: Http, browser: Browser, scan: Scan) -> None:
    """After it was shown."""
    token, page = scan(signature("I owe you <3 apples & a pear", [[EMAIL]]))
    assert "I owe you <3 apples & a pear" in page.text
    browser.press(page, "Accept", value_0_0_0="ada@example.com")
    result = http.result(token)
    assert result["proofStatus"] == "VALID"
    assert result["signature"]["message"] == "I owe you <3 apples & a pear"


def test_what_is_issued_is_shown_and_kept(http: Http, browser: Browser, scan: Scan) -> None:
    """And can be disclosed later."""
    token, page = scan(issuance(AGE))
    assert "Will you take this?" in page.text
    assert "over12 yes over18 yes over65 no" in page.text
    browser.press(page, "Accept")
    assert http.status(token) == "DONE"
    _, page = scan(disclosure([[OVER65]]))
    assert page.form("Accept").fields["value-0-0-0"] == "no"


@pytest.fixture
def paired(http: Http) -> Callable[[], tuple[str, Callable[[], object]]]:
    """Start a session with pairing; give the code, and what is done when it was typed."""

    def start() -> tuple[str, Callable[[], object]]:
        package = http.start(disclosure([[OVER18]]))
        known = package["frontendRequest"]["authorization"]
        at = f"{package['sessionPtr']['u']}/frontend"
        context = "https://irma.app/ld/request/frontendoptions/v1"
        asked = {"@context": context, "pairingMethod": "pin"}
        options = http.call("POST", f"{at}/options", asked, authorization=known)
        code = json.loads(options.body)["pairingCode"]
        return code, lambda: http.call("POST", f"{at}/pairingcompleted", authorization=known)

    return start


Paired = Callable[[], tuple[str, Callable[[], object]]]


def test_the_pairing_code_is_shown_until_it_was_typed(browser: Browser, paired: Paired) -> None:
    """The page looks again by itself, and what is asked is shown only then."""
    code, complete = paired()
    page = browser.press(browser.open(), "Scan")
    assert f"Type this code where the QR was: {code}" in page.text
    assert ("meta", {"http-equiv": "refresh", "content": "2"}) in page.tags
    assert OVER18 not in page.html
    early = browser.submit(f"{page.url}/accept", page.form("Refuse").fields)
    assert (early.status, "pairing is not completed" in early.text) == (409, True)
    complete()
    assert OVER18 in browser.open(page.url).html


def test_one_may_refuse_while_pairing(browser: Browser, paired: Paired) -> None:
    """Whatever the code is."""
    paired()
    over = browser.press(browser.press(browser.open(), "Scan"), "Refuse")
    assert "Refused: the session is cancelled." in over.text


def test_a_chain_leads_from_page_to_page(
    http: Http, browser: Browser, server: InMemoryServer
) -> None:
    """What follows is shown next, and is one's own to decide."""
    following = json.dumps(disclosure([[EMAIL]])).encode()
    posted: list[HttpRequest] = []

    def deliver(request: HttpRequest) -> HttpResponse:
        posted.append(request)
        return HttpResponse(200, body=following)

    server.deliver = deliver
    package = http.start(
        {"request": disclosure([[OVER18]]), "nextSession": {"url": "http://127.0.0.1/next"}}
    )
    page = browser.press(browser.open(), "Scan")
    page = browser.press(page, "Accept", value_0_0_0="yes")
    assert page.url != f"/app/{package['sessionPtr']['u'].rpartition('/')[2]}"
    browser.press(page, "Accept", value_0_0_0="ada@example.com")
    token = http.result(package["token"])["nextSession"]
    assert values_in(http.result(token)) == [["ada@example.com"], ["yes"]]
    assert len(posted) == 1


def test_the_list_tells_where_a_session_is(http: Http, browser: Browser, app: SimulatedApp) -> None:
    """New, in the page's app, or in another; one that ended is gone; an empty list looks again."""
    empty = browser.open()
    assert ("meta", {"http-equiv": "refresh", "content": "2"}) in empty.tags
    other = http.start(disclosure([[OVER12]]))
    app.scan(other["sessionPtr"])
    mine = http.start(disclosure([[OVER18]]))
    page = browser.press(browser.open(), "Scan")
    http.start(signature("yes", [[OVER18]]))
    listed = browser.open()
    mark = " by the link with \\w{6}…"
    assert re.search(
        f"signing INITIALIZED{mark} disclosing CONNECTED{mark} Go on "
        f"disclosing CONNECTED{mark} in another app",
        listed.text,
    )
    assert f"{mine['sessionPtr']['u'].rpartition('/')[2][:6]}… Go on" in listed.text
    assert not any(tag == "meta" and "http-equiv" in given for tag, given in listed.tags)
    assert any(tag == "a" and given.get("href") == page.url for tag, given in listed.tags)
    assert browser.submit(f"{page.url}/scan", listed.form("Scan").fields).url == page.url
    http.call("DELETE", f"/session/{mine['token']}")
    assert "It ended without an answer of this app." in browser.open(page.url).text
    assert "Go on" not in browser.open().text


def test_a_session_that_is_not_there_cannot_be_scanned(http: Http, browser: Browser) -> None:
    """The page says so."""
    http.start(disclosure([[OVER18]]))
    form = browser.open().form("Scan")
    for path in ("/app/AAAAAAAAAAAAAAAAAAAA/scan", "/app/AAAAAAAAAAAAAAAAAAAA/refuse"):
        page = browser.submit(path, form.fields)
        assert (page.status, "no such session" in page.text) == (409, True)


@pytest.mark.parametrize(
    ("label", "shown"),
    [({"nl": "Leeftijd"}, "Leeftijd"), ({"en": "Age", "nl": "Leeftijd"}, "Age")]
    + [(odd, "To be shown") for odd in ({}, None, {"nl": None})],
)
def test_a_label_is_shown_in_english_or_as_it_is(
    http: Http, browser: Browser, scan: Scan, label: object, shown: str
) -> None:
    """And one that is none does no harm."""
    token, page = scan(disclosure([[OVER18]], labels={"0": label}))
    assert f" {shown} " in page.text
    browser.press(page, "Accept", value_0_0_0="yes")
    assert http.status(token) == "DONE"


def test_the_token_in_a_return_url_is_not_shown() -> None:
    """The official app would go there; a page would show it to whoever looks."""
    settings = ServerSettings(augment_client_return_url=True)
    with running_dev_server(InMemoryServer(settings, clock=SystemClock())) as url:
        browser = Browser(url)
        package = Http(url, _send).start(
            disclosure([[OVER18]], clientReturnUrl="https://shop.example/", augmentReturnUrl=True)
        )
        page = browser.press(browser.open(), "Scan")
        browser.press(page, "Accept", value_0_0_0="yes")
    assert len(browser.seen) == 5
    for html in browser.seen:
        assert package["token"] not in html
        assert "shop.example" not in html


def _send(request: HttpRequest) -> HttpResponse:
    with Urllib3Transport() as transport:
        return transport.send(request, transport.clock.monotonic() + 5)


@pytest.mark.parametrize("choice", ["2", "-1", "", "x", "\u0661", "00", "9" * 5000])
def test_only_an_option_that_is_there_can_be_chosen(
    http: Http, browser: Browser, scan: Scan, choice: str
) -> None:
    """A form that was tampered with does no harm: the session waits."""
    token, page = scan(disclosure([[OVER18], [EMAIL]]))
    sorry = browser.press(page, "Accept", option_0=choice)
    assert (sorry.status, "choose one of the options" in sorry.text) == (409, True)
    assert http.status(token) == "CONNECTED"


def test_a_value_that_must_not_be_missing_is_asked_for_again(
    http: Http, browser: Browser, scan: Scan
) -> None:
    """The session goes on."""
    token, page = scan(disclosure([[{"type": OVER18, "notNull": True}]]))
    sorry = browser.press(page, "Accept", value_0_0_0="")
    assert (sorry.status, "but not with a value that the request accepts" in sorry.text) == (
        409,
        True,
    )
    browser.press(browser.open(page.url), "Accept", value_0_0_0="yes")
    assert http.status(token) == "DONE"


def test_the_server_s_no_is_shown(browser: Browser, scan: Scan, server: InMemoryServer) -> None:
    """Such as that of a requestor that gives no next session."""
    server.deliver = lambda _request: HttpResponse(500)
    _, page = scan({"request": disclosure([[OVER18]]), "nextSession": {"url": "http://127.0.0.1/"}})
    over = browser.press(page, "Accept", value_0_0_0="yes")
    assert "The server turned the app away: NEXT_SESSION" in over.text


@pytest.mark.parametrize(
    ("target", "is_link"),
    [("https://shop.example/?a=1&b", True), ("javascript:alert(1)", False), ("http://[", True)],
)
def test_the_return_url_is_a_link_if_it_is_one_of_the_web(
    browser: Browser, scan: Scan, target: str, is_link: bool
) -> None:
    """The page does not go there by itself."""
    _, page = scan(disclosure([[OVER18]], clientReturnUrl=target))
    over = browser.press(page, "Accept", value_0_0_0="yes")
    links = [given["href"] for tag, given in over.tags if tag == "a"]
    assert (target in links, "javascript" in over.html) == (is_link, False)


def test_what_others_say_is_text_and_no_html(http: Http, browser: Browser, scan: Scan) -> None:
    """Labels, messages and values are escaped, in text and in attributes."""
    evil = "\"><script>alert(1)</script><b x='"
    request = signature(evil, [[FIRSTNAME]], [[{"type": EMAIL, "value": evil}]])
    _, page = scan({**request, "labels": {"0": {"": evil}}})
    tags = {tag for tag, _ in page.tags}
    browser.press(page, "Accept", value_0_0_0=evil)
    _, again = scan(disclosure([[FIRSTNAME]]))
    assert again.form("Accept").fields["value-0-0-0"] == evil
    assert not {"script", "b"} & (tags | {tag for tag, _ in again.tags})
    assert evil in browser.open().text


def test_no_page_shows_a_requestor_token(http: Http, browser: Browser, scan: Scan) -> None:
    """Nor any other secret of the requestor or the browser."""
    package = http.start(disclosure([[OVER18]]))
    page = browser.press(browser.open(), "Scan")
    browser.press(page, "Accept", value_0_0_0="yes")
    secrets = [package["token"], package["frontendRequest"]["authorization"]]
    token, page = scan(disclosure([[OVER18]]))
    browser.press(page, "Refuse")
    assert len(browser.seen) > 6
    for html in browser.seen:
        assert not any(secret in html for secret in [*secrets, token])


def test_a_page_follows_a_time_out(http: Http, browser: Browser) -> None:
    """A session that is over is over on the page too."""
    http.start({"request": disclosure([[OVER18]]), "timeout": 1})
    assert "Scan" in browser.open().html
    form = browser.open().form("Scan")
    _wait_for(lambda: not browser.open().forms)
    assert browser.submit(form.action, form.fields).status == 409


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        with Urllib3Transport() as transport:
            transport.sleep(timedelta(milliseconds=50))
    raise AssertionError("it did not happen in five seconds")
