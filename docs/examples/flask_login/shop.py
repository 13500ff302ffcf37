"""A shop on Flask: visitors log in with an e-mail address, and wine is for adults only."""

from datetime import timedelta
from typing import Any

from flask import Flask, redirect, render_template, session
from werkzeug.wrappers import Response

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    WebAnswer,
    check_same_person,
    verified_email,
)
from irma_web_flask import Irma

EMAIL = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
OVER_18 = AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes")
LOGIN = DisclosureRequest({"email": EMAIL})
irma = Irma(questions={"login": LOGIN, "adult": DisclosureRequest({"age": OVER_18})})


@irma.on_answer("login")
def log_in(done: WebAnswer) -> None:
    """Remember the visitor. If you have accounts, find or create one here."""
    email = verified_email(done.answer)
    check_same_person(session.get("email"), email)
    session["email"] = email


def create_app(**settings: Any) -> Flask:
    """Make the application, with settings such as `FLASK_IRMA_SERVER` from the environment."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(settings)
    irma.init_app(app)

    @app.get("/")
    def home() -> str:
        return render_template("home.html")

    @app.get("/wines")
    @irma.proved("adult", max_age=timedelta(hours=1))
    def wines() -> str:
        return render_template("wines.html")

    @app.post("/logout")
    def log_out() -> Response:
        session.clear()
        return redirect("/")

    return app
