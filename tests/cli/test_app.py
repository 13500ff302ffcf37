"""`irma-backend app` plays the app at a development server of another process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from irma_backend.cli.app_run import print_session
from irma_core import (
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    PairingMethod,
    ProofStatus,
    Requestor,
    SessionPointer,
    SessionStatus,
    SessionType,
    SignatureRequest,
    StartedSession,
    TokenAuthentication,
    optional,
)
from irma_core.errors import AnswerError
from irma_core.protocol.messages import HttpResponse
from irma_testing import AppError, InMemoryServer, OpenSession, SimulatedApp
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import TOKEN, CommandLine, read_until

EMAIL = "pbdf.sidn-pbdf.email.email"
OVER18 = "pbdf.gemeente.personalData.over18"
ASK_EMAIL = DisclosureRequest({"email": EMAIL})
ASK_ADULT = DisclosureRequest({"age": AttributeRequest(OVER18, value="Yes")})
CARD = IssuanceRequest([CredentialRequest("pbdf.library.card", {"holder": "Ada"})])


@pytest.fixture
def requestor(url: str) -> Iterator[Requestor]:
    with Urllib3Transport() as transport:
        yield Requestor(url, transport, authentication=TokenAuthentication(TOKEN))


Start = Callable[[Any], StartedSession]


@pytest.fixture
def start(requestor: Requestor) -> Start:
    return requestor.start_session


def app_json(command_line: CommandLine, *arguments: str) -> tuple[int, Any]:
    status, out, _ = command_line.run("app", *arguments, "--json")
    return status, json.loads(out)


FORMS: list[Callable[[StartedSession, str], str]] = [
    lambda session, _: session.pointer.link(),
    lambda session, _: session.pointer.json_text(),
    lambda session, _: session.pointer.url,
    lambda session, url: f"{url}/app/{session.pointer.url.rpartition('/')[2]}",
    lambda session, url: f"{url}/app-s3cr3t_-/{session.pointer.url.rpartition('/')[2]}",
]


@pytest.mark.parametrize("form", FORMS)
def test_link_may_have_any_form(
    command_line: CommandLine, requestor: Requestor, start: Start, form: Any, url: str
) -> None:
    """A session is accepted by its link, its pointer in JSON or by either of its URLs."""
    session = start(ASK_EMAIL)
    done = command_line.run(
        "app", "accept", form(session, url), "--has", f"{EMAIL}=bob@example.com"
    )
    assert done == (0, "Shared: the server found the proof valid.\n", "")
    assert requestor.get_answer(session)["email"].value == "bob@example.com"


def test_outcome_is_json(command_line: CommandLine, start: Start) -> None:
    """With --json, the outcome of each session of the chain is an object."""
    session = start(CARD)
    assert app_json(command_line, "accept", session.pointer.link()) == (
        0,
        {
            "sessions": [
                {
                    "url": session.pointer.url,
                    "type": "issuing",
                    "decision": "answered",
                    "proofStatus": "VALID",
                    "error": None,
                    "received": ["pbdf.library.card"],
                }
            ]
        },
    )


def test_chain_is_accepted_to_its_end(
    command_line: CommandLine, memory: InMemoryServer, start: Start
) -> None:
    """The app accepts the next session of a chain, and the outcome has both sessions."""
    following = json.dumps(
        {"@context": "https://irma.app/ld/request/disclosure/v2", "disclose": [[[OVER18]]]}
    )
    memory.deliver = lambda _request: HttpResponse(200, body=following.encode())
    session = start(ExtendedRequest(ASK_EMAIL, next_session=NextSession("http://127.0.0.1/next")))
    status, said = app_json(command_line, "accept", session.pointer.link())
    assert (status, [each["proofStatus"] for each in said["sessions"]]) == (0, ["VALID", "VALID"])


def test_each_type_of_session_has_its_own_outcome(command_line: CommandLine, start: Start) -> None:
    """The outcome shows whether something was shared, signed or received."""
    for request, said in (
        (SignatureRequest("I agree", {"email": EMAIL}), "Signed: the server found"),
        (CARD, "Received: pbdf.library.card."),
    ):
        _, out, _ = command_line.run("app", "accept", start(request).pointer.link())
        assert out.startswith(said)


def test_minor_refuses_what_only_an_adult_can_share(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """An app that lacks a value refuses, and the error says what to do."""
    session = start(ASK_ADULT)
    status, out, err = command_line.run(
        "app", "accept", session.pointer.link(), "--person", "minor"
    )
    assert (status, out) == (2, "")
    assert OVER18 in err
    assert "give it with --has ATTRIBUTE=VALUE" in err
    assert "The app refused" in err
    assert requestor.get_status(session) is SessionStatus.CANCELLED


def test_values_replace_those_of_the_person(command_line: CommandLine, start: Start) -> None:
    """A value in --has replaces the person's own value, so an adult can become a minor."""
    link = start(ASK_ADULT).pointer.link()
    assert command_line.run("app", "accept", link, "--has", f"{OVER18}=No")[0] == 2


def test_empty_value_and_bare_card(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """--has takes an attribute without a value, and a card without attributes."""
    session = start(DisclosureRequest({"empty": "a.b.c.d", "card": "e.f.g"}))
    command_line.run("app", "accept", session.pointer.url, "--has", "a.b.c.d=", "--has", "e.f.g")
    answer = requestor.get_answer(session)
    assert answer["empty"].is_null
    assert [attribute.attribute for attribute in answer["card"]] == ["e.f.g"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["nonsense"], "must be scheme.issuer.credential.attribute=VALUE"),
        (["a.b.c.d"], "must be scheme.issuer.credential.attribute=VALUE"),
        (["a.b.c=x"], "must be scheme.issuer.credential.attribute=VALUE"),
        (["a.b.c.d=x", "a.b.c.d=y"], "--has: value 2: this attribute already has a value"),
        (["example.town.age.over99=x"], "--has: example.town.age: attributes:"),
    ],
)
def test_invalid_value_is_wrong_usage(
    command_line: CommandLine, start: Start, given: list[str], reason: str
) -> None:
    """For a malformed --has, the exit status is 2, and the session does not change."""
    options = [part for value in given for part in ("--has", value)]
    session = start(ASK_EMAIL)
    status, out, err = command_line.run("app", "accept", session.pointer.url, *options)
    assert (status, out) == (2, "")
    assert reason in err
    assert app_json(command_line, "show", session.pointer.url)[1]["status"] == "INITIALIZED"


def test_refusal_cancels(command_line: CommandLine, requestor: Requestor, start: Start) -> None:
    """`app refuse` cancels the session."""
    session = start(ASK_EMAIL)
    status, said = app_json(command_line, "refuse", session.pointer.link())
    assert (status, said["sessions"][0]["decision"]) == (0, "refused")
    assert requestor.get_status(session) is SessionStatus.CANCELLED
    out = command_line.run("app", "refuse", start(ASK_EMAIL).pointer.link())[1]
    assert out == "Refused: the session is cancelled.\n"


def test_walking_away_leaves_the_session_open(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """An app that walks away connects, and then sends nothing more."""
    session = start(ASK_EMAIL)
    status, out, _ = command_line.run("app", "walk-away", session.pointer.link())
    assert (status, out.startswith("Walked away")) == (0, True)
    assert requestor.get_status(session) is SessionStatus.CONNECTED
    _, said = app_json(command_line, "walk-away", start(ASK_EMAIL).pointer.link())
    assert said["sessions"][0]["decision"] == "walked away"


def test_second_app_is_refused(command_line: CommandLine, start: Start) -> None:
    """If another app has answered the session, the server refuses, and the exit status is 5."""
    link = start(ASK_EMAIL).pointer.link()
    command_line.run("app", "accept", link)
    status, said = app_json(command_line, "accept", link)
    assert (status, said["error"]["code"]) == (5, "UNEXPECTED_REQUEST")
    assert "another app has scanned" in said["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "request_", "proof_status"),
    [
        ("invalid", ASK_EMAIL, "INVALID"),
        ("wrong-value", ASK_ADULT, "MISSING_ATTRIBUTES"),
        ("missing-attributes", ASK_EMAIL, "MISSING_ATTRIBUTES"),
        ("expired", ASK_EMAIL, "EXPIRED"),
        ("unmatched-request", SignatureRequest("I agree", {"e": EMAIL}), "UNMATCHED_REQUEST"),
        ("invalid-timestamp", SignatureRequest("I agree", {"e": EMAIL}), "INVALID_TIMESTAMP"),
    ],
)
def test_server_notices_each_cheat(
    command_line: CommandLine,
    requestor: Requestor,
    start: Start,
    kind: str,
    request_: Any,
    proof_status: str,
) -> None:
    """If the server notices a cheat, the exit status is 0, and the session has no answer."""
    session = start(request_)
    status, said = app_json(command_line, "cheat", session.pointer.link(), kind)
    assert (status, said["sessions"][0]["proofStatus"]) == (0, proof_status)
    with pytest.raises(AnswerError):
        requestor.get_answer(session)


def test_cheating_when_a_card_is_issued(command_line: CommandLine, start: Start) -> None:
    """The server issues nothing to an app that cheats, and ends the session with an error."""
    status, said = app_json(command_line, "cheat", start(CARD).pointer.link(), "invalid")
    assert (status, said["sessions"][0]["error"]) == (0, "INVALID_PROOFS")
    out = command_line.run("app", "cheat", start(CARD).pointer.link(), "invalid")[1]
    assert out.startswith("The server rejected the app: INVALID_PROOFS")


def test_impossible_cheat_is_wrong_usage(command_line: CommandLine, start: Start) -> None:
    """For a cheat that is unknown, or that the session does not allow, the exit status is 2."""
    link = start(ASK_EMAIL).pointer.link()
    status, _, err = command_line.run("app", "cheat", link, "wrong-value")
    assert (status, "requires a particular value" in err) == (2, True)
    status, _, err = command_line.run("app", "cheat", link, "lie")
    assert (status, "must be one of: invalid, wrong-value" in err) == (2, True)


def test_options_are_chosen(command_line: CommandLine, requestor: Requestor, start: Start) -> None:
    """`choose` shares the given options, such as the empty option of an optional slot."""
    request = DisclosureRequest({"age": OVER18, "email": optional(EMAIL)})
    session = start(request)
    assert command_line.run("app", "choose", session.pointer.link(), "1=1")[0] == 0
    answer = requestor.get_answer(session)
    assert {slot: answered.value for slot, answered in answer.items()} == {"age": "Yes"}


@pytest.mark.parametrize("choice", [["x"], ["0"], ["0=-1"], ["0=1", "0=2"], ["0=99999"], ["=0"]])
def test_invalid_choice_is_wrong_usage(command_line: CommandLine, choice: list[str]) -> None:
    """For a malformed choice, the exit status is 2, and no server is called."""
    status, _, err = command_line.run("app", "choose", "LINK", *choice)
    assert (status, "Error: SLOT=OPTION: " in err) == (2, True)


def test_show_prints_the_request(command_line: CommandLine, start: Start) -> None:
    """`show` prints the requestor, the request and the time, and does not scan the session."""
    request = SignatureRequest(
        "I agree", {"age": AttributeRequest(OVER18, value="Yes"), "email": optional(EMAIL)}
    )
    session = start(request)
    status, out, _ = command_line.run("app", "show", session.pointer.link())
    assert status == 0
    first, *rest = out.splitlines()
    assert first.startswith("INITIALIZED: a session for shop asks for a signature, started at ")
    assert rest == [
        "Message: I agree",
        "Slot 0:",
        f"  option 0: {OVER18}, which must be Yes",
        "Slot 1:",
        f"  option 0: {EMAIL}",
        "  option 1: nothing",
    ]
    _, said = app_json(command_line, "show", session.pointer.link())
    assert (said["status"], said["requestor"]) == ("INITIALIZED", "shop")
    assert said["request"]["message"] == "I agree"


def test_show_prints_credentials_and_labels(
    command_line: CommandLine, requestor: Requestor
) -> None:
    """`show` prints the credentials to issue, and the labels of slots."""
    session = requestor.start_session(
        IssuanceRequest(
            [CredentialRequest("a.b.c", {"d": "x"})],
            {"who": EMAIL},
            labels={"who": {"en": "Who are you?", "nl": "Wie bent u?"}},
        )
    )
    _, out, _ = command_line.run("app", "show", session.pointer.link())
    assert out.splitlines()[1:] == [
        "Credential: a.b.c",
        "  d: x",
        "Slot 0 (Who are you?):",
        f"  option 0: {EMAIL}",
    ]


def test_ended_session_is_gone(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """An ended session cannot be shown, so the exit status is 4."""
    session = start(ASK_EMAIL)
    requestor.cancel_session(session)
    status, said = app_json(command_line, "show", session.pointer.link())
    assert (status, said["error"]["code"]) == (4, "SESSION_UNKNOWN")


def test_pairing_code_is_printed(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """With pairing, the app prints the code and waits until the browser has completed pairing."""
    session = start(ASK_EMAIL)
    code = requestor.set_pairing(session, PairingMethod.PIN).pairing_code
    with command_line.start("app", "accept", session.pointer.link()) as process:
        assert f"type {code} into the page" in read_until(process.stderr, "Pairing")
        requestor.complete_pairing(session)
        assert process.wait(timeout=300) == 0
    assert requestor.get_answer(session)["email"].value == "ada@example.com"


class RealServer(BaseHTTPRequestHandler):
    """A server that is not a development server, and records its requests."""

    received: list[str] = []  # noqa: RUF012  # a test empties it

    def do_GET(self) -> None:
        """Record the call, and refuse it as the official server does."""
        self.received.append(f"{self.command} {self.path}")
        self.send_response(404)
        self.end_headers()

    def do_POST(self) -> None:
        """Do the same as for a `GET`."""
        self.do_GET()

    def do_DELETE(self) -> None:
        """Do the same as for a `GET`."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""


@pytest.mark.parametrize(
    "command", [["accept"], ["refuse"], ["cheat", "invalid"], ["show"], ["walk-away"]]
)
def test_real_server_is_refused(command_line: CommandLine, command: list[str]) -> None:
    """At a server that is not a development server, the app does not touch the session."""
    RealServer.received.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), RealServer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    name, *more = command
    url = f"http://127.0.0.1:{server.server_port}/irma/session/abcdefghijklmnopqrst"
    try:
        status, out, err = command_line.run("app", name, url, *more)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (status, out) == (2, "")
    assert "is not a development server" in err
    assert "use the Yivi app" in err
    assert RealServer.received == ["GET /app/server.json"]


@pytest.mark.parametrize("link", ["nonsense", "https://shop.example/", '{"u": 1}', ""])
def test_other_strings_are_refused(command_line: CommandLine, link: str) -> None:
    """For a string that is not a link to a session, the exit status is 2."""
    status, _, err = command_line.run("app", "accept", link)
    assert (status, "Error: " in err, "expected" in err) == (2, True, True)


def test_unreachable_server_is_status_7(command_line: CommandLine) -> None:
    """If the server cannot be reached, the exit status is 7."""
    link = "http://127.0.0.1:9/irma/session/abcdefghijklmnopqrst"
    assert command_line.run("app", "accept", link)[0] == 7


def test_misspelt_command_is_suggested(command_line: CommandLine) -> None:
    """For a misspelt command of `app`, the exit status is 2, and the error has a suggestion."""
    status, _, err = command_line.run("app", "accept-")
    assert (status, "Did you mean accept?" in err) == (2, True)
    assert "walk-away" in command_line.run("app", "--help")[1]


def test_watch_answers_by_itself(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """A watching app answers each new session, as an honest person, and prints what it does."""
    watching = ("app", "watch", "--answer-by-itself", "--person", "minor", "--json")
    with command_line.start(*watching) as process:
        first = start(ASK_EMAIL)
        shown = json.loads(read_until(process.stdout, "pointer"))
        assert shown["pointer"]["u"] == first.pointer.url
        assert "VALID" in read_until(process.stdout, "sessions")
        assert requestor.get_answer(first)["email"].value == "kim@example.com"
        second = start(ASK_ADULT)
        assert '"refused"' in read_until(process.stdout, "sessions")
        assert requestor.get_status(second) is SessionStatus.CANCELLED
        process.terminate()
        process.communicate(timeout=300)
    assert process.returncode == 143


def test_watch_waits_for_pairing(
    command_line: CommandLine, requestor: Requestor, start: Start
) -> None:
    """While one session waits for pairing, a watching app answers others."""
    paired = start(ASK_EMAIL)
    code = requestor.set_pairing(paired, PairingMethod.PIN).pairing_code
    with command_line.start("app", "watch", "--answer-by-itself") as process:
        assert f"type {code} into the page" in read_until(process.stderr, "Pairing")
        other = start(ASK_EMAIL)
        read_until(process.stdout, "Shared")
        assert requestor.get_answer(other)["email"].value == "ada@example.com"
        requestor.complete_pairing(paired)
        read_until(process.stdout, "Shared")
        process.terminate()
        process.communicate(timeout=300)
    assert requestor.get_answer(paired)["email"].value == "ada@example.com"


def test_watch_only_prints(
    command_line: CommandLine, requestor: Requestor, start: Start, url: str
) -> None:
    """Without --answer-by-itself, the app prints sessions and does not answer them."""
    with command_line.start("app", "watch", "--server", f"{url}/") as process:
        session = start(ASK_EMAIL)
        read_until(process.stdout, "INITIALIZED: a session for shop asks for attributes")
        read_until(process.stdout, EMAIL)
        process.terminate()
        process.communicate(timeout=300)
    assert requestor.get_status(session) is SessionStatus.INITIALIZED


def test_watch_needs_the_full_address(command_line: CommandLine, url: str) -> None:
    """For a wrong address of the pages, the exit status is 2, and the message says what to use."""
    status, _, err = command_line.run("app", "watch", "--server", f"{url}/app-wrong")
    assert (status, "use the whole address of the page" in err) == (2, True)


def test_session_scanned_by_another_app_is_left_alone(
    memory: InMemoryServer, start: Start, command_line: CommandLine
) -> None:
    """A watching app does not scan a session that another app has scanned."""
    session = start(ASK_EMAIL)
    other = SimulatedApp(memory)
    other.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
    scanned = other.scan(session.pointer)
    with command_line.start("app", "watch", "--answer-by-itself") as process:
        read_until(process.stdout, "CONNECTED: a session for shop")
        process.terminate()
        process.communicate(timeout=300)
    scanned.accept()
    assert scanned.outcome is not None
    assert scanned.outcome.proof_status is ProofStatus.VALID


def test_unreadable_request_is_a_clear_error() -> None:
    """`app show` prints no part of a request that it cannot read, and does not report a bug."""
    session = OpenSession(
        SessionPointer("https://irma.example/irma/session/x", SessionType.DISCLOSING),
        SessionStatus.INITIALIZED,
        started_at=datetime(2026, 11, 30, tzinfo=UTC),
        request={"disclose": 5},
    )
    with pytest.raises(AppError, match="is not what an IRMA server of this version sends"):
        print_session(session, as_json=False)
