"""Signals that let a site keep an audit trail and act on answers.

Each signal has the keyword arguments `request`, Django's request, and `name`, the name of the
question. The sender is None.

A receiver of `answered` may refuse the person by raising `LoginRefusedError`. Exceptions from
receivers of the other signals are logged, and have no other effect.
"""

from __future__ import annotations

import logging
from typing import Final

from django.dispatch import Signal

__all__ = ["answered", "failed", "logged_in", "refused", "send", "started"]

_LOG: Final = logging.getLogger("irma_web_django")

started: Final = Signal()
"""A session was started."""

answered: Final = Signal()
"""A person has answered the question. The signal is sent once for each session, before the login.

More arguments: `answer`, an `irma_core.Answer`; and `reference`, the application's own
reference."""

logged_in: Final = Signal()
"""A person was logged in. Django also sends its own signal `user_logged_in`.

More arguments: `user`."""

refused: Final = Signal()
"""A call from the page was refused, for example because the person cancelled or may not log in.

More arguments: `code`, from the table in
`docs/how-to/any-other-framework.md`."""

failed: Final = Signal()
"""A call from the page failed, with a status of 500 or above.

More arguments: `code`, as for `refused`, and `error`, the exception or None."""


def send(signal: Signal, **arguments: object) -> None:
    """Send a signal, and log the exceptions of its receivers."""
    for receiver, result in signal.send_robust(None, **arguments):
        if isinstance(result, Exception):
            _LOG.error("%r failed", receiver, exc_info=result)
