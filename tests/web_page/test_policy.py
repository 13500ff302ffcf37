"""The content security policy of `csp_sources` has each necessary source and no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from irma_testing import SimulatedApp
from irma_web import csp_sources
from tests.web_page import site
from tests.web_page.conftest import Shop

# `img-src` is for the logo; `script-src` and `connect-src` have two sources each.
NEEDED = [
    ("script-src", "'self'"),
    ("connect-src", "'self'"),
    ("connect-src", "http://127.0.0.1"),
    ("img-src", "data:"),
    ("style-src", "'self'"),
    ("style-src", "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"),
    ("style-src", "'sha256-Zwk+NVBmf68wTb1CJNBPEjdlO5paJ/3c7bCr9AocQ1Y='"),
]


def test_the_table_has_all_sources() -> None:
    """Each source of the policy has a test below."""
    made = csp_sources("http://127.0.0.1")
    assert sorted(NEEDED) == sorted((name, each) for name in made for each in made[name])


@pytest.mark.parametrize(("directive", "source"), NEEDED)
def test_each_source_is_needed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, directive: str, source: str
) -> None:
    """Without a source of the policy, the browser refuses something that the page needs."""

    def without(server_url: str) -> Mapping[str, tuple[str, ...]]:
        made = dict(csp_sources(server_url))
        kept = [each for each in made[directive] if not each.startswith(source)]
        assert len(kept) == len(made[directive]) - 1
        return {**made, directive: tuple(kept) or ("'none'",)}

    monkeypatch.setattr(site, "csp_sources", without)
    shop.expected = [""]
    shop.open()
    if directive != "script-src":
        shop.press("Continue with Yivi")
        shop.page.wait_for_selector("[data-irma-state=qr], [data-irma-state=error]")
    shop.page.wait_for_function("document.readyState === 'complete'")
    wait_for_complaint(shop, "Content Security Policy")


def wait_for_complaint(shop: Shop, words: str) -> None:
    """Wait until the console has a message."""
    for _ in range(600):
        if any(words in said for said in shop.complaints):
            return
        shop.page.wait_for_timeout(100)
    pytest.fail(f"the console has not said {words!r}")


def test_nothing_else_is_needed(shop: Shop, app: SimulatedApp) -> None:
    """With the policy, a whole session leaves the console empty."""
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()
    assert shop.complaints == []
