"""Complete a session: log the person in if it is a login, and keep the proof in Django's session.

All of this is one transaction, which also records that the session is complete. If the database
fails, nothing is stored, and a repeated call does everything again. If only the reply to the commit
is lost, the repeated call finds the record and does not log the person in a second time.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_login_failed
from django.db import InterfaceError, OperationalError, router, transaction
from django.http import HttpRequest

from irma_core.errors import LoginRefusedError
from irma_core.web.web_answers import WebAnswer
from irma_web_django import proof_sessions, signals
from irma_web_django.irma_site import IrmaSite
from irma_web_django.models import IrmaAccount, IrmaEntry

__all__ = ["DATABASE_AWAY", "complete_once"]

DATABASE_AWAY: Final = (OperationalError, InterfaceError)
"""Django's exceptions for a database that cannot be reached, or whose connection breaks."""
_RECORDED_FOR: Final = timedelta(hours=1)
"""How long the record of a completed session is kept: longer than a handle is valid."""


def complete_once(site: IrmaSite, request: HttpRequest, web_answer: WebAnswer) -> str:
    """Log the person in if the question is the login, and keep the proof.

    Return the key of the Django session. A repeated call continues in the session with this key.

    Raises:
        LoginRefusedError: The person may not log in.
        Exception: A receiver of `answered`, or a method of the backend, raised it.
    """
    key = f"irma-done:{sha256(web_answer.answer.token.reveal().encode()).hexdigest()}"
    before: Any = request.session
    user: AbstractBaseUser | None = None
    try:
        with _one_transaction(before):
            entries = IrmaEntry.objects.using(router.db_for_write(IrmaEntry))
            done = entries.filter(key=key).first()
            if done is not None:
                return bytes(done.value).decode()
            # Another tab of the browser may have changed the session since this request arrived.
            request.session = type(before)(before.session_key)
            user = _use(site, request, web_answer)
            session_key = proof_sessions.keep(site, request, web_answer)
            expires = (site.now() + _RECORDED_FOR).timestamp() * 1000
            entries.create(key=key, value=session_key.encode(), expires_ms=int(expires))
    except BaseException:
        # Django's middleware must not save a session that was rolled back.
        request.session = type(before)(before.session_key)
        raise
    if user is not None:
        signals.send(signals.logged_in, request=request, name=web_answer.name, user=user)
    return session_key


def _use(site: IrmaSite, request: HttpRequest, web_answer: WebAnswer) -> AbstractBaseUser | None:
    """Pass the answer to the application, and return the user who was logged in, if any."""
    signals.answered.send(
        None,
        request=request,
        name=web_answer.name,
        answer=web_answer.answer,
        reference=web_answer.reference,
    )
    if web_answer.name != site.settings.login:
        return None
    try:
        user = authenticate(request, answer=web_answer.answer)
    except LoginRefusedError:
        # Django itself sends this signal if no backend raises.
        user_login_failed.send(__name__, credentials={}, request=request)
        raise
    if user is None:
        raise LoginRefusedError
    login(request, user)
    return user


@contextmanager
def _one_transaction(session: Any) -> Generator[None]:
    """Open a transaction in each database that a login writes to; usually there is only one."""
    models: list[Any] = [get_user_model(), IrmaAccount, IrmaEntry]
    if hasattr(session, "get_model_class"):
        models.append(session.get_model_class())
    with ExitStack() as transactions:
        for alias in sorted({router.db_for_write(model) for model in models}):
            transactions.enter_context(transaction.atomic(alias))
        yield
