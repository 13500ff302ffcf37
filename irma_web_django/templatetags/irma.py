"""`{% load irma %}`: the tag that puts a question on a page."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from irma_core.errors import ConfigurationError
from irma_web.page import page_settings
from irma_web_django.site_settings import current_settings

__all__ = ["irma", "register"]

register = template.Library()

_IS_DONE = "_irma_scripts"


@register.simple_tag(takes_context=True)
def irma(
    context: template.Context,
    name: str,
    next: str = "",  # noqa: A002  # HTML's
    **texts: object,
) -> SafeString:
    """Return a box in which a person answers a question, and the scripts for it.

    The HTML has no inline script, only JSON, so it works under a strict content security policy.

    Args:
        context: The context of the template, with the request.
        name: A question of `IRMA["QUESTIONS"]`.
        next: The page to go to afterwards.
        texts: Your own strings, such as `start="Log in with Yivi"` for the button; see
            `page_settings`.

    Raises:
        ConfigurationError: There is no such question, a key of `texts` is unknown, or the context
            has no request.
    """
    if name not in current_settings().questions:
        raise ConfigurationError(f'{{% irma %}}: IRMA["QUESTIONS"] has no "{name}"')
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ConfigurationError(
            "{% irma %}: the context has no request: render the template with a request, and add "
            '"django.template.context_processors.request" to the context processors'
        )
    known = page_settings(
        prefix=reverse("irma:start", args=["_"]).removesuffix("start/_"),
        name=name,
        language=(get_language() or settings.LANGUAGE_CODE)[:2],
        next_url=next or None,
        csrf_header=settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-"),
        csrf_token=get_token(request),
        texts={key: str(text) for key, text in texts.items()},  # a translation may be lazy
    )
    return format_html(
        '<div class="irma" data-irma="{}"></div>\n'
        '<script type="application/json" id="irma-{}">{}</script>\n{}',
        name,
        name,
        mark_safe(known),  # noqa: S308  # JSON without the characters that end a script
        _scripts(request),
    )


def _scripts(request: HttpRequest) -> SafeString:
    """Return the elements for scripts and styles, or nothing if the page already has them."""
    if request.META.get(_IS_DONE):
        return SafeString()
    request.META[_IS_DONE] = True
    return format_html(
        '<link rel="stylesheet" href="{}">\n'
        '<script type="module" src="{}"></script>\n<script src="{}"></script>',
        static("irma_web/irma.css"),
        static("irma_web/irma.js"),
        static("irma_web/yivi.js"),
    )
