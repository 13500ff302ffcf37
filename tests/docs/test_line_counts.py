"""The examples need few lines about IRMA, as `docs/tools/count_lines.py` counts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tools.count_lines import FASTAPI, FLASK, SIGNING, count_module, lines_about_irma


@pytest.mark.parametrize(("module", "count"), [(FLASK, 17), (FASTAPI, 23), (SIGNING, 22)])
def test_an_example_is_short(module: Path, count: int) -> None:
    """A login with a page for adults, a chain with callbacks, and a signature: each at most 25."""
    assert count_module(module) == count
    assert count <= 25


def test_a_function_that_makes_an_application_is_read_like_a_module() -> None:
    """In other functions of an example, only the lines that name IRMA count."""
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
