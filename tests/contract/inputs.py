"""Read the list of inputs, send them to a server, and select the parts of replies to compare.

The inputs are data in `tests/vectors/server_inputs`, and its folder `replies` has the official
server's replies, which `python -m tests.contract.recording` records.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPResponse as WireResponse
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs
from cryptography.hazmat.primitives import serialization

from irma_core.protocol.messages import HttpRequest
from irma_core.trust.signing import RsaSigner
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, RequestorSettings, ServerSettings
from irma_transport import SystemClock
from tests.contract.site import Site, Visit, body_of
from tests.realserver.official_server import ServerOptions
from tests.rsa_keys import RSA_KEY

__all__ = [
    "FOLDER",
    "GROUPS",
    "USUAL_HEADERS",
    "VISIT",
    "Caller",
    "MemoryCaller",
    "Players",
    "Reply",
    "WireCaller",
    "load",
    "memory_server",
    "official_options",
    "play",
]

FOLDER = Path(__file__).parents[1] / "vectors" / "server_inputs"
GROUPS = ("starts", "jwts", "headers", "paths", "calls", "next_sessions")
SETUPS = ("open", "known", "plain", "prefixed", "unsigned")
TOKEN = "a-token-of-the-tests"
HMAC_KEY = bytes(range(32))
JSON_TYPE = [["Content-Type", "application/json"]]
APP = [
    ["X-IRMA-MinProtocolVersion", '"2.8"'],
    ["X-IRMA-MaxProtocolVersion", '"2.8"'],
    ["Authorization", "app"],
]
VISIT = {
    "callbackUrl": "http://127.0.0.1:1/",
    "request": {
        "@context": "https://irma.app/ld/request/disclosure/v2",
        "disclose": [[["example.town.age.over18"]]],
    },
}
# An app can answer this request without a credential, so the suite needs no wallet.
_OPTIONAL = {
    "@context": "https://irma.app/ld/request/disclosure/v2",
    "disclose": [[[], ["example.town.age.over18"]]],
}
_NOTHING: Mapping[str, Any] = {"proofs": [], "indices": [[]]}
_PERMISSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tok": {"disclose_perms": ("example.town.age.*",)},
    "mac": {
        "disclose_perms": ("example.town.age.*",),
        "sign_perms": ("example.town.age.over18",),
        "issue_perms": ("example.town.age",),
    },
    "pub": {"disclose_perms": ("*",), "revoke_perms": ("*",)},
}
# These are the headers that clients use; others depend on the connection or the date.
_COMPARED = frozenset(
    {
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-max-age",
        "allow",
        "cache-control",
        "content-encoding",
        "content-type",
        "etag",
        "location",
        "vary",
        "www-authenticate",
        "x-accel-buffering",
        "x-content-type-options",
    }
)
USUAL_HEADERS = {"content-type": "application/json; charset=UTF-8", "vary": "Origin"}
_CLIENT_TOKEN = re.compile(r"/session/[0-9A-Za-z]{20}(?![0-9A-Za-z])")
_SECRETS = re.compile(r'"(token|authorization)":"[0-9A-Za-z]{20}"')
_HALF_A_YEAR = range(175 * 86_400, 190 * 86_400)
_TIME = re.compile(r"\{now([+-][0-9]+)?\}")
_TYPE_ERROR = re.compile(
    r"(Invalid JWT body: |failed to unmarshal base fields: )?json: cannot unmarshal \w+"
)
_CONNECTION_ERROR = re.compile(r"Error type: transport(?!\nDescription: Error type)")
_UNKNOWN = "Unknown identifiers: "
_SSE = "text/event-stream"
_CBOR = "application/octet-stream"


@attrs.frozen
class Reply:
    """A reply of the server."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return all values of a header."""
        return ", ".join(value for known, value in self.headers if known.lower() == name)


class Caller(Protocol):
    """Calls a server with exactly the given requests."""

    url: str

    def call(
        self, method: str, url: str, headers: Sequence[Sequence[str]], body: bytes
    ) -> Reply: ...


class MemoryCaller:
    """Calls a server in memory, without HTTP."""

    def __init__(self, server: InMemoryServer) -> None:
        self.url = server.url
        self._server = server

    def call(self, method: str, url: str, headers: Sequence[Sequence[str]], body: bytes) -> Reply:
        pairs = tuple((name, value) for name, value in headers)
        said = self._server.handle(HttpRequest(method, url, label="…", headers=pairs, body=body))
        return Reply(said.status, said.headers, said.body)


class WireCaller:
    """Calls a server over HTTP with unchanged requests, each on its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, url: str, headers: Sequence[Sequence[str]], body: bytes) -> Reply:
        parts = urlsplit(self.url)
        target = url.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
        own = {name.lower() for name, _ in headers}
        sent = [*headers, ["Connection", "close"]]
        if "host" not in own:
            sent = [["Host", parts.netloc], *sent]
        if body or method in ("POST", "PUT", "PATCH"):
            sent.append(["Content-Length", str(len(body))])
        head = "".join(f"{name}: {value}\r\n" for name, value in sent)
        message = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape")
        address = (parts.hostname or "", parts.port or 80)
        with socket.create_connection(address, timeout=60) as connection:
            connection.sendall(message + body)
            response = WireResponse(connection, method=method)
            response.begin()
            headers_back = response.getheaders()
            is_stream = response.headers.get_content_type() == _SSE
            said = b"" if is_stream else response.read()
            return Reply(response.status, headers_back, said)


def official_options(setup: str, public_pem: str) -> ServerOptions:
    """Return the official server's options for the setup of that name."""
    if setup == "known":
        keys = _keys(public_pem)
        requestors = {
            name: {
                "auth_method": method,
                "key": key,
                **{field: list(allowed) for field, allowed in _PERMISSIONS[name].items()},
            }
            for name, (method, key) in keys.items()
        }
        return ServerOptions(default_permissions=False, requestors=requestors)
    if setup == "plain":
        return ServerOptions(sse=False, jwt_key=False)
    if setup == "unsigned":
        return ServerOptions(jwt_key=False, allow_unsigned_callbacks=True)
    prefix = "/api" if setup == "prefixed" else ""
    return ServerOptions(static_sessions={"visit": VISIT}, api_prefix=prefix)


def memory_server(setup: str, public_pem: str) -> InMemoryServer:
    """Make a server in memory with the configuration for the setup of that name."""
    settings = ServerSettings(enable_sse=True, static_sessions={"visit": VISIT})
    if setup == "known":
        settings = ServerSettings(
            enable_sse=True,
            disclose_perms=(),
            sign_perms=(),
            issue_perms=(),
            requestors={
                name: RequestorSettings(method, key, **_PERMISSIONS[name])  # type: ignore[arg-type]
                for name, (method, key) in _keys(public_pem).items()
            },
        )
    elif setup == "plain":
        settings = ServerSettings(has_jwt_key=False)
    elif setup == "unsigned":
        settings = ServerSettings(enable_sse=True, has_jwt_key=False, allow_unsigned_callbacks=True)
    url = "http://127.0.0.1:8088/api" if setup == "prefixed" else "http://127.0.0.1:8088"
    return InMemoryServer(settings, url=url, scheme=EXAMPLE_SCHEME, clock=SystemClock())


def _keys(public_pem: str) -> dict[str, tuple[str, str]]:
    return {
        "tok": ("token", TOKEN),
        "mac": ("hmac", base64.b64encode(HMAC_KEY).decode()),
        "pub": ("publickey", public_pem),
    }


def load(group: str) -> list[dict[str, Any]]:
    """Read a group of inputs."""
    inputs: list[dict[str, Any]] = json.loads((FOLDER / f"{group}.json").read_text("utf-8"))
    return inputs


@attrs.frozen
class Players:
    """The servers by setup, the key of one of the requestors, and the requestors' website."""

    callers: Mapping[str, Caller]
    signer: RsaSigner
    site: Site

    @classmethod
    def start(cls, make: Callable[[str, str], Caller], site: Site) -> Players:
        """Start a server for each setup, with the requestor's public key."""
        key = RSA_KEY
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        callers = {setup: make(setup, public.decode()) for setup in SETUPS}
        return cls(callers, RsaSigner(private), site)


def play(group: str, entry: Mapping[str, Any], players: Players) -> Any:
    """Send one input, and return the parts of the replies that are compared."""
    if group == "paths":
        return _play_path(entry, players.callers["open"])
    if group == "calls":
        return _play_calls(entry, players.callers[entry.get("server", "open")])
    if group == "next_sessions":
        return _play_next(entry, players.callers[entry.get("server", "open")], players.site)
    if group == "headers":
        caller = players.callers[entry["server"]]
        url = f"{caller.url}{entry['path']}"
        reply = caller.call(entry["method"], url, entry["headers"], entry["body"].encode())
        return _after_start(caller, reply)
    if group == "jwts":
        caller = players.callers[entry.get("server", "known")]
        headers = [["Content-Type", entry.get("content_type", "text/plain")]]
        if "authorization" in entry:
            headers.append(["Authorization", entry["authorization"]])
        url = f"{caller.url}{entry.get('path', '/session')}"
        return _after_start(caller, caller.call("POST", url, headers, _jwt(entry, players.signer)))
    caller = players.callers["open"]
    reply = caller.call("POST", f"{caller.url}/session", JSON_TYPE, body_of(entry))
    return _after_start(caller, reply)


def _after_start(caller: Caller, reply: Reply) -> dict[str, Any]:
    """Return the compared parts of the reply to a start, and of the request that the app gets."""
    words = {}
    if reply.status == 200 and reply.body.startswith(b'{"sessionPtr"'):
        package = json.loads(reply.body)
        words = _substitutes(package)
        url = package["sessionPtr"]["u"]
        local = f"{caller.url}{urlsplit(url).path}"
        host = urlsplit(url).netloc
        shown = caller.call("GET", local, [*APP, ["Host", host]], b"")
        return {**_compared(caller, reply, words), "session": _compared(caller, shown, words)}
    return _compared(caller, reply, words)


def _play_path(entry: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    path = entry["path"]
    words: dict[str, str] = {}
    if "{" in path:
        package = _start(caller, None)
        words = _substitutes(package)
        path = _with_values(path, package, caller)
    reply = caller.call(entry["method"], f"{caller.url}{path}", [], b"")
    return _compared(caller, reply, words)


def _play_calls(entry: Mapping[str, Any], caller: Caller) -> list[dict[str, Any]]:
    package = _start(caller, entry["start"])
    words = _substitutes(package)
    said = []
    for step in entry["steps"]:
        headers = [
            [name, _with_values(value, package, caller)] for name, value in step.get("headers", ())
        ]
        path = _with_values(step["path"], package, caller)
        root = "{}://{}".format(*urlsplit(caller.url)[:2])
        url = path.replace("{root}", root) if path.startswith("{root}") else caller.url + path
        body = step.get("body", "").encode()
        said.append(_compared(caller, caller.call(step["method"], url, headers, body), words))
    return said


def _play_next(template: Mapping[str, Any], caller: Caller, site: Site) -> dict[str, Any]:
    """Run the first session of a chain, and return the compared parts of all replies and posts."""
    port = site.url.rpartition(":")[2]
    text = json.dumps(template).replace("{site}", site.url).replace("{port}", port)
    entry = json.loads(text.replace("{host}", urlsplit(caller.url).netloc))
    site.open(entry["pages"])
    asked = {
        **entry.get("options", {}),
        "request": entry.get("request", _OPTIONAL),
        "nextSession": {"url": entry.get("url", f"{site.url}/next")},
    }
    authorization = [["Authorization", TOKEN]] if entry.get("server") == "known" else []
    started = caller.call(
        "POST", f"{caller.url}/session", [*JSON_TYPE, *authorization], json.dumps(asked).encode()
    )
    if not started.body.startswith(b'{"sessionPtr"'):
        return {"start": _compared(caller, started, {})}
    package = json.loads(started.body)
    words = _substitutes(package)

    def ask(method: str, path: str, headers: Sequence[Sequence[str]], body: bytes = b"") -> Any:
        url = caller.url + _with_values(path, package, caller)
        return caller.call(
            method, url, [[n, _with_values(v, package, caller)] for n, v in headers], body
        )

    ask("GET", "{u}", APP)
    proofs = json.dumps(entry.get("proofs", _NOTHING)).encode()
    replies = []
    for number in range(entry.get("sends", 1)):
        spaces = b"" if entry.get("same") else b" " * number
        replies.append(ask("POST", "{u}/proofs", APP, proofs + spaces))
    result = ask("GET", "/session/{token}/result", ())
    following = json.loads(result.body).get("nextSession")
    if following:
        words[following] = "{next token}"
    shown = ask("GET", "{u}/frontend/status", [["Authorization", "{frontend}"]])
    said = {
        "app": [_compared(caller, reply, words) for reply in replies],
        "result": _compared(caller, result, words),
        "browser": _compared(caller, shown, words),
        "posts": _posts(caller, site.visits, words),
    }
    if following:
        pointer = json.loads(shown.body)["nextSession"]["u"]
        host = [["Host", urlsplit(pointer).netloc]]
        path = urlsplit(pointer).path.removeprefix(urlsplit(caller.url).path)
        said["next"] = {
            "app": _compared(caller, ask("GET", path, [*APP, *host]), words),
            "result": _compared(caller, ask("GET", f"/session/{following}/result", ()), words),
        }
    text = json.dumps(said).replace(site.url, "{site}").replace(f":{port}", ":{port}")
    settled: dict[str, Any] = json.loads(text)
    return settled


def _posts(
    caller: Caller, visits: Sequence[Visit], words: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the compared parts of the requests that the site received."""
    posts, last = [], None
    for visit in visits:
        post: dict[str, Any] = {"method": visit.method, "target": visit.target}
        for name in ("authorization", "content-type", "cookie"):
            if name in visit.headers:
                post[name] = visit.headers[name]
        content = _content(caller, visit.body.decode(), words)
        if content:
            post["body"] = "{as before}" if content == last else content
        posts.append(post)
        last = content
    return posts


def _start(caller: Caller, body: str | None) -> dict[str, Any]:
    asked = json.dumps(VISIT["request"]) if body is None else body
    reply = caller.call("POST", f"{caller.url}/session", JSON_TYPE, asked.encode())
    assert reply.status == 200, reply
    package: dict[str, Any] = json.loads(reply.body)
    return package


def _substitutes(package: Mapping[str, Any]) -> dict[str, str]:
    """Return the strings that differ between runs, and their substitutes."""
    return {
        package["token"]: "{token}",
        package["sessionPtr"]["u"].rpartition("/")[2]: "{client}",
        package["frontendRequest"]["authorization"]: "{frontend}",
    }


def _with_values(text: str, package: Mapping[str, Any], caller: Caller) -> str:
    client = package["sessionPtr"]["u"].rpartition("/")[2]
    for name, value in (
        ("{token}", package["token"]),
        ("{client}", client),
        ("{u}", f"/irma/session/{client}"),
        ("{frontend}", package["frontendRequest"]["authorization"]),
    ):
        text = text.replace(name, value)
    return text


def _compared(caller: Caller, reply: Reply, words: Mapping[str, str]) -> dict[str, Any]:
    headers = {
        name: reply.header(name)
        for name in sorted({known.lower() for known, _ in reply.headers} & _COMPARED)
    }
    if headers.get("vary") == "Origin, Origin":
        headers["vary"] = "Origin"  # the repetition has no meaning
    said: dict[str, Any] = {"status": reply.status}
    if headers != USUAL_HEADERS:
        said["headers"] = headers
    if headers.get("content-type") == _CBOR:
        said["body"] = reply.body.decode("latin-1")
    elif headers.get("content-type") != _SSE and reply.body:
        said["body"] = _content(caller, reply.body.decode("utf-8", "replace"), words)
    return said


def _content(caller: Caller, text: str, words: Mapping[str, str]) -> Any:
    if text.count(".") == 2 and text.startswith("ey"):
        text = json.dumps(_claims(text))
    for word, name in words.items():
        text = text.replace(word, name)
    text = text.replace(caller.url, "{url}").replace(urlsplit(caller.url).netloc, "{host}")
    text = _CLIENT_TOKEN.sub("/session/{client}", text)
    text = _SECRETS.sub(r'"\1":"{\1}"', text)
    if text.startswith("-----BEGIN PUBLIC KEY"):
        return "{public key}"
    try:
        return _normalised(json.loads(text))
    except ValueError:
        return text


def _claims(jwt: str) -> dict[str, Any]:
    part = jwt.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    claims["exp"] -= claims.pop("iat")
    # By this claim, a server in memory identifies itself.
    claims.pop("simulated", None)
    claims["token"] = "{token}"
    return claims


def _normalised(value: Any) -> Any:
    """Replace the parts that differ between any two servers."""
    if isinstance(value, list):
        return [_normalised(element) for element in value]
    if not isinstance(value, dict):
        return value
    settled = {name: _normalised(member) for name, member in value.items()}
    for name, word in (("nonce", "{nonce}"), ("pairingCode", "{code}")):
        if name in settled:
            settled[name] = word
    if isinstance(settled.get("validity"), int):
        ahead = settled["validity"] - int(time.time())
        settled["validity"] = "{half a year}" if ahead in _HALF_A_YEAR else settled["validity"]
    if "message" in settled and "error" in settled:
        settled["message"] = _shortened(settled["message"])
    return settled


def _shortened(message: str) -> str:
    """Remove Go's types and durations from an error's message."""
    found = _TYPE_ERROR.match(message)
    if found:
        return f"{found[0]} …"
    if message.startswith(_UNKNOWN):
        # The order is random, and only the server in memory makes a suggestion.
        names, _, _ = message.removeprefix(_UNKNOWN).partition("; did you mean ")
        return _UNKNOWN + ", ".join(sorted(names.split(", ")))
    if _CONNECTION_ERROR.match(message):
        return "Error type: transport …"
    found = re.match(r"strconv\.|math/big|illegal base64|token is expired by", message)
    return f"{found[0]} …" if found else message


def _jwt(entry: Mapping[str, Any], signer: RsaSigner) -> bytes:
    """Make a JWT from the parts in an input, and corrupt it as the input's form demands."""
    now = int(time.time())
    header, claims = (
        _TIME.sub(lambda found: str(now + int(found[1] or 0)), entry[part]).encode()
        for part in ("header", "claims")
    )
    form = entry.get("form", "")
    parts = [_encoded(header, form, "header"), _encoded(claims, form, "claims")]
    signing_input = b".".join(parts)
    if entry.get("key") == "pub":
        signature = signer.sign(signing_input)
    else:
        signature = hmac.digest(HMAC_KEY, signing_input, "sha256")
    if form == "wrong signature":
        signature = bytes(len(signature))
    if form == "short signature":
        signature = signature[:-1]
    parts.append(_encoded(signature, form, "signature"))
    whole = {
        "no signature part": parts[:2],
        "one part": parts[:1],
        "empty signature": [*parts[:2], b""],
        "nothing": [],
    }.get(form, parts)
    before, behind = {
        "newline end": (b"", b"\n"),
        "return end": (b"", b"\r\n"),
        "space end": (b"", b" "),
        "zero end": (b"", b"\0"),
        "dot end": (b"", b"."),
        "latin1 end": (b"", b"\xe9"),
        "newline start": (b"\n", b""),
        "space start": (b" ", b""),
        "dot start": (b".", b""),
        "bearer": (b"Bearer ", b""),
        "quotes": (b'"', b'"'),
    }.get(form, (b"", b""))
    return before + b".".join(whole) + behind


def _encoded(part: bytes, form: str, name: str) -> bytes:
    """Encode a part of a JWT in the way that the input's form names for it."""
    encoded = base64.urlsafe_b64encode(part)
    digits = encoded.rstrip(b"=")
    if form == f"pad {name}":
        return encoded
    if form == f"standard {name}":
        return digits[:5] + b"+" + digits[6:]
    if form == f"newline {name}":
        return digits[:5] + b"\n" + digits[5:]
    if form == f"space {name}":
        return digits[:5] + b" " + digits[5:]
    if form == f"empty {name}":
        return b""
    if form == f"spare {name}":
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return digits[:-1] + alphabet[alphabet.index(digits[-1:]) + 1 :][:1]
    return digits
