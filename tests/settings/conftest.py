"""Fixtures that remove settings from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "vectors" / "settings"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the environment variables that are settings."""
    for name in os.environ:
        if name.startswith(("IRMA_", "SHOP_")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """Return the path of a settings file to write."""
    return tmp_path / "settings.toml"
