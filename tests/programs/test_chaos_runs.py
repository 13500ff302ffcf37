"""With small counts, the chaos finds nothing forbidden; only `make chaos` judges delays."""

import pytest

from chaos.__main__ import CONTENTS

TIMED = (
    "delay",
    "overrun",
    "requests per second",
    "memory of each",
    "CPU",
    "share of calls under 1 s apart",
)


@pytest.mark.long
@pytest.mark.parametrize("subject", CONTENTS)
def test_nothing_is_lost_repeated_or_mixed_up(subject: str) -> None:
    """Counts must be exact; figures that depend on the machine's speed are only printed."""
    findings = list(CONTENTS[subject](False))
    counts = [finding for finding in findings if not finding.name.startswith(TIMED)]
    assert counts
    assert [str(finding) for finding in counts if not finding.is_met] == []
