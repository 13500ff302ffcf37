"""The HTML that the page's script needs: an element for a question, and a page that asks one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import final

from irma_web.page_texts import ASK_TITLES, page_language

__all__ = ["SafeHtml", "ask_page", "question_element"]


@final
class SafeHtml(str):
    """HTML that a template inserts without escaping. Jinja, Mako and Django look for `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the HTML. Templates escape the results of `+` and `%`, which are plain strings."""
        return str(self)


def question_element(name: str, settings: str, *, scripts: Sequence[str], style: str) -> SafeHtml:
    """Return the HTML of a box in which a person answers a question.

    The HTML has no inline script, only JSON, so it works under a strict content security policy. A
    browser loads a script once, however often a page refers to it.

    Args:
        name: The name of the question.
        settings: The result of `page_settings` for the question.
        scripts: The URLs of `irma.js` and of the browser package's `yivi.js`.
        style: The URL of `irma.css`.
    """
    module, package = (escape(each) for each in scripts)
    return SafeHtml(
        f'<link rel="stylesheet" href="{escape(style)}">\n'
        f'<div class="irma" data-irma="{escape(name)}"></div>\n'
        f'<script type="application/json" id="irma-{escape(name)}">{settings}</script>\n'
        f'<script src="{package}"></script>\n'
        f'<script type="module" src="{module}"></script>'
    )


def ask_page(element: str, *, language: str) -> str:
    """Return the HTML of a page that only asks a question.

    Args:
        element: The result of `question_element`.
        language: A language tag; see `page_settings`.
    """
    spoken = page_language(language)
    title = escape(ASK_TITLES[spoken])
    return (
        f'<!doctype html>\n<html lang="{spoken}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        f"{element}\n</main>\n</body>\n</html>\n"
    )
