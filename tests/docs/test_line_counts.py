"""The examples need few lines for IRMA, as counted by `docs/tools/count_lines.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tools.count_lines import FASTAPI, FLASK, SIGNING, count_module, lines_about_irma


@pytest.mark.parametrize(("module", "count"), [(FLASK, 17), (FASTAPI, 23), (SIGNING, 22)])
def test_an_example_is_short(module: Path, count: int) -> None:
    """The examples of a login, a chain and a signature each have at most 25 lines about IRMA."""
    assert count_module(module) == count
    assert count <= 25


def test_a_factory_function_is_counted_like_a_module() -> None:
    """The lines about IRMA in a function that makes an application are counted as in a module."""
    source = """
from irma_core import (
    DisclosureRequest,
)

def create_app():
    app = Flask()
    irma.init_app(app)

    @app.get("/")
    def home():
        number = 7
        return irma.element("login")

    @app.get("/wines")
    def wines(proof=irma.proved("adult")):
        return "wines"
"""
    assert [line.strip() for line, _ in lines_about_irma(source)] == [
        "from irma_core import (",
        "irma.init_app(app)",
        'return irma.element("login")',
        '@app.get("/wines")',
        'def wines(proof=irma.proved("adult")):',
        'return "wines"',
    ]
