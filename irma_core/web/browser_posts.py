"""Check a page's call before anything in it is used.

The checks run in the order below. Each has the name of its refusal code in `web_refusals`:
`url_invalid`, `other_site`, `method`, `body_too_large`, `media_type`, `body_not_json`. Another
website can make a browser send requests, to which the browser adds this site's cookie. The first
two checks refuse such requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.holders import Hidden, HiddenSecret, hide_optional
from irma_core.models.urls import is_loopback
from irma_core.value_object import ValueObject
from irma_core.web.next_urls import origin_of
from irma_core.web.web_messages import HeaderPairs, WebRequest
from irma_core.web.web_refusals import WebRefusal

__all__ = [
    "COOKIE_NAMES",
    "LONGEST_HANDLE",
    "BrowserPost",
    "Site",
    "cors_headers",
    "preflight_headers",
    "read_post",
    "set_cookie",
]

LONGEST_HANDLE: Final = 48 * 1024
"""The longest handle, in characters. With this limit, the body of a call is at most 64 KiB."""
_LARGEST_BODY: Final = 16 * 1024 + LONGEST_HANDLE
_BINDING: Final = r"[A-Za-z0-9_-]{43}"
_YEAR: Final = 31_536_000
_SECURE_NAME: Final = "__Host-irma"
"""The name of the binding cookie over HTTPS. Browsers accept a cookie with the prefix `__Host-`
only from the host itself, over HTTPS and with `Path=/`. So no other host, such as a subdomain, can
set it."""
_PLAIN_NAME: Final = "irma"
COOKIE_NAMES: Final = (_SECURE_NAME, _PLAIN_NAME)
"""The names that the binding cookie may have; `Site.is_plain` decides which name is used."""


@final
@attrs.frozen(eq=False, repr=False)
class Site(ValueObject):
    """The settings that describe the website itself.

    Args:
        origins: Other origins whose pages may call this site.
        is_plain: Whether the binding cookie is for plain HTTP on a loopback address.
    """

    origins: frozenset[str]
    is_plain: bool

    @property
    def cookie_name(self) -> str:
        """The name of the binding cookie, which ties sessions to a browser."""
        return _PLAIN_NAME if self.is_plain else _SECURE_NAME


def _hide_fields(
    value: Mapping[str, JsonValue] | Hidden[Mapping[str, JsonValue]],
) -> Hidden[Mapping[str, JsonValue]]:
    return value if isinstance(value, Hidden) else HiddenSecret(value)


@final
@attrs.frozen(eq=False, repr=False)
class BrowserPost(ValueObject):
    """A page's call that passed the checks.

    Args:
        request: The request.
        page_origin: The origin of the page that made the call.
        is_same_site: Whether browsers treat the page and this site as same-site. If so, the browser
            sends ordinary cookies, and the binding cookie need not be partitioned.
    """

    request: WebRequest
    page_origin: str
    _binding: Hidden[str | None] = attrs.field(alias="binding", converter=hide_optional)
    _fields: Hidden[Mapping[str, JsonValue]] = attrs.field(alias="fields", converter=_hide_fields)
    is_same_site: bool

    @property
    def binding(self) -> str | None:
        """The value of the binding cookie; None if there is no such cookie, or more than one."""
        return self._binding.reveal()

    @property
    def fields(self) -> Mapping[str, JsonValue]:
        """The JSON object in the request's body."""
        return self._fields.reveal()

    def needed_binding(self) -> str:
        """Return the value of the binding cookie.

        Raises:
            WebRefusal: `no_cookie`: the browser sent no such cookie, or several.
        """
        if self.binding is None:
            raise WebRefusal("no_cookie")
        return self.binding

    def string(self, name: str) -> str | None:
        """Return the string in a field of the body, or None if the field is absent.

        Raises:
            WebRefusal: `body_invalid`: the field has the wrong type.
        """
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise WebRefusal("body_invalid")
        return value

    def flag(self, name: str) -> bool:
        """Return the boolean in a field of the body, or False if the field is absent.

        Raises:
            WebRefusal: `body_invalid`: the field has the wrong type.
        """
        value = self.fields.get(name, False)
        if not isinstance(value, bool):
            raise WebRefusal("body_invalid")
        return value


def cors_headers(site: Site, request: WebRequest) -> HeaderPairs:
    """Return the headers that let a page from another origin read the reply.

    A page from the site's own origin needs none of these headers.

    Source: the Fetch standard, "HTTP responses".
    """
    if not site.origins:
        return ()
    vary = (("vary", "Origin"),)
    origin = _sent_origin(request)
    if origin not in site.origins:
        return vary
    return (
        *vary,
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
    )


def check_site(site: Site, request: WebRequest) -> tuple[str, bool]:
    """Return the origin of the calling page, and whether browsers treat it as same-site.

    Raises:
        WebRefusal: The URL is invalid (`url_invalid`), or another site's page made the call
            (`other_site`).
        ConfigurationError: The site's cookie is only for plain HTTP on a loopback address, but the
            call was not made over plain HTTP to such an address.
    """
    own = origin_of(request.url)
    if own is None:
        raise WebRefusal("url_invalid")
    if site.is_plain and not _is_plain_loopback(own):
        raise ConfigurationError(
            "plain_cookie: is only for plain HTTP on a loopback address, during development"
        )
    origin = _sent_origin(request)
    sites = set(request.header_values("sec-fetch-site"))
    if origin in site.origins:
        return origin, sites == {"same-site"}
    # If `Origin` is absent, the caller is an old browser on a page of this site, or is not a
    # browser. Other sites can make a browser omit `Origin` only by sending a form, which is not
    # JSON.
    if origin not in {"", own} or not sites <= {"same-origin", "none"}:
        raise WebRefusal("other_site")
    return own, True


def _is_plain_loopback(origin: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def _sent_origin(request: WebRequest) -> str:
    origins = set(request.header_values("origin"))
    return origins.pop() if len(origins) == 1 else ", ".join(sorted(origins))


def read_post(site: Site, request: WebRequest) -> BrowserPost:
    """Check a page's call, and return it.

    Raises:
        WebRefusal: The request is refused.
    """
    page_origin, is_same_site = check_site(site, request)
    if request.method != "POST":
        raise WebRefusal("method")
    if len(request.body) > _LARGEST_BODY:
        raise WebRefusal("body_too_large")
    types = request.header_values("content-type")
    # Another site cannot make a browser send this type without a preflight.
    if [each.partition(";")[0].strip().lower() for each in types] != ["application/json"]:
        raise WebRefusal("media_type")
    try:
        fields = read_json(request.body, unique_keys=True)
    except JsonTextError:
        fields = None
    if not isinstance(fields, dict):
        raise WebRefusal("body_not_json")
    return BrowserPost(
        request,
        page_origin,
        binding=_binding(site, request),
        fields=fields,
        is_same_site=is_same_site,
    )


def _binding(site: Site, request: WebRequest) -> str | None:
    """Return the value of the binding cookie, if there is exactly one.

    This function does not use `http.cookies`, which drops every cookie if one of them is unusual.
    Any script could set such a cookie.
    """
    found = {
        value
        for header in request.header_values("cookie")
        for key, _, value in (pair.strip(" \t").partition("=") for pair in header.split(";"))
        if key == site.cookie_name
    }
    # If there are several cookies, we cannot know which one this site set.
    value = found.pop() if len(found) == 1 else ""
    return value if re.fullmatch(_BINDING, value) else None


def set_cookie(site: Site, post: BrowserPost, binding: str) -> HeaderPairs:
    """Return the header with which the browser stores the binding cookie.

    If the page belongs to another site, the cookie is partitioned (CHIPS): the browser then sends
    the cookie only from pages of that site.
    """
    parts = [f"{site.cookie_name}={binding}", "Path=/", f"Max-Age={_YEAR}", "HttpOnly"]
    if not site.is_plain:
        parts.append("Secure")
    is_lax = post.is_same_site or site.is_plain  # browsers require `Secure` with `SameSite=None`
    parts += ["SameSite=Lax"] if is_lax else ["SameSite=None", "Partitioned"]
    return (("set-cookie", "; ".join(parts)),)


_HEADER_NAME: Final = r"[a-z0-9!#$%&'*+.^_`|~-]+"
"""Matches the name of a header (RFC 9110, section 5.1), in lower case as in a preflight."""
_PREFLIGHT: Final[HeaderPairs] = (
    ("access-control-allow-methods", "POST"),
    ("access-control-max-age", "600"),
)


def preflight_headers(site: Site, request: WebRequest) -> HeaderPairs:
    """Return the headers of the reply to a preflight, except for those from `cors_headers`.

    A page from an allowed origin may send any header, such as a CSRF token or a header for a
    gateway in front of this site. This package reads none of these headers.

    Source: the Fetch standard, "CORS-preflight fetch".

    Raises:
        WebRefusal: The method is not `OPTIONS` (`method`), or the origin is not allowed
            (`other_site`).
    """
    if request.method != "OPTIONS":
        raise WebRefusal("method")
    if _sent_origin(request) not in site.origins:
        raise WebRefusal("other_site")
    asked = {
        name.strip(" \t").lower()
        for value in request.header_values("access-control-request-headers")
        for name in value.split(",")
    }
    named = ", ".join(sorted(name for name in asked if re.fullmatch(_HEADER_NAME, name)))
    return (*_PREFLIGHT, *([("access-control-allow-headers", named)] if named else ()))
