"""Every error that can come out of the library, and whom it blames.

    IrmaError
    ├── UsageError                     the caller: fix the program
    │   ├── RequestError               ... a request, at the place it names
    │   └── ConfigurationError         ... a setting, an address or a key
    │       └── PluginError            ... or a plugin, which it names
    ├── ServerRefusedError             the server said no
    ├── UnexpectedResponseError        the server said what no IRMA server says
    │   └── RedirectError              ... a redirect: the base URL is another one
    ├── TransportError                 the wire; `request_sent` tells how far it got
    │   ├── ConnectionFailedError      ... no connection, or TLS refused: nothing was sent
    │   ├── ConnectionBrokenError      ... it broke after that
    │   ├── TransportTimeoutError      ... the time of one try was up
    │   ├── MalformedResponseError     ... what came is not HTTP
    │   ├── ResponseTooLargeError      ... the answer is over the limit
    │   ├── EventTooLargeError         ... one event of a stream is
    │   └── GatewayError               ... no token for the gateway on the way: nothing was sent
    ├── DeadlineError                  the time of one call was up
    ├── SessionMayExistError           a start ended without saying whether a session was made
    ├── SigningError                   the signer failed
    ├── StoreError                     the store failed
    ├── StatusBackendError             the status backend failed
    ├── PostRefusedError               a POST is not the server's, or not for this place
    ├── HandleError                    a sealed text is not to be taken
    │   ├── HandleInvalidError         ... changed, cut, or sealed with another key
    │   ├── HandleExpiredError         ... too old
    │   ├── WrongPurposeError          ... sealed for something else
    │   ├── WrongBindingError          ... sealed for another web session
    │   └── HandleUsedError            ... redeemed before
    ├── JwtError                       a JWT is not to be believed; `code` tells why
    │   ├── ResultJwtError             ... of a session result
    │   └── RequestJwtError            ... of a session request
    └── AnswerError                    the session has no answer to give
        ├── SessionNotFinishedError    ... yet
        ├── NobodyAnsweredError        ... in the time that the caller waits
        ├── SessionCancelledError      ... the person or the app said no
        ├── SessionTimedOutError       ... in the time that the server gives
        ├── SessionGoneError           ... the server no longer knows it
        ├── ProofNotValidError         ... the proof does not hold
        ├── NullAttributeError         ... for this attribute: it has no value
        ├── WrongSessionError          ... the result belongs to another session
        └── NotWhatWasAskedError       ... the proof holds, but not for what was asked
            ├── SlotNotAnsweredError
            ├── AttributeMissingError
            ├── AttributeNullError
            ├── WrongValueError
            ├── NonRevocationError
            └── SignatureMismatchError

Belongs here: classes with flat facts. Texts carry codes, places and fingerprints, never a token, a
key or an attribute value. Does not belong here: models, or anything that finds an error.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AnswerError",
    "AttributeMissingError",
    "AttributeNullError",
    "ConfigurationError",
    "ConnectionBrokenError",
    "ConnectionFailedError",
    "DeadlineError",
    "EventTooLargeError",
    "GatewayError",
    "HandleError",
    "HandleExpiredError",
    "HandleInvalidError",
    "HandleUsedError",
    "IrmaError",
    "JwtError",
    "MalformedResponseError",
    "NobodyAnsweredError",
    "NonRevocationError",
    "NotWhatWasAskedError",
    "NullAttributeError",
    "PluginError",
    "PostRefusedError",
    "ProofNotValidError",
    "RedirectError",
    "RequestError",
    "RequestJwtError",
    "ResponseTooLargeError",
    "ResultJwtError",
    "ServerRefusedError",
    "SessionCancelledError",
    "SessionGoneError",
    "SessionMayExistError",
    "SessionNotFinishedError",
    "SessionTimedOutError",
    "SignatureMismatchError",
    "SigningError",
    "SlotNotAnsweredError",
    "StatusBackendError",
    "StoreError",
    "TransportError",
    "TransportTimeoutError",
    "UnexpectedResponseError",
    "UsageError",
    "WrongBindingError",
    "WrongPurposeError",
    "WrongSessionError",
    "WrongValueError",
]


class IrmaError(Exception):
    """The root: `except IrmaError` catches all that the library raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The facts are keyword arguments, which BaseException's own way would not hand back.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[IrmaError], args: tuple[Any, ...], facts: dict[str, Any]) -> IrmaError:
    error = cls.__new__(cls)
    error.args = args  # OSError, from which TimeoutError comes, takes them in __init__ only
    error.__dict__.update(facts)
    return error


class UsageError(IrmaError, ValueError):
    """The calling program is wrong; the same call will fail again."""


class RequestError(UsageError):
    """A request that no server would take, or that would not mean what it says.

    `place` is where, in the request's JSON with the slots' own names: `disclose["age"][0][2]`.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason


class ConfigurationError(UsageError):
    """A setting, an address, a key or a plugin is wrong, or misses a permission by name."""


class PluginError(ConfigurationError):
    """A plugin failed to load or raised, clashes with another, or is not installed.

    `plugin` is the name of its distribution or entry point, or the URI scheme in question: never a
    whole URI.
    """

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"plugin {plugin}: {reason}")
        self.plugin = plugin
        self.reason = reason


class ServerRefusedError(IrmaError):
    """The server refused the call, and nothing was done.

    Attributes:
        http_status: The HTTP status.
        path: Method and path, with `{token}` for the requestor token.
        code: irmago's error name such as `SESSION_UNKNOWN`; None where the refusal is not
            irmago's (a proxy, or a base URL that is not an IRMA server's).
        description: What the code means, if it is one that this library knows; else empty.
        remote_message: The other side's own words on this case; may be empty. A gateway may quote
            what it refused, a key or an attribute's value: it is in no text, and in no log.
        stacktrace: What a verbose server sent along. It is in no text either.
    """

    def __init__(
        self,
        path: str,
        http_status: int,
        *,
        code: str | None = None,
        description: str = "",
        remote_message: str = "",
        stacktrace: str = "",
        advice: str = "",
    ) -> None:
        words = f"{path}: the server refused with HTTP {http_status}"
        if code is not None:
            # Without a description the code is no name that is known here, and may quote.
            words += f" {code}" if description else " and a code of its own"
        for more in (description, advice):
            if more:
                words += f": {more}"
        if remote_message:
            words += " (the error's remote_message has its own words)"
        super().__init__(words)
        self.path = path
        self.http_status = http_status
        self.code = code
        self.description = description
        self.remote_message = remote_message
        self.stacktrace = stacktrace


class UnexpectedResponseError(IrmaError):
    """The response is none that an IRMA server gives: a proxy's, a cut or a foreign one.

    Attributes:
        http_status: The HTTP status.
        path: Method and path, with `{token}` for the requestor token.
        reason: What was found, and where in the JSON.
    """

    def __init__(self, path: str, http_status: int, reason: str) -> None:
        super().__init__(f"{path}: HTTP {http_status} {reason}")
        self.path = path
        self.http_status = http_status
        self.reason = reason


class RedirectError(UnexpectedResponseError):
    """The server answered with a redirect. IRMA servers never do: the base URL is another one.

    `target` is the base URL that it points to, as far as that can be told; else empty. It is in no
    text, since a redirect may repeat what was sent.
    """

    def __init__(self, path: str, http_status: int, target: str) -> None:
        where = " (the error's target)" if target else ""
        super().__init__(
            path,
            http_status,
            "is a redirect, and redirects are not followed: use the base URL that it points to"
            + where,
        )
        self.target = target


class TransportError(IrmaError):
    """The wire failed.

    Attributes:
        path: Method and path, with `{token}` for the requestor token.
        request_sent: Whether a byte of the request may have reached the server.
    """

    def __init__(self, path: str, reason: str, *, request_sent: bool) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.request_sent = request_sent


class ConnectionFailedError(TransportError):
    """No connection: the name, the address, the port or TLS. Nothing was sent."""


class ConnectionBrokenError(TransportError):
    """The connection was reset or closed before the whole response had come."""


class TransportTimeoutError(TransportError, TimeoutError):
    """The time for one request was up."""


class MalformedResponseError(TransportError):
    """What came back is not HTTP, or not in the encoding it claims."""


class ResponseTooLargeError(TransportError):
    """The response is over the transport's limit, counted after decompression."""


class EventTooLargeError(TransportError):
    """An event of a stream is over the decoder's limit."""


class GatewayError(TransportError):
    """There is no token that the gateway in front of the server takes; the server saw no request.

    Attributes:
        http_status: The HTTP status of the authorization server, or 401 where the gateway refuses
            each token; None where the authorization server gave no response.
        code: Its error code (RFC 6749, section 5.2) such as `invalid_client`; None without one, or
            with one of its own.
        may_pass: Whether the same call may well succeed soon, without a change of settings.
        retry_after: Seconds that the authorization server asks to wait.
    """

    def __init__(
        self,
        reason: str,
        *,
        http_status: int | None = None,
        code: str | None = None,
        may_pass: bool = False,
        retry_after: float = 0.0,
        path: str = "POST token",
    ) -> None:
        super().__init__(path, reason, request_sent=False)
        self.http_status = http_status
        self.code = code
        self.may_pass = may_pass
        self.retry_after = retry_after


class DeadlineError(IrmaError, TimeoutError):
    """The time of a call to the server was up. Its cause, if any, is the last failure before it.

    A wait for a person that ends without an answer is a `NobodyAnsweredError`.
    """


class SessionMayExistError(IrmaError):
    """`POST session` ended so that nobody here can know whether a session was made.

    Starting again may leave a session behind that nobody watches; it ends by its own time-out. The
    cause tells what happened.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"POST session: {reason}; a session may have been started: it was not tried again, "
            "start anew if that is acceptable"
        )
        self.reason = reason


class SigningError(IrmaError):
    """A signer failed or gave something that is no signature. Its cause is the signer's error."""


class StoreError(IrmaError):
    """A store failed: whether it holds what it was given is not known. Its cause is the store's."""


class StatusBackendError(IrmaError):
    """A status backend failed. Its cause is the backend's own error."""


class PostRefusedError(IrmaError):
    """A POST that claims to come from the IRMA server is refused, and nothing was done.

    Receivers give a reply that tells both; it is raised only after an unsigned post, where the end
    of its session cannot be learnt later either.

    Attributes:
        code: Why, in a word.
        reason: The same for people. Neither tells anything of what the POST holds.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"the POST is refused ({code}): {reason}")
        self.code = code
        self.reason = reason


class HandleError(IrmaError):
    """A sealed text that came back is not to be taken: treat the visitor as one without any."""


class HandleInvalidError(HandleError):
    """It was changed or cut, or no key at hand sealed it."""


class HandleExpiredError(HandleError):
    """It is older than it may be: start anew."""


class WrongPurposeError(HandleError):
    """It was sealed for another purpose."""


class WrongBindingError(HandleError):
    """It was sealed for another web session: somebody brought a handle that is not theirs."""


class HandleUsedError(HandleError):
    """It was redeemed before, and counts once."""


class JwtError(IrmaError):
    """A JWT is refused: nothing in it counts.

    Attributes:
        code: Why, in a word; `trust.result_jwt` and `trust.request_jwt` have all of them, in the
            order of checks.
        reason: The same for people. Neither tells anything of what the JWT holds.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"the JWT is refused ({code}): {reason}")
        self.code = code
        self.reason = reason


class ResultJwtError(JwtError):
    """The JWT of a session result is refused."""


class RequestJwtError(JwtError):
    """The JWT of a session request is refused."""


class AnswerError(IrmaError):
    """The session gives no answer; the class tells why.

    `session` is the fingerprint of the requestor token, as logs show it.
    """

    def __init__(self, session: str, reason: str) -> None:
        super().__init__(f"session {session}: {reason}")
        self.session = session
        self.reason = reason


class SessionNotFinishedError(AnswerError):
    """The session still runs: watch it until its status is final."""

    def __init__(self, session: str, status: str) -> None:
        super().__init__(
            session, f"not finished, its status is {status}: wait_for_answer or watch_status waits"
        )
        self.status = status


class NobodyAnsweredError(AnswerError, TimeoutError):
    """The timeout of a wait was up before the session ended.

    `wait_for_answer` and `follow_chain` have then cancelled the session, unless `keep_session`
    says otherwise; `watch_status` leaves it as it is.
    """

    def __init__(self, session: str) -> None:
        super().__init__(session, "nobody answered within the timeout")


class SessionCancelledError(AnswerError):
    """The person refused, lacked the attributes, or the app or the requestor cancelled.

    By design nobody can tell the first two apart. `code` is irmago's error name where the app's
    proofs were refused (`INVALID_PROOFS`, `ATTRIBUTES_EXPIRED`), else None.
    """

    def __init__(self, session: str, code: str | None = None) -> None:
        super().__init__(session, "cancelled" + (f" after {code}" if code else ""))
        self.code = code


class SessionTimedOutError(AnswerError):
    """No app came, or it did not finish, before the session's time-out."""

    def __init__(self, session: str) -> None:
        super().__init__(session, "timed out: no app finished it in time")


class SessionGoneError(AnswerError):
    """The server no longer knows the session: it expired there, or the server restarted."""

    def __init__(self, session: str) -> None:
        super().__init__(
            session, "expired or lost: the server no longer knows it; start a new session"
        )


class ProofNotValidError(AnswerError):
    """The app's proof does not hold. `proof_status` is the server's word for it, or None."""

    def __init__(self, session: str, proof_status: str | None) -> None:
        super().__init__(session, f"the proof is not valid: {proof_status or 'no proof status'}")
        self.proof_status = proof_status


class NullAttributeError(AnswerError):
    """The value of an attribute without one (status `NULL`) was read.

    What the person holds decides whether it is raised. Ask for the attribute with `not_null=True`,
    or look at `is_null` first. Its `session` is empty: an attribute does not know its session.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)
        self.args = (reason,)


class WrongSessionError(AnswerError):
    """The result belongs to another session: its token or its type is not the one expected."""


class NotWhatWasAskedError(AnswerError):
    """The proof holds, but it is not one of what was asked.

    `slot` is the slot's name or number, `attribute` the identifier asked for; None where neither
    applies.
    """

    def __init__(
        self,
        session: str,
        reason: str,
        *,
        slot: str | int | None = None,
        attribute: str | None = None,
    ) -> None:
        super().__init__(session, reason)
        self.slot = slot
        self.attribute = attribute


class SlotNotAnsweredError(NotWhatWasAskedError):
    """A slot that is not optional was not answered."""


class AttributeMissingError(NotWhatWasAskedError):
    """No option of the slot was disclosed whole."""


class AttributeNullError(NotWhatWasAskedError):
    """An attribute is `NULL` where `value` or `notNull` forbids it."""


class WrongValueError(NotWhatWasAskedError):
    """An attribute has another value than the one demanded."""


class NonRevocationError(NotWhatWasAskedError):
    """The demanded proof that a credential is not revoked is absent, or too old."""


class SignatureMismatchError(NotWhatWasAskedError):
    """There is no signature, or it is over another message."""
