"""Calls to any server, and functions that read the replies."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from irma_core.protocol.messages import HttpRequest, HttpResponse

CONTEXT = "https://irma.app/ld/request/"
OVER12, OVER18, OVER65 = (f"example.town.age.{name}" for name in ("over12", "over18", "over65"))
FIRSTNAME, FAMILYNAME, EMAIL, PHONE = (
    f"example.town.resident.{name}" for name in ("firstname", "familyname", "email", "phone")
)
AGE = {
    "credential": "example.town.age",
    "attributes": {"over12": "yes", "over18": "yes", "over65": "no"},
}
RESIDENT = {
    "credential": "example.town.resident",
    "attributes": {"firstname": "Ada", "familyname": "Lovelace", "email": "ada@example.com"},
}


def disclosure(*disclose: Any, **others: Any) -> dict[str, Any]:
    """Return a disclosure request with these outer disjunctions."""
    return {"@context": f"{CONTEXT}disclosure/v2", "disclose": list(disclose), **others}


def signature(message: str, *disclose: Any, **others: Any) -> dict[str, Any]:
    """Return a signature request with these outer disjunctions."""
    context = f"{CONTEXT}signature/v2"
    return {"@context": context, "message": message, "disclose": list(disclose), **others}


def issuance(*credentials: Any, **others: Any) -> dict[str, Any]:
    """Return an issuance request for these credentials."""
    return {"@context": f"{CONTEXT}issuance/v2", "credentials": list(credentials), **others}


def revocation(credential_type: str, key: str, **others: Any) -> dict[str, Any]:
    """Return a revocation request."""
    context = f"{CONTEXT}revocation/v1"
    return {"@context": context, "type": credential_type, "revocationKey": key, **others}


class Http:
    """Calls one server, at its base URL or at any other URL."""

    def __init__(self, url: str, handle: Callable[[HttpRequest], HttpResponse]) -> None:
        self.url = url
        self._handle = handle

    def call(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        """Call a path below the base URL or a whole URL, with bytes or a value for JSON."""
        return self._handle(request_to(self.url, method, path, body, **headers))

    def start(self, request: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """Start a session, and return the session package."""
        response = self.call("POST", "/session", request, **headers)
        assert response.status == 200, response.body
        package: dict[str, Any] = json_in(response)
        return package

    def refused(self, request: object, **headers: str) -> tuple[int, str, str]:
        """Request a session that the server refuses; return the status, error name and message."""
        return error_in(self.call("POST", "/session", request, **headers))

    def status(self, token: str) -> str:
        """Request the status of a session."""
        return str(json_in(self.call("GET", f"/session/{token}/status")))

    def result(self, token: str) -> dict[str, Any]:
        """Request the result of a session."""
        result: dict[str, Any] = json_in(self.call("GET", f"/session/{token}/result"))
        return result


def request_to(
    url: str, method: str, path: str, body: object = None, **headers: str
) -> HttpRequest:
    """Make a request; a body that is not bytes is sent as JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("content-type", "application/json")
    return HttpRequest(
        method,
        path if "://" in path else f"{url}{path}",
        label=f"{method} …",
        headers=tuple(sent.items()),
        body=body,
    )


def json_in(response: HttpResponse) -> Any:
    """Return the JSON in a response."""
    return json.loads(response.body)


def error_in(response: HttpResponse) -> tuple[int, str, str]:
    """Return the status, error name and message of a refusal."""
    error = json_in(response)
    assert response.header("content-type") == "application/json; charset=UTF-8"
    assert error["status"] == response.status
    return response.status, error["error"], error.get("message", "")


def claims_in(jwt: bytes | str) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it."""
    text = jwt if isinstance(jwt, str) else jwt.decode()
    payload = text.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def values_in(result: Mapping[str, Any]) -> list[Any]:
    """Return the raw values in a result, list by list."""
    return [
        None if attributes is None else [attribute["rawvalue"] for attribute in attributes]
        for attributes in result.get("disclosed", ())
    ]
