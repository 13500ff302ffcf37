"""A browser without a screen, which reads pages, fills in forms and presses buttons."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urljoin, urlsplit

import attrs

__all__ = ["Browser", "Page"]


@attrs.define
class Form:
    """A form of a page, with the targets of its buttons and the values of its fields."""

    action: str
    method: str = "get"
    fields: dict[str, str] = attrs.field(factory=dict)
    buttons: dict[str, str] = attrs.field(factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._button: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        elif tag == "input" and (given["type"] != "radio" or "checked" in given):
            self.forms[-1].fields[given["name"]] = given["value"]
        elif tag == "button":
            self._button = given.get("formaction", self.forms[-1].action)

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if self._button is not None:
            self.forms[-1].buttons[text] = self._button
            self._button = None
        elif text:
            self.texts.append(text)


@attrs.define
class Page:
    """A page, with its HTML and the parts that tests examine."""

    status: int
    headers: Mapping[str, str]
    html: str
    url: str
    forms: list[Form]
    text: str
    tags: list[tuple[str, dict[str, str]]]

    def form(self, button: str) -> Form:
        """Return the only form that has a button with this label."""
        [found] = [form for form in self.forms if button in form.buttons]
        return found


class Browser:
    """Follows redirects, and sends `Origin` and `Sec-Fetch-Site` as browsers do."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[str] = []

    def open(self, path: str = "/") -> Page:
        """Open a page."""
        return self._send("GET", path, {}, b"")

    def press(self, page: Page, button: str, **values: str) -> Page:
        """Fill in the form with this button and press it."""
        form = page.form(button)
        assert form.method == "post"
        fields = {**form.fields, **{name.replace("_", "-"): v for name, v in values.items()}}
        return self.submit(form.buttons[button], fields)

    def submit(self, path: str, fields: Mapping[str, str], **headers: str) -> Page:
        """Send a form."""
        return self.send_form(path, urlencode(fields).encode(), **headers)

    def send_form(self, path: str, body: bytes, **headers: str) -> Page:
        """Send the body of a form unchanged."""
        sent = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": self.url,
            "sec-fetch-site": "same-origin",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self._send("POST", path, sent, body)

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Page:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            html = response.read().decode()
        finally:
            connection.close()
        self.seen.append(html)
        if response.status == 303:
            return self.open(urljoin(path, response.headers["location"]))
        return _page(response, html, path)


def _page(response: HTTPResponse, html: str, path: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    headers = {name.lower(): value for name, value in response.getheaders()}
    text = " ".join(reader.texts)
    return Page(response.status, headers, html, path, reader.forms, text, reader.tags)
