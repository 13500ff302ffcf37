"""Every error that the library raises, and where the fault lies.

    IrmaError
    ├── UsageError                     the calling program is wrong
    │   ├── RequestError               ... in a request; `path` shows where
    │   └── ConfigurationError         ... in a setting, URL or key
    │       └── PluginError            ... in the use of a plugin; see `plugin`
    ├── ServerRefusedError             the server refused the call
    ├── UnexpectedResponseError        the response is not from an IRMA server
    │   └── RedirectError              ... but a redirect: use another base URL
    ├── TransportError                 the network failed; see `request_sent`
    │   ├── ConnectionFailedError      ... no connection, or TLS failed: nothing was sent
    │   ├── ConnectionBrokenError      ... the connection broke later
    │   ├── TransportTimeoutError      ... one attempt took too long
    │   ├── MalformedResponseError     ... the response is not valid HTTP
    │   ├── ResponseTooLargeError      ... the response is over the limit
    │   ├── EventTooLargeError         ... an event of a stream is over the limit
    │   └── GatewayError               ... no token for the gateway: nothing was sent
    ├── DeadlineError                  a call took too long
    ├── SessionMayExistError           starting failed, but a session may exist
    ├── SigningError                   the signer failed
    ├── StoreError                     the store failed
    ├── StatusBackendError             the status backend failed
    ├── VerifierError                  the signature verifier failed
    ├── LoginRefusedError              the application refuses a person
    │   └── OtherPersonError           ... because another person is logged in
    ├── PostRefusedError               a POST to a callback page was refused
    ├── HandleError                    a handle was rejected
    │   ├── HandleInvalidError         ... changed, cut off, or sealed with another key
    │   ├── HandleExpiredError         ... expired
    │   ├── WrongPurposeError          ... sealed for another purpose
    │   ├── WrongBindingError          ... sealed for another web session
    │   └── HandleUsedError            ... already redeemed
    ├── JwtError                       a JWT was rejected; see `code`
    │   ├── ResultJwtError             ... the JWT of a session result
    │   └── RequestJwtError            ... the JWT of a session request
    ├── ProofError                     a proof or signature failed one of our own checks
    └── AnswerError                    the session has no answer
        ├── SessionNotFinishedError    ... it is still running
        ├── NobodyAnsweredError        ... it did not end within the caller's timeout
        ├── SessionCancelledError      ... the person, the app or the caller cancelled it
        ├── SessionTimedOutError       ... it did not end within the server's time limit
        ├── SessionGoneError           ... the server no longer knows it
        ├── ProofNotValidError         ... the proof is not valid
        ├── NullAttributeError         ... the attribute has no value
        ├── WrongSessionError          ... the result belongs to another session
        └── NotWhatWasAskedError       ... the proof is valid, but does not match the request
            ├── SlotNotAnsweredError
            ├── AttributeMissingError
            ├── AttributeNullError
            ├── WrongValueError
            ├── NonRevocationError
            └── SignatureMismatchError

This module only defines exception classes and the facts that they hold. Messages contain codes,
paths and fingerprints, never a token, a key or an attribute value.
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
    "LoginRefusedError",
    "MalformedResponseError",
    "NobodyAnsweredError",
    "NonRevocationError",
    "NotWhatWasAskedError",
    "NullAttributeError",
    "OtherPersonError",
    "PluginError",
    "PostRefusedError",
    "ProofError",
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
    "VerifierError",
    "WrongBindingError",
    "WrongPurposeError",
    "WrongSessionError",
    "WrongValueError",
]


class IrmaError(Exception):
    """The base class: `except IrmaError` catches every error that the library raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Otherwise, to copy an error, Python would call its class with `args` but no facts.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[IrmaError], args: tuple[Any, ...], facts: dict[str, Any]) -> IrmaError:
    error = cls.__new__(cls)
    error.args = args  # OSError, the base of TimeoutError, sets `args` only in __init__
    error.__dict__.update(facts)
    return error


class UsageError(IrmaError, ValueError):
    """The calling program is wrong, and the same call will fail again."""


class RequestError(UsageError):
    """A request is invalid, or would not mean what it seems to say.

    Attributes:
        path: Where the fault is: the path in the request's JSON, but with the names of slots, such
            as `disclose["age"][0][2]`. Empty for the request as a whole.
        reason: What is wrong there.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class ConfigurationError(UsageError):
    """A setting, URL, key or plugin is invalid, or needs a `Risk` that `allow=` does not list."""


class PluginError(ConfigurationError):
    """A plugin is not installed, failed, or conflicts with another one.

    Attributes:
        plugin: Names the plugin's distribution or entry point, or a URI scheme; never a whole URI.
        reason: What is wrong with it.
    """

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"plugin {plugin}: {reason}")
        self.plugin = plugin
        self.reason = reason


class ServerRefusedError(IrmaError):
    """The server refused the call and did nothing.

    Attributes:
        http_status: The HTTP status.
        label: The method and path of the call, with `{token}` in place of the requestor token.
        code: The server's name for the error, such as `SESSION_UNKNOWN`. None if another program
            refused, such as a proxy or a different server at a wrong base URL.
        description: The meaning of the code; empty if this library does not know the code.
        remote_message: The message in the response, which may be empty. This error's own message
            and the logs leave it out, because a gateway may quote the key or attribute value that
            it refused.
        stacktrace: The stack trace from a server in verbose mode; never put in a message or log.
    """

    def __init__(
        self,
        label: str,
        http_status: int,
        *,
        code: str | None = None,
        description: str = "",
        remote_message: str = "",
        stacktrace: str = "",
        advice: str = "",
    ) -> None:
        message = f"{label}: the server refused with HTTP {http_status}"
        if code is not None:
            # A code without a description is unknown, and may quote what was sent.
            message += f" {code}" if description else " and an unknown error code"
        for more in (description, advice):
            if more:
                message += f": {more}"
        if remote_message:
            message += " (for the server's own message see the error's remote_message)"
        super().__init__(message)
        self.label = label
        self.http_status = http_status
        self.code = code
        self.description = description
        self.remote_message = remote_message
        self.stacktrace = stacktrace


class UnexpectedResponseError(IrmaError):
    """No IRMA server sends such a response: it came from a proxy, or was cut off.

    Attributes:
        http_status: The HTTP status.
        label: The method and path of the call, with `{token}` in place of the requestor token.
        reason: What is wrong with the response, with the path in its JSON if there is one.
    """

    def __init__(self, label: str, http_status: int, reason: str) -> None:
        super().__init__(f"{label}: the HTTP {http_status} response {reason}")
        self.label = label
        self.http_status = http_status
        self.reason = reason


class RedirectError(UnexpectedResponseError):
    """The response is a redirect. IRMA servers send none, so the base URL is wrong.

    `target` is the base URL that the redirect points to; empty if that URL cannot be derived. The
    error's message leaves `target` out, because a redirect may repeat secrets from the request.
    """

    def __init__(self, label: str, http_status: int, target: str) -> None:
        where = " (see the error's target)" if target else ""
        reason = "is a redirect, which is not followed: use the base URL that it points to"
        super().__init__(label, http_status, reason + where)
        self.target = target


class TransportError(IrmaError):
    """The network failed.

    Attributes:
        label: The method and path of the call, with `{token}` in place of the requestor token.
        reason: What failed.
        request_sent: Whether any part of the request may have reached the server.
    """

    def __init__(self, label: str, reason: str, *, request_sent: bool) -> None:
        super().__init__(f"{label}: {reason}")
        self.label = label
        self.reason = reason
        self.request_sent = request_sent


class ConnectionFailedError(TransportError):
    """No connection could be made (wrong host or port, or TLS failed). Nothing was sent."""


class ConnectionBrokenError(TransportError):
    """The connection was reset or closed before the response was complete."""


class TransportTimeoutError(TransportError, TimeoutError):
    """One attempt took too long."""


class MalformedResponseError(TransportError):
    """The response is not valid HTTP, or is not encoded as its headers say."""


class ResponseTooLargeError(TransportError):
    """The response, after decompression, is larger than the transport's limit."""


class EventTooLargeError(TransportError):
    """An event in a stream is larger than the decoder's limit."""


class GatewayError(TransportError):
    """There was no valid token for the gateway in front of the server. Nothing was sent.

    Attributes:
        http_status: The authorization server's HTTP status, or 401 if the gateway rejects every
            token. None if the authorization server did not respond.
        code: The error code from the authorization server, such as `invalid_client`. None if it
            sent no code, or one that RFC 6749, section 5.2, does not list.
        may_pass: Whether the same call, with the same settings, may soon succeed.
        retry_after: How many seconds the authorization server asks the caller to wait.
    """

    def __init__(
        self,
        reason: str,
        *,
        http_status: int | None = None,
        code: str | None = None,
        may_pass: bool = False,
        retry_after: float = 0.0,
        label: str = "POST token",
    ) -> None:
        super().__init__(label, reason, request_sent=False)
        self.http_status = http_status
        self.code = code
        self.may_pass = may_pass
        self.retry_after = retry_after


class DeadlineError(IrmaError, TimeoutError):
    """A call to the server, including its retries, took too long.

    The cause, if there is one, is the last failed attempt. If a person takes too long to respond,
    the library raises `NobodyAnsweredError` instead.
    """


class SessionMayExistError(IrmaError):
    """Starting a session failed, and the server may or may not have started one.

    The library did not try again. The caller may try again: an abandoned session ends when the
    server's time limit is up. The cause, if there is one, is the underlying error.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"POST session: {reason}; the server may have started a session, so the library did "
            "not try again. Start another session if a leftover session does no harm"
        )
        self.reason = reason


class SigningError(IrmaError):
    """A signer failed, or did not return a signature. The signer's own error is `__cause__`."""


class StoreError(IrmaError):
    """A store failed, and may have written the value. The store's own error is `__cause__`."""


class StatusBackendError(IrmaError):
    """A status backend failed. The backend's own error is `__cause__`."""


class VerifierError(IrmaError):
    """A signature verifier failed, which says nothing about the signature.

    The verifier's own error is `__cause__`.
    """


class LoginRefusedError(IrmaError):
    """The application refuses a person, although the proof is valid.

    The functions that an application passes to `WebSessions` raise it.

    Attributes:
        sentence: The explanation that the page shows to the person, in their language; None to use
            the library's own sentence. It must not contain another person's attributes.
    """

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__("the application refused this person")
        self.sentence = sentence


class OtherPersonError(LoginRefusedError):
    """The proof belongs to someone other than the person who is logged in."""


class PostRefusedError(IrmaError):
    """A POST that claims to come from the IRMA server was refused, and nothing was done.

    Receivers usually return a reply with the code and do not raise this error. They raise it only
    after an unsigned POST whose session turns out to have no result.

    Attributes:
        code: The reason as one of a fixed set of codes, for programs to test.
        reason: The reason in words, without any content from the POST.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"the POST is refused ({code}): {reason}")
        self.code = code
        self.reason = reason


class HandleError(IrmaError):
    """A handle was rejected. Treat the visitor as if they had sent no handle."""


class HandleInvalidError(HandleError):
    """The handle was changed or cut off, or sealed with a key that is not configured."""


class HandleExpiredError(HandleError):
    """The handle has expired. Start a new session."""


class WrongPurposeError(HandleError):
    """The handle was sealed for another purpose."""


class WrongBindingError(HandleError):
    """The handle was sealed for another web session, so it may have been stolen."""


class HandleUsedError(HandleError):
    """The handle has already been redeemed. A handle can be redeemed only once."""


class JwtError(IrmaError):
    """A JWT was rejected, and nothing in it may be used.

    Attributes:
        code: The reason as a code, for programs to test. `trust.result_jwt` and `trust.request_jwt`
            list all codes, in the order of the checks.
        reason: The reason in words, without any content from the JWT.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"the JWT is refused ({code}): {reason}")
        self.code = code
        self.reason = reason


class ResultJwtError(JwtError):
    """The JWT of a session result was rejected."""


class RequestJwtError(JwtError):
    """The JWT of a session request was rejected."""


class ProofError(IrmaError):
    """A proof or an attribute-based signature did not pass a check in `irma_proofs`.

    Attributes:
        path: Where the fault is, such as `signature[0].a_responses["3"]`. Empty for the whole JSON.
        reason: What is wrong there.
        check: The name of the check that failed, which is the name of its function without
            `check_`; `form` if the JSON does not have the documented form.
        status: The status that irmago reports for this failure (`ProofStatus`): `INVALID`,
            `INVALID_TIMESTAMP`, `UNMATCHED_REQUEST`, `MISSING_ATTRIBUTES` or `EXPIRED`.
    """

    def __init__(
        self, path: str, reason: str, *, check: str = "form", status: str = "INVALID"
    ) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason
        self.check = check
        self.status = status


class AnswerError(IrmaError):
    """The session has no answer; the subclass says why.

    Attributes:
        session: The fingerprint of the requestor token, as in logs.
        reason: Why there is no answer.
    """

    def __init__(self, session: str, reason: str) -> None:
        super().__init__(f"session {session}: {reason}")
        self.session = session
        self.reason = reason


class SessionNotFinishedError(AnswerError):
    """The session is still running. Watch it until its status is final."""

    def __init__(self, session: str, status: str) -> None:
        super().__init__(
            session,
            f"not finished (its status is {status}); use wait_for_answer or watch_status to wait",
        )
        self.status = status


class NobodyAnsweredError(AnswerError, TimeoutError):
    """The session did not end within the caller's timeout.

    `wait_for_answer` and `NextSessionReceiver.follow` cancel the session before they raise this,
    unless `keep_session` is set. `watch_status` leaves the session running.
    """

    def __init__(self, session: str) -> None:
        super().__init__(session, "nobody answered within the timeout")


class SessionCancelledError(AnswerError):
    """The session was cancelled by the person, the app or the requestor.

    By design, this error does not show whether the person refused or lacks the attributes. `code`
    is the server's name for the error if the server refused the app's proofs (`INVALID_PROOFS`,
    `ATTRIBUTES_EXPIRED`), otherwise None.
    """

    def __init__(self, session: str, code: str | None = None) -> None:
        why = f" because of the server's error {code}" if code else ""
        super().__init__(session, f"cancelled{why}")
        self.code = code


class SessionTimedOutError(AnswerError):
    """No app finished the session within the server's time limit."""

    def __init__(self, session: str) -> None:
        super().__init__(
            session, "timed out, because no app finished it in time; start a new session"
        )


class SessionGoneError(AnswerError):
    """The server no longer knows the session: it expired, or the server was restarted."""

    def __init__(self, session: str) -> None:
        super().__init__(
            session, "no longer known to the server (expired or lost); start a new session"
        )


class ProofNotValidError(AnswerError):
    """The app's proof is not valid.

    `proof_status` is the status that the server reported, or None. If the requestor's
    `signature_verifier` rejected the proof, it is the `status` of the `ProofError` in `__cause__`.
    """

    def __init__(self, session: str, proof_status: str | None) -> None:
        super().__init__(session, f"the proof is not valid: {proof_status or 'no proof status'}")
        self.proof_status = proof_status


class NullAttributeError(AnswerError):
    """The program tried to read an attribute that has no value (status `NULL`).

    Whether an attribute has a value depends on the person's credential. Request the attribute with
    `not_null=True`, or check its `is_null` first. `session` is empty, because an attribute has no
    reference to its session.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)
        self.args = (reason,)


class WrongSessionError(AnswerError):
    """The result belongs to another session: its token or type is not the expected one."""


class NotWhatWasAskedError(AnswerError):
    """The proof is valid, but does not match the request.

    Attributes:
        slot: The slot's name or number; None if the mismatch is not in a slot.
        attribute: The identifier of the requested attribute; None if the error does not concern a
            single attribute.
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
    """A required slot was not answered."""


class AttributeMissingError(NotWhatWasAskedError):
    """No option of the slot was disclosed completely."""


class AttributeNullError(NotWhatWasAskedError):
    """An attribute has no value, although the request demands one."""


class WrongValueError(NotWhatWasAskedError):
    """An attribute does not have the value that the request demands."""


class NonRevocationError(NotWhatWasAskedError):
    """The requested proof that a credential is not revoked is missing or too old."""


class SignatureMismatchError(NotWhatWasAskedError):
    """The signature is missing, or signs another message."""
