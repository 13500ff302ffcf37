"""The page on site checks has the table that the code defines, and its program logs findings."""

from __future__ import annotations

import pytest

from docs.tools.site_checks import PAGE, drawn
from irma_core import Requestor
from irma_testing import ScriptedTransport
from tests.docs.pages import run_blocks, runs


@runs("docs/explanation/site-checks.md", python=1)
def test_site_without_an_adapter_checks_itself(caplog: pytest.LogCaptureFixture) -> None:
    """The page's program logs the two findings for a requestor that has no keys."""
    requestor = Requestor("https://irma.example", ScriptedTransport())
    run_blocks("docs/explanation/site-checks.md")["check_at_start"](requestor)
    found = [message.partition(":")[0] for *_, message in caplog.record_tuples]
    assert found == ["irma.W001", "irma.W003"]


def test_the_table_matches_the_code() -> None:
    """The table of the page equals what `make reference` writes."""
    assert PAGE.read_text(encoding="utf-8") == drawn()
