"""A pool of sessions with one token, so that each thread that signs has a session of its own.

The login to a token applies to the whole process: the first login counts for all sessions, and the
first logout ends all of them, even those of other signers (PKCS#11 2.40, section 5.6). So only
`close` logs out. A session that ended because another signer logged out is opened again, once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, final

from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PrivateKey, Session, SignMixin, Token
from pkcs11.exceptions import PKCS11Error

from irma_core.errors import ConfigurationError
from irma_signing_pkcs11.failures import TokenError, native
from irma_signing_pkcs11.module import load_module
from irma_signing_pkcs11.uri import KeyUri

__all__ = ["KeySessions"]

_MAX_SESSIONS: Final = 8  # further threads wait for a session
_SHORTEST_KEY: Final = 2048
_RS256: Final = Mechanism.SHA256_RSA_PKCS


class _OpenSession(NamedTuple):
    session: Session
    key: SignMixin
    login: int


@final
class KeySessions:
    """Signs with one key, in a separate session for each thread that signs.

    Args:
        module: The path of the PKCS#11 module.
        key: Identifies the key.
        read_pin: Returns the PIN. It is called for each login.
    """

    def __init__(self, module: str, key: KeyUri, read_pin: Callable[[], bytes]) -> None:
        self._module = module
        self._uri = key
        self._read_pin = read_pin
        self._process = os.getpid()
        self._turns = threading.BoundedSemaphore(_MAX_SESSIONS)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._logged_in: Session | None = None
        self._login = 0  # counted, so that only one thread logs in again
        self._idle: list[_OpenSession] = []
        self._refused: TokenError | None = None

    def open(self) -> None:
        """Log in and find the key.

        Raises:
            TokenError: A step failed, and everything is closed again.
        """
        try:
            self._give_back(self._take())
        except TokenError:
            self.close()
            raise

    def sign(self, data: bytes) -> bytes:
        """Return the signature of some bytes.

        Raises:
            TokenError: The token is gone, or refuses.
        """
        if os.getpid() != self._process:
            raise TokenError(
                "the signer was made before this process was forked: open it in each worker"
            )
        with self._turns:
            try:
                return self._sign(data)
            except TokenError as error:
                if error.kind == "":
                    raise
            return self._sign(data)

    def close(self) -> None:
        """Close all sessions and log out. Signing fails afterwards.

        In a forked process this does nothing, because some tokens would end the parent's sessions.
        """
        if os.getpid() != self._process:
            return
        with self._lock:
            self._refused = TokenError("the signer is closed")
            self._forget()
            if self._logged_in is not None:
                _close(self._logged_in)
                self._logged_in = None

    def _sign(self, data: bytes) -> bytes:
        opened = self._take()
        try:
            signature = native(lambda: opened.key.sign(data, mechanism=_RS256), "signing")
        except TokenError:
            with self._lock:
                if opened.login == self._login:
                    self._forget()
            _close(opened.session)
            raise
        self._give_back(opened)
        return signature

    def _take(self) -> _OpenSession:
        with self._lock:
            if self._refused is not None:
                raise TokenError(str(self._refused))
            if self._idle:
                return self._idle.pop()
            if self._token is not None:
                with suppress(TokenError):
                    return self._open_session(self._token)
                self._forget()  # another signer's logout hides the key, even from new sessions
            return self._open_session(self._log_in())

    def _open_session(self, token: Token) -> _OpenSession:
        session = native(token.open, "opening a session")
        try:
            return _OpenSession(session, _the_key(session, self._uri), self._login)
        except TokenError:
            _close(session)
            raise

    def _give_back(self, opened: _OpenSession) -> None:
        with self._lock:
            if opened.login == self._login:
                self._idle.append(opened)
            else:
                _close(opened.session)

    def _forget(self) -> None:
        """Close all sessions except the one that logged in, because that would log out others."""
        for opened in self._idle:
            _close(opened.session)
        self._idle.clear()
        self._token = None
        self._login += 1

    def _log_in(self) -> Token:
        token = _the_token(self._module, self._uri)
        session = native(token.open, "opening a session")
        # After a login, even by another signer of this process, private keys are visible.
        if not native(lambda: _keys(session, self._uri), "looking for the key"):
            native(session.close, "closing a session")
            session = self._open_with_pin(token)
        self._logged_in, self._token = session, token
        return token

    def _open_with_pin(self, token: Token) -> Session:
        pin = self._pin()
        try:
            return native(lambda: token.open(user_pin=pin), "logging in")
        except TokenError as error:
            if error.kind == "UserAlreadyLoggedIn":
                return native(token.open, "opening a session")
            if error.kind.startswith("Pin"):
                self._refused = error
            raise

    def _pin(self) -> str:
        try:
            pin = self._read_pin().decode().rstrip("\r\n")  # a PIN from a file ends with a newline
            reason = _unlikely(pin)
            if reason is None:
                return pin
        except ConfigurationError as error:
            reason = str(error)  # from the factory context, which shows no secret
        except (OSError, UnicodeDecodeError) as error:
            reason = f"the PIN cannot be read: {type(error).__name__}"
        raise TokenError(reason)


def _unlikely(pin: str) -> str | None:
    """Return why a PIN cannot be right, or None. A wrong PIN costs one of the token's few tries."""
    if not pin:
        return "the PIN is empty, and was not sent"
    if pin.startswith("\ufeff"):
        return "the PIN begins with a byte order mark, and was not sent: save its file without one"
    if pin != pin.strip() or not pin.isprintable():
        return (
            "the PIN begins or ends with whitespace or contains a control character, and was not "
            "sent: write it alone on one line"
        )
    return None


def _close(session: Session) -> None:
    with suppress(PKCS11Error):  # the session may be lost already
        session.close()


def _the_token(module: str, uri: KeyUri) -> Token:
    found: list[Token] = []
    for slot in native(load_module(module).get_slots, "listing the tokens"):
        with suppress(PKCS11Error):  # another slot may be empty, or its token broken
            token = slot.get_token()
            if token.label == uri.token and uri.serial in (None, token.serial.decode()):
                found.append(token)
    if not found:
        raise TokenError("no token has that name")
    if len(found) > 1:
        raise TokenError("several tokens have that name: add serial=…")
    if _RS256 not in native(found[0].slot.get_mechanisms, "listing the token's mechanisms"):
        raise TokenError("the token cannot sign with RS256 (CKM_SHA256_RSA_PKCS)")
    return found[0]


def _the_key(session: Session, uri: KeyUri) -> SignMixin:
    keys = native(lambda: _keys(session, uri), "looking for the key")
    if not keys:
        raise TokenError("the token has no private key with that name")
    if len(keys) > 1:
        raise TokenError("several private keys have that name: add id=…")
    (key,) = keys
    if key.key_type is not KeyType.RSA or key.key_length < _SHORTEST_KEY:
        raise TokenError("RS256 needs an RSA key of 2048 bits or more")
    if not isinstance(key, SignMixin):
        raise TokenError("the key may not sign: its CKA_SIGN is false")
    if _asks_each_time(key):
        raise TokenError(
            "the key asks for the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), which is not "
            "supported: use a key that does not"
        )
    return key


def _asks_each_time(key: PrivateKey) -> bool:
    try:
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    except PKCS11Error:
        return False  # the module is older than the attribute


def _keys(session: Session, uri: KeyUri) -> list[PrivateKey]:
    wanted: dict[Attribute, object] = {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.LABEL: uri.object,
    }
    if uri.id is not None:
        wanted[Attribute.ID] = uri.id
    return [key for key in session.get_objects(wanted) if isinstance(key, PrivateKey)]
