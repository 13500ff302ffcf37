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
    """Start a session and scan it on the page; return the requestor token and the page."""

    def start_and_scan(request: Any) -> tuple[str, Page]:
        token = str(http.start(request)["token"])
        return token, browser.press(browser.open(), "Scan")

    return start_and_scan


Scan = Callable[[Any], tuple[str, Page]]


def test_every_page_has_the_warning(browser: Browser, scan: Scan) -> None:
    """Every page warns that results prove nothing."""
    pages = [browser.open(), scan(disclosure([[OVER18]]))[1], browser.open("/app/nowhere")]
    assert [page.status for page in pages] == [200, 200, 404]
    assert all("results prove nothing" in page.text for page in pages)


def test_entered_values_are_disclosed(http: Http, browser: Browser, scan: Scan) -> None:
    """Entered values are disclosed, and stay in the app for later sessions."""
    token, page = scan(disclosure([[FIRSTNAME, PHONE]]))
    assert http.status(token) == "CONNECTED"
    over = browser.press(page, "Accept", value_0_0_0="Ada", value_0_0_1="")
    assert "The server reports that the proof is VALID." in over.text
    assert values_in(http.result(token)) == [["Ada", None]]
    assert "firstname Ada" in browser.open().text
    token, again = scan(disclosure([[FIRSTNAME]]))
    assert again.form("Accept").fields["value-0-0-0"] == "Ada"
    browser.press(again, "Accept")
    assert values_in(http.result(token)) == [["Ada"]]
    assert browser.open().text.count("firstname") == 1


def test_required_value_is_shown(http: Http, browser: Browser, scan: Scan) -> None:
    """A required value is shown without a field, and is disclosed on Accept."""
    token, page = scan(disclosure([[{"type": OVER18, "value": "yes"}, OVER12]]))
    assert f"{OVER18} must be yes" in page.text
    assert "value-0-0-0" not in page.form("Accept").fields
    browser.press(page, "Accept", value_0_0_1="no")
    result = http.result(token)
    assert (result["proofStatus"], values_in(result)) == ("VALID", [["yes", "no"]])


def test_options_can_be_chosen(http: Http, browser: Browser, scan: Scan) -> None:
    """Each disjunction offers its options; the empty one of an optional slot shares nothing."""
    request = disclosure(
        [[OVER18], [EMAIL]], [[PHONE], []], labels={"0": {"nl": "Wie?", "en": "Who?"}}
    )
    token, page = scan(request)
    assert "Who?" in page.text
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com", option_1="1")
    assert values_in(http.result(token)) == [["ada@example.com"], []]


def test_available_option_is_preselected(browser: Browser, scan: Scan) -> None:
    """The preselected option is one that the app can disclose, or else the first."""
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "0"
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com")
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "1"


def test_changed_value_keeps_the_others(http: Http, browser: Browser, scan: Scan) -> None:
    """Changing one value keeps the other attributes of the app's newest credential."""
    _, page = scan(disclosure([[OVER12, OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes", value_0_0_1="no")
    token, page = scan(disclosure([[OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes")
    assert values_in(http.result(token)) == [["yes"]]
    assert "over12 yes over18 yes over65 no value" in browser.open().text


def test_possession_needs_no_value(http: Http, browser: Browser, scan: Scan) -> None:
    """A request for a credential without an attribute creates the credential if needed."""
    token, page = scan(disclosure([["example.town.age"]]))
    assert "that you have the credential example.town.age" in page.text
    browser.press(page, "Accept")
    assert values_in(http.result(token)) == [["present"]]


def test_refusal_cancels_the_session(http: Http, browser: Browser, scan: Scan) -> None:
    """Refuse cancels the session for good, and the page says so."""
    token, page = scan(disclosure([[OVER18]]))
    over = browser.press(page, "Refuse")
    assert "Refused: the session is cancelled." in over.text
    assert http.status(token) == "CANCELLED"
    late = browser.submit(page.form("Accept").buttons["Accept"], page.form("Accept").fields)
    assert (late.status, "the user has already decided" in late.text) == (409, True)


def test_message_is_shown_and_signed(http: Http, browser: Browser, scan: Scan) -> None:
    """The message to be signed is shown and then signed."""
    token, page = scan(signature("I owe you <3 apples & a pear", [[EMAIL]]))
    assert "I owe you <3 apples & a pear" in page.text
    browser.press(page, "Accept", value_0_0_0="ada@example.com")
    result = http.result(token)
    assert result["proofStatus"] == "VALID"
    assert result["signature"]["message"] == "I owe you <3 apples & a pear"


def test_issued_credential_is_kept(http: Http, browser: Browser, scan: Scan) -> None:
    """An issued credential is shown, and can be disclosed in a later session."""
    token, page = scan(issuance(AGE))
    assert "Receive this credential?" in page.text
    assert "over12 yes over18 yes over65 no" in page.text
    browser.press(page, "Accept")
    assert http.status(token) == "DONE"
    _, page = scan(disclosure([[OVER65]]))
    assert page.form("Accept").fields["value-0-0-0"] == "no"


@pytest.fixture
def paired(http: Http) -> Callable[[], tuple[str, Callable[[], object]]]:
    """Start a session with pairing; return the code, and a function that completes the pairing."""

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


def test_pairing_code_is_shown_until_completed(browser: Browser, paired: Paired) -> None:
    """During pairing, the page shows the code, reloads by itself, and hides the request."""
    code, complete = paired()
    page = browser.press(browser.open(), "Scan")
    assert f"Enter this code on the page that showed the QR code: {code}" in page.text
    assert ("meta", {"http-equiv": "refresh", "content": "2"}) in page.tags
    assert OVER18 not in page.html
    early = browser.submit(f"{page.url}/accept", page.form("Refuse").fields)
    assert (early.status, "pairing is not complete:" in early.text) == (409, True)
    complete()
    assert OVER18 in browser.open(page.url).html


def test_refusal_during_pairing(browser: Browser, paired: Paired) -> None:
    """The person can refuse during pairing."""
    paired()
    over = browser.press(browser.press(browser.open(), "Scan"), "Refuse")
    assert "Refused: the session is cancelled." in over.text


def test_chain_continues_on_the_next_page(
    http: Http, browser: Browser, server: InMemoryServer
) -> None:
    """After Accept, the page shows the next session of a chain."""
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


def test_list_shows_which_app_has_a_session(
    http: Http, browser: Browser, app: SimulatedApp
) -> None:
    """The list shows open sessions and which app has them, and reloads if it is empty."""
    empty = browser.open()
    assert ("meta", {"http-equiv": "refresh", "content": "2"}) in empty.tags
    other = http.start(disclosure([[OVER12]]))
    app.scan(other["sessionPtr"])
    mine = http.start(disclosure([[OVER18]]))
    page = browser.press(browser.open(), "Scan")
    http.start(signature("yes", [[OVER18]]))
    listed = browser.open()
    mark = " with the link \\w{6}…"
    assert re.search(
        f"signing INITIALIZED{mark} disclosing CONNECTED{mark} Continue "
        f"disclosing CONNECTED{mark} in another app",
        listed.text,
    )
    assert f"{mine['sessionPtr']['u'].rpartition('/')[2][:6]}… Continue" in listed.text
    assert not any(tag == "meta" and "http-equiv" in given for tag, given in listed.tags)
    assert any(tag == "a" and given.get("href") == page.url for tag, given in listed.tags)
    assert browser.submit(f"{page.url}/scan", listed.form("Scan").fields).url == page.url
    http.call("DELETE", f"/session/{mine['token']}")
    assert "The session ended before this app answered." in browser.open(page.url).text
    assert "Continue" not in browser.open().text


def test_unknown_session_is_refused(http: Http, browser: Browser) -> None:
    """The page reports an unknown session."""
    http.start(disclosure([[OVER18]]))
    form = browser.open().form("Scan")
    for path, said in (
        ("/app/AAAAAAAAAAAAAAAAAAAA/scan", "there is no such session"),
        ("/app/AAAAAAAAAAAAAAAAAAAA/refuse", "this app has not scanned that session"),
    ):
        page = browser.submit(path, form.fields)
        assert (page.status, said in page.text) == (409, True)


@pytest.mark.parametrize(
    ("label", "shown"),
    [({"nl": "Leeftijd"}, "Leeftijd"), ({"en": "Age", "nl": "Leeftijd"}, "Age")]
    + [(odd, "Attributes to share") for odd in ({}, None, {"nl": None})],
)
def test_label_is_shown(
    http: Http, browser: Browser, scan: Scan, label: object, shown: str
) -> None:
    """A label is shown in English if possible, and an invalid label is ignored."""
    token, page = scan(disclosure([[OVER18]], labels={"0": label}))
    assert f" {shown} " in page.text
    browser.press(page, "Accept", value_0_0_0="yes")
    assert http.status(token) == "DONE"


def test_augmented_return_url_is_hidden() -> None:
    """A return URL that contains the requestor token is not shown."""
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
        return transport.send(request, transport.clock.monotonic() + 60)


@pytest.mark.parametrize("choice", ["2", "-1", "", "x", "\u0661", "00", "9" * 5000])
def test_invalid_option_is_refused(http: Http, browser: Browser, scan: Scan, choice: str) -> None:
    """A form with an invalid option is refused, and the session stays open."""
    token, page = scan(disclosure([[OVER18], [EMAIL]]))
    sorry = browser.press(page, "Accept", option_0=choice)
    assert (sorry.status, "choose one of the options" in sorry.text) == (409, True)
    assert http.status(token) == "CONNECTED"


def test_missing_value_can_be_corrected(http: Http, browser: Browser, scan: Scan) -> None:
    """After a missing value, the session stays open and can be accepted again."""
    token, page = scan(disclosure([[{"type": OVER18, "notNull": True}]]))
    sorry = browser.press(page, "Accept", value_0_0_0="")
    assert (sorry.status, "but not with a value that the request accepts" in sorry.text) == (
        409,
        True,
    )
    browser.press(browser.open(page.url), "Accept", value_0_0_0="yes")
    assert http.status(token) == "DONE"


def test_server_error_is_shown(browser: Browser, scan: Scan, server: InMemoryServer) -> None:
    """The page shows the error of a server that rejects the app."""
    server.deliver = lambda _request: HttpResponse(500)
    _, page = scan({"request": disclosure([[OVER18]]), "nextSession": {"url": "http://127.0.0.1/"}})
    over = browser.press(page, "Accept", value_0_0_0="yes")
    assert "The server rejected the app: NEXT_SESSION" in over.text


@pytest.mark.parametrize(
    ("target", "is_link"),
    [("https://shop.example/?a=1&b", True), ("javascript:alert(1)", False), ("http://[", True)],
)
def test_only_http_return_urls_are_links(
    browser: Browser, scan: Scan, target: str, is_link: bool
) -> None:
    """The return URL is shown as a link only if it is an HTTP URL."""
    _, page = scan(disclosure([[OVER18]], clientReturnUrl=target))
    over = browser.press(page, "Accept", value_0_0_0="yes")
    links = [given["href"] for tag, given in over.tags if tag == "a"]
    assert (target in links, "javascript" in over.html) == (is_link, False)


def test_html_is_escaped(http: Http, browser: Browser, scan: Scan) -> None:
    """Labels, messages and values are escaped in text and in attributes."""
    evil = "\"><script>alert(1)</script><b x='"
    request = signature(evil, [[FIRSTNAME]], [[{"type": EMAIL, "value": evil}]])
    _, page = scan({**request, "labels": {"0": {"": evil}}})
    tags = {tag for tag, _ in page.tags}
    browser.press(page, "Accept", value_0_0_0=evil)
    _, again = scan(disclosure([[FIRSTNAME]]))
    assert again.form("Accept").fields["value-0-0-0"] == evil
    assert not {"script", "b"} & (tags | {tag for tag, _ in again.tags})
    assert evil in browser.open().text


def test_no_page_shows_a_secret(http: Http, browser: Browser, scan: Scan) -> None:
    """No page shows the requestor token or the frontend authorization."""
    package = http.start(disclosure([[OVER18]]))
    page = browser.press(browser.open(), "Scan")
    browser.press(page, "Accept", value_0_0_0="yes")
    secrets = [package["token"], package["frontendRequest"]["authorization"]]
    token, page = scan(disclosure([[OVER18]]))
    browser.press(page, "Refuse")
    assert len(browser.seen) > 6
    for html in browser.seen:
        assert not any(secret in html for secret in [*secrets, token])


def test_page_shows_a_timeout(http: Http, browser: Browser) -> None:
    """The page of a session that timed out shows that it has ended."""
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
