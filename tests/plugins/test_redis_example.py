"""The plugin for Redis passes its own tests, as its readers run them."""

from __future__ import annotations

from pathlib import Path

from redis_tests.redis_server import check_installed
from tests.pytest_plugin.running import outcome

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "irma-status-redis"


def test_the_plugin_passes_its_own_tests() -> None:
    """All of them, at a real Redis: contracts, URIs, and what goes wrong."""
    check_installed()
    said = outcome(EXAMPLE)
    assert said.endswith(" passed"), said
    assert "," not in said
