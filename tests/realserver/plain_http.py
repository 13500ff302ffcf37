"""A requestor that uses only the standard library, so that it shares no mistake with ours."""

import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit


def call(
    method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Send JSON on a new connection; return the status, and the JSON or text of the response."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        sent = None if body is None else json.dumps(body)
        json_type = {} if body is None else {"Content-Type": "application/json"}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, sent, {**json_type, **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json else text
    finally:
        connection.close()


def start_session(url: str, request: object) -> dict[str, Any]:
    """Start a session at a server, and return the session package."""
    status, answer = call("POST", f"{url}/session", request)
    assert status == HTTPStatus.OK, answer
    package: dict[str, Any] = answer
    return package


def get_result(url: str, token: str) -> dict[str, Any]:
    """Return a session's result from a server."""
    status, answer = call("GET", f"{url}/session/{token}/result")
    assert status == HTTPStatus.OK, answer
    result: dict[str, Any] = answer
    return result
