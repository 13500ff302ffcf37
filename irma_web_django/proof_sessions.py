"""Keep proofs in Django's session, and let a repeated `finish` call continue in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from irma_core.web.proofs import Proof
from irma_core.web.web_answers import WebAnswer
from irma_web_django.irma_site import IrmaSite, current_site

__all__ = ["forget", "join", "keep", "proof_of"]

_KEY: Final = "irma_proofs"


def keep(site: IrmaSite, request: HttpRequest, web_answer: WebAnswer) -> str:
    """Keep an answer in the session, save the session, and return the session's key."""
    sealed = site.proofs.seal(web_answer, now=site.now())
    kept: dict[str, str] = request.session.get(_KEY, {})
    request.session[_KEY] = {**kept, web_answer.name: sealed}
    request.session.save()
    return str(request.session.session_key)


def proof_of(request: HttpRequest, name: str, max_age: timedelta | None = None) -> Proof | None:
    """Return the visitor's proof, or None if it is missing or too old."""
    site = current_site()
    kept: dict[str, str] = request.session.get(_KEY, {})
    return site.proofs.unseal(kept.get(name), name, now=site.now(), max_age=max_age)


def forget(request: HttpRequest, name: str) -> None:
    """Delete the visitor's proof for a question."""
    kept: dict[str, str] = request.session.get(_KEY, {})
    if name in kept:
        request.session[_KEY] = {each: kept[each] for each in kept if each != name}


def join(request: HttpRequest, response: HttpResponse, key: str) -> None:
    """Set the session cookie to `key`, so that the browser uses the saved session with that key.

    Django's middleware sends the cookie only if it also saves the session. Another tab may have
    logged out in the meantime, and saving would then fail.
    """
    session: Any = request.session
    if session.session_key != key:
        session = type(session)(key)
        if not session.exists(key):
            return
        request.session = session
    session.modified = False
    age = None if session.get_expire_at_browser_close() else session.get_expiry_age()
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        key,
        max_age=age,
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
