"""Protections that a transport's settings cannot switch off without a `Risk`."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import trustme
from aiohttp import ClientSession, TCPConnector, UnixConnector, web

from irma_backend.scheme_copy import copy_scheme
from irma_backend.time_stamp_keys import ask_time_stamp_key
from irma_core import Requestor, Risk
from irma_core.errors import ConfigurationError, ConnectionFailedError
from irma_core.protocol.messages import HttpResponse
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaviours import answer
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import get

Make = Callable[..., Any]
BOTH = pytest.mark.parametrize("make", [Urllib3Transport, AiohttpTransport])
WITHIN = 30.0


def sent(make: Make, url: str, **settings: Any) -> HttpResponse:
    """Send a request with a new transport of this class."""
    if make is Urllib3Transport:
        with Urllib3Transport(**settings) as transport:
            return transport.send(get(url), monotonic() + WITHIN)

    async def main() -> HttpResponse:
        async with AiohttpTransport(**settings) as transport:
            return await transport.send(get(url), monotonic() + WITHIN)

    return asyncio.run(main())


def context(
    *,
    mode: ssl.VerifyMode = ssl.CERT_REQUIRED,
    checks_name: bool = True,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname = checks_name
    made.verify_mode = mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS versions before 1.2
        made.minimum_version = version
    return made


@BOTH
@pytest.mark.parametrize(
    "how",
    [
        {"mode": ssl.CERT_NONE, "checks_name": False},
        {"mode": ssl.CERT_OPTIONAL, "checks_name": False},
        {"checks_name": False},
        {"version": ssl.TLSVersion.TLSv1_1},
        {"version": ssl.TLSVersion.TLSv1},
        {"version": ssl.TLSVersion.MINIMUM_SUPPORTED},
    ],
    ids=str,
)
def test_lax_context_is_a_risk(make: Make, how: Any) -> None:
    """A TLS context that verifies too little needs `Risk.UNVERIFIED_TLS`."""
    with pytest.raises(ConfigurationError, match=r"^ssl_context: .*Risk\.UNVERIFIED_TLS"):
        make(ssl_context=context(**how))
    with pytest.raises(ConfigurationError, match=r"^ssl_context: "):
        make(ssl_context=context(**how), allow=[Risk.PLAIN_HTTP])
    make(ssl_context=context(**how), allow=[Risk.UNVERIFIED_TLS])


@BOTH
def test_a_tls_context_for_servers_is_refused(make: Make) -> None:
    """A TLS context for servers is refused, because it verifies no certificate."""
    with pytest.raises(ConfigurationError, match="ssl_context"):
        make(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


@BOTH
def test_a_verifying_context_is_accepted(make: Make) -> None:
    """A verifying context is accepted with its own authorities or the system's."""
    make(ssl_context=ssl.create_default_context())
    make(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@BOTH
@pytest.mark.parametrize(
    "settings",
    [
        {"ca": ""},
        {"ca": b""},
        {"ca": " \n"},
        {"ca": b"\n"},
        {"client_certificate": ""},
        {"client_key": "", "client_certificate": "x"},
        {"client_key_password": "", "client_certificate": "x"},
        {"proxy": ""},
        {"proxy": " "},
    ],
    ids=str,
)
def test_empty_setting_is_an_error(make: Make, settings: Any) -> None:
    """An empty setting raises an error, because it would silently disable a protection."""
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(settings))}: must not be empty|be"):
        make(**settings)


@BOTH
@pytest.mark.parametrize(
    "settings",
    [
        {"idle_limit": 1},
        {"max_response_bytes": "1"},
        {"max_response_bytes": 1.5},
        {"pool_size": True},
        {"ca": 5},
        {"client_certificate": b"x"},
        {"client_certificate": "x", "client_key_password": b"y"},
        {"ssl_context": False},
        {"ssl_context": 5},
        {"allow": Risk.PLAIN_HTTP},
        {"allow": ["plain http"]},
        {"proxy": 5},
        {"proxy": b"http://127.0.0.1:3128"},
        {"proxy": "http://127.0.0.1:3128/path"},
        {"proxy": "http://127.0.0.1:3128?query"},
        {"proxy": "http://127.0.0.1:3128#x"},
        {"proxy": "http://127.0.0.1:3128\n"},
        {"proxy": "http://127.0.0.1:3128", "proxy_headers": {"X": "1", "x": "2"}},
        {"proxy": "http://127.0.0.1:3128", "proxy_headers": {"Host": "x"}},
        {"proxy": "http://127.0.0.1:3128", "proxy_headers": ["X"]},
    ],
    ids=str,
)
def test_setting_of_another_type_is_an_error(make: Make, settings: Any) -> None:
    """A setting of another type or form raises an error that names it."""
    with pytest.raises(ConfigurationError, match=rf"^({'|'.join(settings)})\b"):
        make(**settings)


@BOTH
@pytest.mark.parametrize(
    "settings",
    [
        {"proxy": "http://user:sesame@proxy.example:3128"},
        {"proxy": "http://user@proxy.example:3128"},
        {"proxy": "http://proxy.example", "proxy_headers": {"Proxy-Authorization": "sesame"}},
    ],
    ids=str,
)
def test_proxy_password_over_plain_http_is_a_risk(make: Make, settings: Any) -> None:
    """A proxy's password over plain HTTP needs `Risk.PLAIN_HTTP`, as others could read it."""
    with pytest.raises(ConfigurationError, match=r"^proxy: .*Risk\.PLAIN_HTTP") as caught:
        make(**settings)
    assert "sesame" not in str(caught.value)
    make(**settings, allow=[Risk.PLAIN_HTTP])
    make(**{**settings, "proxy": settings["proxy"].replace("http:", "https:")})
    make(**{**settings, "proxy": "http://user:sesame@127.0.0.1:3128"})


def test_no_plain_http_through_a_proxy() -> None:
    """A requestor refuses plain HTTP to `localhost` through a proxy, which may be elsewhere."""
    with (
        Urllib3Transport(proxy="http://proxy.example:3128") as transport,
        pytest.raises(ConfigurationError, match="plain http through a proxy"),
    ):
        Requestor("http://localhost:8088", transport)


@BOTH
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_environment_names_authorities(
    make: Make,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    ca_file: Path,
    server_tls: ssl.SSLContext,
) -> None:
    """OpenSSL's variables name the trusted authorities only if the setting `ca` is missing."""
    empty = ca_file.parent / "empty"
    empty.mkdir(exist_ok=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file if name == "SSL_CERT_FILE" else empty / "x"))
    monkeypatch.setenv("SSL_CERT_DIR", str(empty))
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls) as server:
        if name == "SSL_CERT_FILE":
            assert sent(make, server.url).body == b"OK"
        else:
            with pytest.raises(ConnectionFailedError, match="not trusted"):
                sent(make, server.url)
    other = trustme.CA().cert_pem.bytes()
    with (
        MisbehavingServer(tls=server_tls) as server,
        pytest.raises(ConnectionFailedError, match="not trusted"),
    ):
        sent(make, server.url, ca=other)


@BOTH
def test_environment_writes_no_tls_keys(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ca_file: Path,
    server_tls: ssl.SSLContext,
) -> None:
    """The transports ignore `SSLKEYLOGFILE`, whose keys could decrypt the traffic."""
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls) as server:
        assert sent(make, server.url, ca=ca_file).body == b"OK"
    assert not log.exists() or b"SECRET" not in log.read_bytes()


@BOTH
def test_environment_names_no_proxy(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transports use a proxy only from their setting, not from the environment."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with MisbehavingServer(answer(body=b"direct")) as server:
        assert sent(make, server.url).body == b"direct"


def own_address() -> str:
    """Return the address of this machine in its network, or an empty string without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address


@BOTH
def test_localhost_elsewhere_gets_no_byte(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transports send nothing over plain HTTP if `localhost` resolves to another machine."""
    address = own_address()
    if not address or address.startswith("127."):
        # Without a network, the test treats the loopback address as another machine.
        address = "127.0.0.1"

        def never_loopback(_host: str) -> bool:
            return False

        monkeypatch.setattr("irma_transport_urllib3.connection.is_loopback", never_loopback)
        monkeypatch.setattr("irma_transport_aiohttp.exchange._is_loopback", never_loopback)
    with socket.create_server((address, 0)) as listening:
        port = listening.getsockname()[1]

        def resolve_to_address(*_: object, **__: object) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve_to_address)
        with pytest.raises(ConnectionFailedError, match="localhost leads to another") as caught:
            sent(make, f"http://localhost:{port}")
        assert not caught.value.request_sent
        listening.settimeout(0.2)
        try:
            peer, _ = listening.accept()
        except TimeoutError:
            return
        with peer:
            assert peer.recv(1) == b""


@BOTH
def test_localhost_on_this_machine_is_accepted(make: Make) -> None:
    """The transports send over plain HTTP to a `localhost` that is this machine."""
    with MisbehavingServer(answer(body=b"OK")) as server:
        assert sent(make, server.url.replace("127.0.0.1", "localhost")).body == b"OK"


async def test_certificates_are_verified_whatever_the_connector_does(
    server_tls: ssl.SSLContext,
) -> None:
    """The transport verifies certificates although the application's connector does not."""
    for blind in (False, context(mode=ssl.CERT_NONE, checks_name=False)):
        connector = TCPConnector(limit=0, keepalive_timeout=1.5, ssl=blind)
        with MisbehavingServer(answer(), tls=server_tls) as server:
            async with ClientSession(connector=connector) as session:
                async with session.get(server.url) as response:
                    assert response.status == 200
                async with AiohttpTransport(session) as transport:
                    with pytest.raises(ConnectionFailedError, match="not trusted"):
                        await transport.send(get(server.url), monotonic() + WITHIN)


async def test_unix_socket_is_this_machine(tmp_path: Path) -> None:
    """A connector to a Unix socket leads to this machine, so plain HTTP is accepted."""
    path = str(tmp_path / "irma.sock")
    application = web.Application()

    async def reply(_: web.Request) -> web.Response:
        return web.Response(text="OK")

    application.router.add_get("/{rest:.*}", reply)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    connector = UnixConnector(path, limit=0, keepalive_timeout=1.5)
    async with ClientSession(connector=connector) as session, AiohttpTransport(session) as aio:
        response = await aio.send(get("http://localhost:1"), monotonic() + WITHIN)
    await runner.cleanup()
    assert response.body == b"OK"


PLAIN = "http://localhost:8088"
ASKING: dict[str, Callable[[Any], object]] = {
    "Requestor": lambda transport: Requestor(PLAIN, transport),
    "copy_scheme": lambda transport: copy_scheme(PLAIN, Path("pbdf"), b"", transport),
    "ask_time_stamp_key": lambda transport: ask_time_stamp_key(PLAIN, "{}", transport),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_plain_http_to_this_machine_does_not_pass_a_proxy(ask: Callable[[Any], object]) -> None:
    """Every function that sends with a caller's transport refuses plain HTTP through a proxy."""
    with (
        Urllib3Transport(proxy="http://proxy.example:3128") as transport,
        pytest.raises(ConfigurationError, match="uses plain http through a proxy"),
    ):
        ask(transport)


def test_every_url_that_is_sent_to_is_checked_with_its_transport() -> None:
    """Each module that parses a server's URL and sends to it considers the transport's proxy."""
    root = Path(__file__).parent.parent.parent
    for path in (*root.glob("irma_core/**/*.py"), *root.glob("irma_backend/**/*.py")):
        code = path.read_text(encoding="utf-8")
        if "transport.send(" in code and "ServerUrl.parse(" in code:
            assert "is_proxied=sends_by_proxy(transport)" in code, path
