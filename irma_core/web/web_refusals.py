"""The replies to calls that fail: a code, an HTTP status, and a sentence for the person.

`REFUSALS` lists them all. Codes are stable: pages and tests may rely on them. The sentences are for
people who know nothing about IRMA, and may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, final

import attrs

from irma_core.errors import (
    AnswerError,
    AttributeNullError,
    DeadlineError,
    HandleError,
    HandleExpiredError,
    HandleUsedError,
    IrmaError,
    LoginRefusedError,
    NonRevocationError,
    NullAttributeError,
    OtherPersonError,
    ProofError,
    ProofNotValidError,
    ResultJwtError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionMayExistError,
    SessionNotFinishedError,
    SessionTimedOutError,
    SignatureMismatchError,
    SigningError,
    StoreError,
    TransportError,
    UnexpectedResponseError,
    UsageError,
    VerifierError,
    WrongBindingError,
    WrongValueError,
)
from irma_core.json_text import JsonValue
from irma_core.protocol.policy import is_transient
from irma_core.tracebacks import remove_frames
from irma_core.value_object import ValueObject
from irma_core.web.languages import preferred_language
from irma_core.web.web_messages import HeaderPairs, WebReply, WebRequest, json_reply

__all__ = ["REFUSALS", "Again", "Refusal", "Step", "WebRefusal", "code_of", "refusal_reply"]


class Step(Enum):
    """The kinds of call that a page makes."""

    START = "start"
    FINISH = "finish"
    STATUS = "status"
    CANCEL = "cancel"
    PREFLIGHT = "preflight"


class Again(Enum):
    """The next step that a page may take after a refusal."""

    NOTHING = None
    """The page can do nothing to recover."""
    FINISH = "finish"
    """The page may call `finish` again, because the disclosed attributes are still available."""
    START = "start"
    """The page may start another session."""
    SAME = "same"
    """The page may make the same call again."""


@final
@attrs.frozen(eq=False, repr=False)
class Refusal(ValueObject):
    """The reply for one refusal code, as in `REFUSALS`.

    Args:
        status: The HTTP status.
        again: What the page may do next.
        en: The sentence for the person, in English.
        nl: The sentence for the person, in Dutch.
    """

    status: int
    again: Again
    en: str
    nl: str


_AT_FAULT_EN: Final = "Something is wrong with this website. Please try again later."
_AT_FAULT_NL: Final = "Er is iets misgegaan op deze website. Probeer het later opnieuw."
_START_EN: Final = "Please start again."
_START_NL: Final = "Begin opnieuw."

REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # The request.
        "unknown_question": Refusal(
            404,
            Again.NOTHING,
            "This website does not recognise this request. Please go back and try again.",
            "Deze website kent dit verzoek niet. Ga terug en probeer het opnieuw.",
        ),
        "url_invalid": Refusal(400, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "method": Refusal(405, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "other_site": Refusal(
            403,
            Again.NOTHING,
            "This request came from another website, so it was refused.",
            "Dit verzoek komt van een andere website en is daarom geweigerd.",
        ),
        "body_too_large": Refusal(413, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "media_type": Refusal(415, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "body_not_json": Refusal(400, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "body_invalid": Refusal(400, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "too_many": Refusal(
            429,
            Again.START,
            "There were too many requests from your network. Please wait a minute and try again.",
            "Er kwamen te veel verzoeken van uw netwerk. Wacht een minuut, en probeer het opnieuw.",
        ),
        # The handle and the browser.
        "no_cookie": Refusal(
            403,
            Again.START,
            "Your browser did not send our cookie. Please return to the browser in which you "
            "started, or allow cookies and start again.",
            "Uw browser heeft onze cookie niet meegestuurd. Ga terug naar de browser waarin u "
            "bent begonnen, of sta cookies toe en begin opnieuw.",
        ),
        "other_browser": Refusal(
            403,
            Again.START,
            "You started in another browser. Please return to that browser, or start again here.",
            "U bent hiermee begonnen in een andere browser. Ga terug naar die browser, of begin "
            "hier opnieuw.",
        ),
        "handle_invalid": Refusal(
            400,
            Again.START,
            f"This page could not find what you started. {_START_EN}",
            f"Deze pagina kan niet vinden waarmee u bent begonnen. {_START_NL}",
        ),
        "handle_expired": Refusal(
            410,
            Again.START,
            f"This took too long. {_START_EN}",
            f"Dit duurde te lang. {_START_NL}",
        ),
        "already_used": Refusal(
            409,
            Again.START,
            "You have already completed this step. If you are not on the page you wanted, "
            "please start again.",
            "U heeft deze stap al afgerond. Bent u niet op de pagina die u zocht? Begin dan "
            "opnieuw.",
        ),
        "interrupted": Refusal(
            409,
            Again.START,
            "This was interrupted, but it may have worked. Please reload the page. If it did not "
            "work, start again.",
            "Dit is onderbroken, maar misschien toch gelukt. Laad de pagina opnieuw. Is het niet "
            "gelukt? Begin dan opnieuw.",
        ),
        "busy": Refusal(
            409,  # another call is still running, so nothing has failed
            Again.FINISH,
            "Your request is still being processed. Please wait a moment.",
            "Uw verzoek wordt nog verwerkt. Een ogenblik geduld.",
        ),
        # The answer.
        "not_finished": Refusal(
            409,
            Again.FINISH,
            "You are not finished in the app yet. Please complete the steps there.",
            "U bent nog niet klaar in de app. Rond de stappen in de app af.",
        ),
        "cancelled": Refusal(
            403,
            Again.START,
            "This was cancelled. Nothing was shared.",
            "Dit is geannuleerd. Er is niets gedeeld.",
        ),
        "timed_out": Refusal(
            403,
            Again.START,
            f"The app did not respond in time. {_START_EN}",
            f"De app heeft niet op tijd gereageerd. {_START_NL}",
        ),
        "session_gone": Refusal(
            403,
            Again.START,
            f"This took too long. No data was kept. {_START_EN}",
            f"Dit duurde te lang. Er zijn geen gegevens bewaard. {_START_NL}",
        ),
        "value_missing": Refusal(
            403,
            Again.START,
            "A card in your app is missing data that we need. Please add that card again, or use "
            "another card.",
            "Op een kaartje in uw app ontbreekt een gegeven dat we nodig hebben. Haal dat kaartje "
            "opnieuw op, of gebruik een ander kaartje.",
        ),
        "wrong_value": Refusal(
            403,
            Again.START,
            "The data from your app is not what this page requires.",
            "De gegevens uit uw app voldoen niet aan wat deze pagina vraagt.",
        ),
        "proof_invalid": Refusal(
            403,
            Again.START,
            "The data from your app could not be verified, perhaps because a card was revoked. "
            "Please add that card to your app again.",
            "De gegevens uit uw app konden niet worden gecontroleerd, misschien omdat een kaartje "
            "is ingetrokken. Haal dat kaartje opnieuw op in uw app.",
        ),
        "card_expired": Refusal(
            403,
            Again.START,
            "A card in your app has expired. Please add it again, or use another card.",
            "Een kaartje in uw app is verlopen. Haal het opnieuw op, of gebruik een ander kaartje.",
        ),
        "other_answer": Refusal(
            403,
            Again.START,
            f"Your app did not share what this page needs. {_START_EN}",
            f"Uw app heeft niet gedeeld wat deze pagina nodig heeft. {_START_NL}",
        ),
        "login_refused": Refusal(
            403,
            Again.START,
            "You cannot continue with the data that you shared.",
            "U kunt niet verder met de gegevens die u heeft gedeeld.",
        ),
        "other_person": Refusal(
            403,
            Again.NOTHING,
            "This data does not belong to the person who is logged in. Please log out first.",
            "Deze gegevens zijn van iemand anders dan degene die is ingelogd. Log eerst uit.",
        ),
        # The systems behind the page.
        "server_unavailable": Refusal(
            503,
            Again.SAME,
            "The service behind this page is not responding. Please try again in a moment.",
            "De dienst achter deze pagina reageert niet. Probeer het over enkele minuten opnieuw.",
        ),
        "store_unavailable": Refusal(
            503,
            Again.SAME,
            "This website is temporarily unavailable. Please try again shortly.",
            "Deze website is tijdelijk niet beschikbaar. Probeer het over enkele minuten opnieuw.",
        ),
        "server_refused": Refusal(502, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "misconfigured": Refusal(500, Again.NOTHING, _AT_FAULT_EN, _AT_FAULT_NL),
        "failed": Refusal(
            500,
            Again.SAME,
            "Something went wrong. Please try again.",
            "Er is iets misgegaan. Probeer het opnieuw.",
        ),
    }
)

_RETRY_AFTER: Final = "2"
"""The value of the header `Retry-After` in each 503 response, in seconds."""
_UNAVAILABLE: Final = 503

_BY_ERROR: Final[tuple[tuple[type[Exception], str], ...]] = (
    (HandleExpiredError, "handle_expired"),
    (WrongBindingError, "other_browser"),
    (HandleUsedError, "already_used"),
    (HandleError, "handle_invalid"),
    (SessionNotFinishedError, "not_finished"),
    (SessionCancelledError, "cancelled"),
    (SessionTimedOutError, "timed_out"),
    (SessionGoneError, "session_gone"),
    (NullAttributeError, "value_missing"),
    (AttributeNullError, "value_missing"),
    (WrongValueError, "wrong_value"),
    (ProofNotValidError, "proof_invalid"),
    (NonRevocationError, "proof_invalid"),
    (SignatureMismatchError, "proof_invalid"),
    (ProofError, "proof_invalid"),
    (AnswerError, "other_answer"),
    (OtherPersonError, "other_person"),
    (LoginRefusedError, "login_refused"),
    (StoreError, "store_unavailable"),
    (TransportError, "server_unavailable"),
    (DeadlineError, "server_unavailable"),
    (SigningError, "server_unavailable"),
    (VerifierError, "server_unavailable"),
    (SessionMayExistError, "server_unavailable"),
    (ServerRefusedError, "server_refused"),
    (UnexpectedResponseError, "server_refused"),
    (ResultJwtError, "server_refused"),
    (UsageError, "misconfigured"),
)
"""Refusal codes by class of error. The first class in this list that matches an error decides."""


_BY_PROOF_STATUS: Final = {"EXPIRED": "card_expired", "MISSING_ATTRIBUTES": "other_answer"}


class WebRefusal(Exception):  # noqa: N818  # it never leaves this package
    """Raised when a step of a flow refuses the page's request.

    Attributes:
        code: The refusal's code, a key of `REFUSALS`.
        session: The fingerprint of the session's token; empty if the session is not known.
    """

    def __init__(self, code: str, session: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.session = session


def code_of(error: Exception) -> str:
    """Return the refusal code for an error that a flow raised."""
    if isinstance(error, WebRefusal):
        return error.code
    if isinstance(error, IrmaError) and is_transient(error):
        return "server_unavailable"
    if isinstance(error, ProofNotValidError) and error.proof_status in _BY_PROOF_STATUS:
        return _BY_PROOF_STATUS[error.proof_status]
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return "failed"


def refusal_reply(
    error: Exception, step: Step, request: WebRequest, headers: HeaderPairs = ()
) -> WebReply:
    """Return the reply for an error that a flow raised.

    Args:
        error: The error. A `LoginRefusedError` may have its own sentence for the reply; for other
            errors, the sentence comes from `REFUSALS`. This function removes the library's frames
            from the error's traceback, because the error will be logged.
        step: Which call the page made.
        request: The page's request. Its `Accept-Language` decides the language of the sentence.
        headers: Further headers for the reply.
    """
    remove_frames(error)
    code = code_of(error)
    refusal = REFUSALS[code]
    language = preferred_language(",".join(request.header_values("accept-language")))
    sentence = refusal.nl if language == "nl" else refusal.en
    if isinstance(error, LoginRefusedError) and isinstance(error.sentence, str):
        sentence = error.sentence.encode("utf-8", "replace").decode()
    again = refusal.again.value
    if refusal.again is Again.SAME:
        again = step.value if step in {Step.START, Step.FINISH} else None
    if refusal.status == _UNAVAILABLE:
        headers = (*headers, ("retry-after", _RETRY_AFTER))
    if code == "method":
        headers = (*headers, ("allow", "POST"))
    value: JsonValue = {"error": {"code": code, "message": sentence, "again": again}}
    raised = None if isinstance(error, WebRefusal) else error
    return json_reply(refusal.status, value, headers, code=code, error=raised)
