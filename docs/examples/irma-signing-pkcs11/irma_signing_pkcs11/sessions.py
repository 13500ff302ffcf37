"""The sessions at one token, each with the key at hand: one for each thread that signs at once.

Belongs here: login, the pool, and what happens when a session is lost. Does not belong here: whom
the errors blame (`signer`).

A process logs in to a token, not a session: the first login counts for all, and the first logout
ends it for all, signers of others included (PKCS#11 2.40, section 5.6). So nothing here logs out
but `close`, and a session that is suddenly worth nothing is opened anew, once.
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

_MOST: Final = 8  # at once; more threads wait for a turn
_SHORTEST_KEY: Final = 2048
_RS256: Final = Mechanism.SHA256_RSA_PKCS


class _Opened(NamedTuple):
    session: Session
    key: SignMixin
    login: int


@final
class KeySessions:
    """Signs with one key, on as many sessions as there are threads that sign.

    Args:
        module: The path of the PKCS#11 module.
        key: Which key.
        read_pin: Is called for each login.
    """

    def __init__(self, module: str, key: KeyUri, read_pin: Callable[[], bytes]) -> None:
        self._module = module
        self._uri = key
        self._read_pin = read_pin
        self._process = os.getpid()
        self._turns = threading.BoundedSemaphore(_MOST)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._logged_in: Session | None = None
        self._login = 0  # counted, so that of many threads that lose it one logs in again
        self._idle: list[_Opened] = []
        self._refused: TokenError | None = None

    def open(self) -> None:
        """Log in and find the key.

        Raises:
            TokenError: Something of it fails; nothing stays open then.
        """
        try:
            self._give_back(self._take())
        except TokenError:
            self.close()
            raise

    def sign(self, data: bytes) -> bytes:
        """Give the signature over some bytes.

        Raises:
            TokenError: The token is gone, or refuses.
        """
        if os.getpid() != self._process:
            raise TokenError("it was made before this process was forked: wire it in each worker")
        with self._turns:
            try:
                return self._sign(data)
            except TokenError as error:
                if error.kind == "":
                    raise
            return self._sign(data)

    def close(self) -> None:
        """Close all sessions and log out; signing fails from then on.

        After a fork it does nothing: the sessions are the parent's, and some tokens would end them.
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
            signature = native(lambda: opened.key.sign(data, mechanism=_RS256), "it signed")
        except TokenError:
            with self._lock:
                if opened.login == self._login:
                    self._forget()
            _close(opened.session)
            raise
        self._give_back(opened)
        return signature

    def _take(self) -> _Opened:
        with self._lock:
            if self._refused is not None:
                raise TokenError(str(self._refused))
            if self._idle:
                return self._idle.pop()
            if self._token is not None:
                with suppress(TokenError):
                    return self._opened(self._token)
                self._forget()  # who logged out since hides the key, from new sessions too
            return self._opened(self._log_in())

    def _opened(self, token: Token) -> _Opened:
        session = native(token.open, "a session was opened")
        try:
            return _Opened(session, _the_key(session, self._uri), self._login)
        except TokenError:
            _close(session)
            raise

    def _give_back(self, opened: _Opened) -> None:
        with self._lock:
            if opened.login == self._login:
                self._idle.append(opened)
            else:
                _close(opened.session)

    def _forget(self) -> None:
        """Let go of all sessions but the one that logged in: its end would log out others, too."""
        for opened in self._idle:
            _close(opened.session)
        self._idle.clear()
        self._token = None
        self._login += 1

    def _log_in(self) -> Token:
        token = _the_token(self._module, self._uri)
        session = native(token.open, "a session was opened")
        # Private keys are seen by who is logged in, be it by another signer of this process.
        if not native(lambda: _keys(session, self._uri), "the key was looked for"):
            native(session.close, "a session was closed")
            session = self._opened_with_pin(token)
        self._logged_in, self._token = session, token
        return token

    def _opened_with_pin(self, token: Token) -> Session:
        pin = self._pin()
        try:
            return native(lambda: token.open(user_pin=pin), "it logged in")
        except TokenError as error:
            if error.kind == "UserAlreadyLoggedIn":
                return native(token.open, "a session was opened")
            if error.kind.startswith("Pin"):
                self._refused = error
            raise

    def _pin(self) -> str:
        try:
            pin = self._read_pin().decode().rstrip("\r\n")  # a file ends with a newline
            reason = _unlikely(pin)
            if reason is None:
                return pin
        except ConfigurationError as error:
            reason = str(error)  # the wiring context's, which has no secret in it
        except (OSError, UnicodeDecodeError) as error:
            reason = f"the PIN cannot be read: {type(error).__name__}"
        raise TokenError(reason)


def _unlikely(pin: str) -> str | None:
    """Return why a PIN cannot be right: to send it costs one of a token's few tries."""
    if not pin:
        return "the PIN is empty, and was not sent"
    if pin.startswith("\ufeff"):
        return "the PIN begins with a byte order mark, and was not sent: save its file without one"
    if pin != pin.strip() or not pin.isprintable():
        return (
            "the PIN begins or ends with whitespace or has a control character in it, and was not "
            "sent: write it alone on one line"
        )
    return None


def _close(session: Session) -> None:
    with suppress(PKCS11Error):  # it may be lost already
        session.close()


def _the_token(module: str, uri: KeyUri) -> Token:
    found: list[Token] = []
    for slot in native(load_module(module).get_slots, "tokens were looked for"):
        with suppress(PKCS11Error):  # another slot may be empty, or its token broken
            token = slot.get_token()
            if token.label == uri.token and uri.serial in (None, token.serial.decode()):
                found.append(token)
    if not found:
        raise TokenError("no token of that name is there")
    if len(found) > 1:
        raise TokenError("several tokens have that name: tell them apart by serial=…")
    if _RS256 not in native(found[0].slot.get_mechanisms, "it said what it can do"):
        raise TokenError("the token cannot sign by RS256 (CKM_SHA256_RSA_PKCS)")
    return found[0]


def _the_key(session: Session, uri: KeyUri) -> SignMixin:
    keys = native(lambda: _keys(session, uri), "the key was looked for")
    if not keys:
        raise TokenError("the token has no private key of that name")
    if len(keys) > 1:
        raise TokenError("several private keys have that name: tell them apart by id=…")
    (key,) = keys
    if key.key_type is not KeyType.RSA or key.key_length < _SHORTEST_KEY:
        raise TokenError("RS256 needs an RSA key of 2048 bits or more")
    if not isinstance(key, SignMixin):
        raise TokenError("the key may not sign: its CKA_SIGN is false")
    if _asks_each_time(key):
        raise TokenError(
            "the key asks for the PIN at each signature (CKA_ALWAYS_AUTHENTICATE), which is not "
            "supported: use a key that does not"
        )
    return key


def _asks_each_time(key: PrivateKey) -> bool:
    try:
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    except PKCS11Error:
        return False  # a module older than the attribute


def _keys(session: Session, uri: KeyUri) -> list[PrivateKey]:
    wanted: dict[Attribute, object] = {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.LABEL: uri.object,
    }
    if uri.id is not None:
        wanted[Attribute.ID] = uri.id
    return [key for key in session.get_objects(wanted) if isinstance(key, PrivateKey)]
