"""An allotment garden whose members sign their lease with Yivi, on Flask."""

from pathlib import Path
from typing import Any

from flask import Flask, abort, current_app, render_template, session
from signatures import Archive, Archived

from irma_core import AttributeRequest, SignatureRequest, WebAnswer
from irma_core.errors import ProofError
from irma_proofs import SignatureVerifier
from irma_web_flask import Irma

EMAIL = AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)
LEASE = "I rent a plot of the Old Orchard garden in 2027. I pay 60 euros before 1 March."
REQUEST = SignatureRequest(LEASE, {"email": EMAIL})
irma = Irma(questions={"lease": REQUEST})


def archive() -> Archive:
    """Return the archive of this application."""
    return Archive(Path(current_app.instance_path) / "signatures.db")


@irma.on_answer("lease")
def keep(done: WebAnswer) -> None:
    """Archive the signature, which covers exactly the message of the request."""
    signature = done.answer.signature
    if signature is not None and done.session is not None:  # always true for a signature request
        session["signed"] = archive().add(Archived(signature, done.session.started_at))


def create_app(verifier: SignatureVerifier | None, **settings: Any) -> Flask:
    """Make the application.

    Args:
        verifier: Verifies archived signatures; None for a development server, whose signatures
            prove nothing.
        settings: The application's configuration.
    """
    app = Flask(__name__, instance_path=settings.pop("INSTANCE", None))
    app.config.from_prefixed_env()
    app.config.update(settings)
    irma.init_app(app)

    @app.get("/")
    def home() -> str:
        return render_template("home.html", text=LEASE)

    @app.get("/signed")
    def signed() -> str:
        if "signed" not in session:
            abort(404)
        kept = archive().get(session["signed"])
        verified = problem = None
        if verifier is not None:
            try:
                verified = verifier.verify(kept.signature, REQUEST, not_before=kept.started_at)
            except ProofError as error:
                problem = error
        return render_template("signed.html", kept=kept, verified=verified, problem=problem)

    return app
