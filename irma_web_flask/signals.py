"""Signals of the extension, for an audit trail. The sender is the Flask application.

Receivers run while the page waits. Each receiver gets the argument `name`, the name of the
question.
"""

from blinker import Namespace

__all__ = ["answered", "failed", "refused", "started"]

_SIGNALS = Namespace()

started = _SIGNALS.signal("irma-started")
"""A session was started."""
answered = _SIGNALS.signal("irma-answered")
"""A person answered, and the application accepted the answer. The argument `web_answer` is the
answer. The signal is sent once for each session."""
refused = _SIGNALS.signal("irma-refused")
"""A call from the page was refused. `code` is the code in the reply."""
failed = _SIGNALS.signal("irma-failed")
"""A call from the page failed because of the site or the IRMA server. `code` is the code in the
reply, and `error` the exception or None."""
