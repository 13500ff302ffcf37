"""Print an answer as a table, as tab-separated lines or as JSON, or print one of its values."""

from __future__ import annotations

import sys
from typing import Final

import attrs
import click

from irma_backend.cli.json_values import answer_value, issued_in
from irma_backend.cli.options import suggestion
from irma_backend.cli.output import clean, print_json, print_line
from irma_backend.cli.terminal import show_answer, stdout_console
from irma_core import Answer, StartedSession
from irma_core.errors import AttributeNullError, ConfigurationError, SlotNotAnsweredError
from irma_core.models.session_requests import ExtendedRequest, SessionRequest, as_extended

__all__ = ["VALUE_OPTION", "AnswerOutput"]

VALUE_OPTION: Final = click.option(
    "--value",
    "slot",
    metavar="SLOT",
    help="Print only the value of this slot, given by name or number. The exit status is 6 if the "
    "slot has no value.",
)


@attrs.frozen
class AnswerOutput:
    """How a command prints the answer.

    Args:
        as_json: Whether to print JSON.
        slot: The name or number of the only slot to print; None to print the whole answer.
    """

    as_json: bool = False
    slot: str | None = None

    def check(self, request: SessionRequest | ExtendedRequest | str) -> None:
        """Check that the request has the slot, and that the slot has one value.

        This method cannot check a JWT, because the request in it is read only when the session
        starts.

        Raises:
            ConfigurationError: The slot is unknown or has several values, or `--json` is also
                given.
        """
        if self.slot is None:
            return
        if self.as_json:
            raise ConfigurationError("give either --json or --value, not both")
        if isinstance(request, str):
            return
        disclose = as_extended(request).request.disclose
        slots = dict(zip(map(str, disclose.slots), disclose.disjunctions, strict=True))
        if self.slot not in slots:
            raise ConfigurationError(
                f"--value must be one of the slots: {', '.join(slots) or '(no slots)'}."
                f"{suggestion(self.slot, [*slots])}"
            )
        if any(len(option) > 1 for option in slots[self.slot]):
            raise ConfigurationError(
                "--value needs a slot with one attribute: use --json for a slot with several"
            )

    def write(self, answer: Answer, session: StartedSession) -> None:
        """Print the answer on standard output.

        Raises:
            SlotNotAnsweredError: The person left the slot out.
            AttributeNullError: The attribute has no value.
            OutputError: The answer cannot be written.
        """
        if self.slot is not None:
            value = self._value(answer, session)
            print_line(clean(value) if sys.stdout.isatty() else value)
        elif self.as_json:
            print_json(answer_value(answer, session))
        else:
            show_answer(stdout_console(), answer, issued_in(session))

    def _value(self, answer: Answer, session: StartedSession) -> str:
        self.check(session.request)
        fingerprint = session.token.fingerprint
        for slot, answered in answer.items():
            if str(slot) != self.slot:
                continue
            if answered.is_null:
                raise AttributeNullError(
                    fingerprint,
                    f"slot {slot!r}: the attribute has no value",
                    slot=slot,
                    attribute=answered.attribute,
                )
            return answered.value
        raise SlotNotAnsweredError(
            fingerprint, f"slot {self.slot!r}: the person left this slot out", slot=self.slot
        )
