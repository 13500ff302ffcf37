"""A site on Flask for gunicorn, which records each login in a file."""

from __future__ import annotations

from flask import Flask, session

from irma_core import AttributeRequest, DisclosureRequest, WebAnswer
from irma_web_flask import Irma
from tests.load.logins import note_login

EMAIL = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
irma = Irma(questions={"login": DisclosureRequest({"email": EMAIL})})
application = Flask(__name__)
application.config.from_prefixed_env()
irma.init_app(application)


@irma.on_answer("login")
def log_in(done: WebAnswer) -> None:
    session["email"] = done.answer["email"].value
    note_login(session["email"])


@application.get("/")
def home() -> str:
    return irma.element("login")


@application.get("/account/")
def account() -> str:
    return f"Welcome, {session['email']}"


# This lets each worker open its store now. A worker that opens it while the store is down would
# find no file, and report a wrong setting.
application.test_client().get("/irma/status/login")
