"""A person plays the app on the development server's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from irma_backend.dev_server import running_dev_server
from irma_backend.dev_server.examples import example_value
from irma_backend.dev_server.player import Player
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AppError, InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.dev_server.browsing import Browser, Page
from tests.dev_server.conftest import JumpingClock
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
    """Every page warns that the results prove nothing."""
    pages = [browser.open(), scan(disclosure([[OVER18]]))[1], browser.open("/app/nowhere")]
    assert [page.status for page in pages] == [200, 200, 404]
    assert all("results prove nothing" in page.text for page in pages)


def test_entered_values_are_disclosed(http: Http, browser: Browser, scan: Scan) -> None:
    """The app discloses the values that a person enters, and keeps them for later sessions."""
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
    """The page shows a required value without a field, and Accept discloses it."""
    token, page = scan(disclosure([[{"type": OVER18, "value": "yes"}, OVER12]]))
    assert f"{OVER18} must be yes" in page.text
    assert "value-0-0-0" not in page.form("Accept").fields
    browser.press(page, "Accept", value_0_0_1="no")
    result = http.result(token)
    assert (result["proofStatus"], values_in(result)) == ("VALID", [["yes", "no"]])


def test_options_can_be_chosen(http: Http, browser: Browser, scan: Scan) -> None:
    """A person chooses one of a slot's options; an optional slot also has an empty option."""
    request = disclosure(
        [[OVER18], [EMAIL]], [[PHONE], []], labels={"0": {"nl": "Wie?", "en": "Who?"}}
    )
    token, page = scan(request)
    assert "Who?" in page.text
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com", option_1="1")
    assert values_in(http.result(token)) == [["ada@example.com"], []]


def test_available_option_is_preselected(browser: Browser, scan: Scan) -> None:
    """The page preselects an option that the app can disclose, or else the first."""
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "0"
    browser.press(page, "Accept", option_0="1", value_0_1_0="ada@example.com")
    _, page = scan(disclosure([[OVER18], [EMAIL]]))
    assert page.form("Accept").fields["option-0"] == "1"


def test_changed_value_keeps_the_others(http: Http, browser: Browser, scan: Scan) -> None:
    """If a person changes one value, the credential keeps its other attributes."""
    _, page = scan(disclosure([[OVER12, OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes", value_0_0_1="no")
    token, page = scan(disclosure([[OVER18]]))
    browser.press(page, "Accept", value_0_0_0="yes")
    assert values_in(http.result(token)) == [["yes"]]
    assert "over12 yes over18 yes over65 no value" in browser.open().text


def test_possession_needs_no_value(http: Http, browser: Browser, scan: Scan) -> None:
    """Accept creates a credential if the request demands only its possession."""
    token, page = scan(disclosure([["example.town.age"]]))
    assert "that you have the credential example.town.age" in page.text
    browser.press(page, "Accept")
    assert values_in(http.result(token)) == [["present"]]


def test_refusal_cancels_the_session(http: Http, browser: Browser, scan: Scan) -> None:
    """Refuse cancels the session, and the page says so and accepts nothing more."""
    token, page = scan(disclosure([[OVER18]]))
    over = browser.press(page, "Refuse")
    assert "Refused: the session is cancelled." in over.text
    assert http.status(token) == "CANCELLED"
    late = browser.submit(page.form("Accept").buttons["Accept"], page.form("Accept").fields)
    assert (late.status, "the user has already decided" in late.text) == (409, True)


def test_message_is_shown_and_signed(http: Http, browser: Browser, scan: Scan) -> None:
    """The page shows the message to be signed, and Accept signs it."""
    token, page = scan(signature("I owe you <3 apples & a pear", [[EMAIL]]))
    assert "I owe you <3 apples & a pear" in page.text
    browser.press(page, "Accept", value_0_0_0="ada@example.com")
    result = http.result(token)
    assert result["proofStatus"] == "VALID"
    assert result["signature"]["message"] == "I owe you <3 apples & a pear"


def test_issued_credential_is_kept(http: Http, browser: Browser, scan: Scan) -> None:
    """The page shows a credential to be issued, and the app keeps it for later sessions."""
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
    """During pairing, the page shows the code, reloads itself, and hides the request."""
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
    """A person can refuse a session during pairing."""
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
    http: Http, browser: Browser, app: SimulatedApp, server: InMemoryServer
) -> None:
    """The list shows each session's request and time, and whether another app has scanned it."""
    assert f"the address of this IRMA server: {server.url}" in browser.open().text
    other = http.start(disclosure([[OVER12]]))
    app.scan(other["sessionPtr"])
    mine = http.start(disclosure([[{"type": OVER18, "value": "yes"}], []], [[EMAIL, FIRSTNAME]]))
    page = browser.press(browser.open(), "Scan")
    http.start(signature("I agree " + "x" * 99, [[OVER18, PHONE], ["example.town.age"]]))
    http.start(issuance(AGE))
    listed = browser.open()
    when = "Started less than a minute ago"
    assert (
        f"4 sessions are open. Your application offers you Age (a credential) {when} "
        f"Your application asks you to sign “I agree {'x' * 72}…” "
        f"Over 18 (Age) and Phone (Resident) or Age {when} "
        f"Your application asks you to share Over 18 (Age): yes or nothing "
        f"Email (Resident) and Firstname (Resident) {when} Continue "
        f"Your application asks you to share Over 12 (Age) {when} "
        "Another app has scanned this session."
    ) in listed.text
    assert any(tag == "a" and given.get("href") == page.url for tag, given in listed.tags)
    assert browser.submit(f"{page.url}/scan", page.form("Accept").fields).url == page.url
    http.call("DELETE", f"/session/{mine['token']}")
    assert "The session ended before this app answered." in browser.open(page.url).text
    assert "Continue" not in browser.open().text


def test_unknown_session_is_refused(http: Http, browser: Browser) -> None:
    """A form for an unknown session gets a page that says so."""
    http.start(disclosure([[OVER18]]))
    form = browser.open().form("Scan")
    for path, said in (
        ("/app/AAAAAAAAAAAAAAAAAAAA/scan", "there is no such session"),
        ("/app/AAAAAAAAAAAAAAAAAAAA/refuse", "has not scanned the QR code of that session"),
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
    """The page shows a label in English if possible, and ignores an invalid label."""
    token, page = scan(disclosure([[OVER18]], labels={"0": label}))
    assert f" {shown} " in page.text
    browser.press(page, "Accept", value_0_0_0="yes")
    assert http.status(token) == "DONE"


def test_augmented_return_url_is_hidden() -> None:
    """No page shows a return URL that contains the requestor token."""
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
    """If the server rejects the app, the page shows the server's error."""
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
    """A return URL is a link only if it is an HTTP URL."""
    _, page = scan(disclosure([[OVER18]], clientReturnUrl=target))
    over = browser.press(page, "Accept", value_0_0_0="yes")
    links = [given["href"] for tag, given in over.tags if tag == "a"]
    assert (target in links, "javascript" in over.html) == (is_link, False)


def test_html_is_escaped(http: Http, browser: Browser, scan: Scan) -> None:
    """The pages escape labels, messages and values, in text and in HTML attributes."""
    evil = "\"><script>alert(1)</script><b x='"
    request = signature(evil, [[FIRSTNAME]], [[{"type": EMAIL, "value": evil}]])
    _, page = scan({**request, "labels": {"0": {"": evil}}})
    tags = {tag for tag, _ in page.tags}
    browser.press(page, "Accept", value_0_0_0=evil)
    _, again = scan(disclosure([[FIRSTNAME]]))
    assert again.form("Accept").fields["value-0-0-0"] == evil
    assert "b" not in (tags | {tag for tag, _ in again.tags})
    assert "<script>" not in page.html + again.html
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


def test_example_values_are_filled_in(http: Http, browser: Browser, scan: Scan) -> None:
    """If the app lacks a credential, the page fills in example values that can be accepted."""
    token, page = scan(disclosure([[FIRSTNAME, EMAIL, PHONE, "example.town.resident.familyname"]]))
    assert page.text.count("An example: change it as you like.") == 4
    browser.press(page, "Accept")
    values = ["Ada", "ada@example.com", "+31612345678", "Lovelace"]
    assert values_in(http.result(token)) == [values]
    _, again = scan(disclosure([[FIRSTNAME]]))
    assert "An example" not in again.text


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("over18", "Yes"), ("isMember", "Yes"), ("BSN", "999990019"), ("something", "example")],
)
def test_example_value_suits_the_attribute(attribute: str, value: str) -> None:
    """An example value suits the attribute's name, whatever its case."""
    assert example_value(attribute) == value


def test_only_a_choice_has_radio_buttons(browser: Browser, scan: Scan) -> None:
    """A slot with one option has no radio button, and a slot without a label has a number."""
    _, page = scan(disclosure([[OVER18]], [[EMAIL], []]))
    radios = [given for _, given in page.tags if given.get("type") == "radio"]
    assert [given["name"] for given in radios] == ["option-1"] * 2
    assert page.form("Accept").fields["option-0"] == "0"
    assert "Part 1 of 2" in page.text
    assert "Share Email" in page.text
    assert "Share nothing" in page.text


def test_another_app_can_be_picked(http: Http, browser: Browser, scan: Scan) -> None:
    """A person can switch between apps, each of which keeps its own credentials."""
    _, page = scan(disclosure([[FIRSTNAME]]))
    browser.press(page, "Accept", value_0_0_0="Ada")
    home = browser.open()
    form = home.form("Kim, a minor")
    home = browser.submit(form.action, {**form.fields, "kind": "minor"})
    assert "This app is empty." in home.text
    _, page = scan(disclosure([[FIRSTNAME]]))
    browser.press(page, "Accept", value_0_0_0="Kim")
    browser.submit(form.action, {**form.fields, "kind": "adult"})
    assert "firstname Ada" in browser.open().text
    wrong = browser.submit(form.action, {**form.fields, "kind": "alien"})
    assert (wrong.status, "pick one of the apps" in wrong.text) == (409, True)


@pytest.fixture
def open_scheme_browser() -> Generator[Browser]:
    """A browser at a server for which every credential type exists."""
    with running_dev_server(InMemoryServer(clock=SystemClock())) as url:
        yield Browser(url)


def test_apps_have_the_cards_of_their_people(open_scheme_browser: Browser) -> None:
    """In a scheme with the usual cards, the adult and the minor hold them, and "nobody" none."""
    form = open_scheme_browser.open().form("Kim, a minor")
    pages = [
        open_scheme_browser.submit(form.action, {**form.fields, "kind": kind}).text
        for kind in ("adult", "minor", "nobody")
    ]
    assert [re.findall("over18 (Yes|No)", text) for text in pages] == [["Yes"], ["No"], []]


def test_minor_cannot_become_an_adult(open_scheme_browser: Browser) -> None:
    """If the app has another value than the required one, the page offers only Refuse."""
    browser = open_scheme_browser
    form = browser.open().form("Kim, a minor")
    browser.submit(form.action, {**form.fields, "kind": "minor"})
    over18 = "pbdf.gemeente.personalData.over18"
    asked = {"type": over18, "value": "Yes"}
    token = str(Http(browser.url, _send).start(disclosure([[asked]]))["token"])
    page = browser.press(browser.open(), "Scan")
    assert "You play: Kim, a minor" in page.text
    assert f"{over18} must be Yes , and this app has No" in page.text
    assert "Accept" not in page.form("Refuse").buttons
    forced = browser.submit(f"{page.url}/accept", {**page.form("Refuse").fields, "option-0": "0"})
    assert (forced.status, "but not with a value that the request accepts" in forced.text) == (
        409,
        True,
    )
    browser.press(page, "Refuse")
    assert Http(browser.url, _send).status(token) == "CANCELLED"
    Http(browser.url, _send).start(disclosure([[asked], [EMAIL]]))
    page = browser.press(browser.open(), "Scan")
    assert page.form("Accept").fields["option-0"] == "1"
    radios = [given for _, given in page.tags if given.get("type") == "radio"]
    assert ["disabled" in given for given in radios] == [True, False]


def test_person_can_answer_no(http: Http, browser: Browser, scan: Scan) -> None:
    """If a person sends No although Yes is required, the proof is not valid."""
    token, page = scan(disclosure([[{"type": OVER18, "value": "Yes"}]]))
    over = browser.press(page, "Answer No")
    assert "the proof is MISSING_ATTRIBUTES" in over.text
    assert http.status(token) == "DONE"
    _, page = scan(disclosure([[OVER18]]))
    assert "Answer No" not in page.html


def test_person_can_send_an_invalid_proof(http: Http, browser: Browser, scan: Scan) -> None:
    """A person can send a proof that the server finds invalid."""
    token, page = scan(disclosure([[OVER18]]))
    assert "the proof is INVALID" in browser.press(page, "Send an invalid proof").text
    assert http.result(token)["proofStatus"] == "INVALID"


def test_person_can_let_the_session_time_out(http: Http, browser: Browser, scan: Scan) -> None:
    """A person can let a session time out at once."""
    token, page = scan(disclosure([[OVER18]]))
    assert "You let the session time out" in browser.press(page, "Let it time out").text
    assert http.status(token) == "TIMEOUT"
    late = browser.submit(f"{page.url}/time-out", page.form("Accept").fields)
    assert (late.status, "the user has already decided" in late.text) == (409, True)


def test_session_that_has_ended_cannot_time_out(http: Http, browser: Browser, scan: Scan) -> None:
    """A cancelled session stays cancelled if a person lets it time out."""
    token, page = scan(disclosure([[OVER18]]))
    http.call("DELETE", f"/session/{token}")
    browser.press(page, "Let it time out")
    assert http.status(token) == "CANCELLED"


def events_of(url: str, path: str, count: int, act: Callable[[], object]) -> list[str]:
    """Return the data of a page's first events; `act` runs after the first event."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    data: list[str] = []
    while len(data) < count:
        line = response.readline().decode()
        assert line
        if line.startswith("data: "):
            data.append(line.removeprefix("data: ").strip())
            if len(data) == 1:
                act()
    connection.close()
    return data


def test_events_report_changes(http: Http, browser: Browser, scan: Scan, url: str) -> None:
    """An event stream sends the page's version at once, and a new version after each change."""
    started: list[Any] = []
    request = disclosure([[OVER18]])
    home = events_of(url, "/app/events", 2, lambda: started.append(http.start(request)))
    shown = [given["data-version"] for _, given in browser.open().tags if "data-version" in given]
    assert home[1:] == shown
    http.call("DELETE", f"/session/{started[0]['token']}")
    token, page = scan(disclosure([[EMAIL]]))
    stream = f"/app/events?of={page.url.rpartition('/')[2]}"
    states = events_of(url, stream, 2, lambda: http.call("DELETE", f"/session/{token}"))
    assert states[0] != states[1]
    assert browser.open("/app/events?of=nothing").status == 404


def test_page_shows_a_timeout(http: Http, browser: Browser, clock: JumpingClock) -> None:
    """A session that timed out disappears from the list, and can no longer be scanned."""
    http.start({"request": disclosure([[OVER18]]), "timeout": 600})
    assert "Scan" in browser.open().html
    form = browser.open().form("Scan")
    clock.ahead = 600.0
    _wait_for(lambda: "Scan" not in browser.open().html)
    assert browser.submit(form.action, form.fields).status == 409


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        with Urllib3Transport() as transport:
            transport.sleep(timedelta(milliseconds=50))
    raise AssertionError("it did not happen in a minute")


def test_old_sessions_lose_their_page() -> None:
    """Open sessions keep their pages, and so do the last hundred that have ended."""
    server = InMemoryServer()
    http, player = Http(server.url, server.handle), Player(server)

    def scan() -> str:
        name = str(http.start(disclosure([[OVER18]]))["sessionPtr"]["u"]).rpartition("/")[2]
        player.scan(name)
        return name

    still_open = scan()
    ended = [scan() for _ in range(101)]
    for name in ended:
        player.refuse(name)
    scan()
    with pytest.raises(AppError, match="has not scanned"):
        player.show(ended[0])
    assert [player.show(name).state for name in (ended[1], still_open)] == ["over", "deciding"]
