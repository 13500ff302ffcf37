"""The factories of plugins: which one is called, and errors that name the plugin."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace

import pluggy
import pytest

from irma_core import HmacSigner, Signer
from irma_core.errors import ConfigurationError, PluginError, SigningError
from irma_core.plugins.hookspecs import FactoryContext, Mode, PluginUri, Secret, hookimpl
from irma_core.plugins.registry import Offers, PluginRegistry
from irma_testing import AsyncScriptedTransport, ManualClock, ScriptedTransport
from tests.plugins.in_process import Factory, factory_of, plugin, signer_plugin, store_plugin

KEY = bytes(range(32))
SECRET_URI = "vault://clerk:hunter2@vault.example/keys/webshop"
CLOCK = ManualClock()
SYNC = FactoryContext(Mode.SYNC, CLOCK, ScriptedTransport())
ASYNC = FactoryContext(Mode.ASYNC, CLOCK, AsyncScriptedTransport())


class AsyncFakeSigner:
    """An asyncio signer."""

    algorithm = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        return signing_input


def nothing() -> Mapping[str, Factory]:
    return {}


def refused(call: Callable[[], object]) -> PluginError:
    with pytest.raises(PluginError) as caught:
        call()
    # Without a native cause, a traceback shows only this error's own message.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def opening(factory: Factory, context: FactoryContext = SYNC, uri: str = SECRET_URI) -> PluginError:
    plugins = PluginRegistry({"acme-vault": signer_plugin(factory)})
    return refused(lambda: plugins.signer(uri, context))


def test_a_factory_gets_the_uri_and_the_context() -> None:
    """A factory is called for a part that is opened, with the URI and the context."""
    given: list[tuple[PluginUri, FactoryContext]] = []
    made: list[Signer] = []

    def factory(uri: PluginUri, context: FactoryContext) -> Signer:
        given.append((uri, context))
        made.append(HmacSigner(KEY))
        return made[-1]

    plugins = PluginRegistry({"acme-vault": signer_plugin(factory)})
    assert not given
    opened = plugins.signer("VAULT:webshop", SYNC)
    assert opened.value is made[0]
    assert opened.plugin == "acme-vault"
    ((uri, context),) = given
    assert (uri.scheme, uri.text, uri.rest) == ("vault", "VAULT:webshop", "webshop")
    assert context is SYNC


def test_hooks_are_asked_once() -> None:
    """The hooks of a plugin are called once, however many parts are opened."""
    calls: list[str] = []

    def hook() -> Mapping[str, Factory]:
        calls.append("asked")
        return {"vault": factory_of(HmacSigner(KEY))}

    plugins = PluginRegistry({"acme-vault": plugin(irma_signing_schemes=hook)})
    for _ in range(3):
        plugins.signer("vault:x", SYNC)
    assert calls == ["asked"]


def test_each_registry_has_its_own_plugins() -> None:
    """A registry knows only its own plugins, and not those of another registry."""
    PluginRegistry({"acme-vault": signer_plugin(factory_of(HmacSigner(KEY)))})
    assert refused(lambda: PluginRegistry({}).signer("vault:x", SYNC)).plugin == "vault"


def test_a_plugin_may_offer_any_kind_under_one_scheme() -> None:
    """A plugin may use the same scheme for a signer and a store."""
    both = plugin(
        irma_signing_schemes=lambda: {"acme": factory_of(HmacSigner(KEY))},
        irma_stores=lambda: {"acme+tls": print, "acme": print},
    )
    plugins = PluginRegistry({"acme": both, "other": signer_plugin(print, "other")})
    assert plugins.offers("acme") == Offers(("acme",), (), ("acme", "acme+tls"))


def test_two_plugins_cannot_claim_one_scheme() -> None:
    """The error names both plugins that claim a scheme."""
    one, two = signer_plugin(print), signer_plugin(print)
    error = refused(lambda: PluginRegistry({"irma-backend": one, "evil": two}))
    assert error.plugin == "evil"
    assert error.reason == "claims the signing scheme `vault:`, which belongs to irma-backend"


def test_one_plugin_under_two_names() -> None:
    """A plugin that is listed under two names is refused, and the error names both of them."""
    one = signer_plugin(print)
    error = refused(lambda: PluginRegistry({"acme": one, "acme-irma": one}))
    assert str(error) == "plugin acme-irma: is the same plugin as acme: name it once"


@pytest.mark.parametrize("scheme", ["poll", "events"])
def test_no_plugin_can_claim_a_reserved_scheme(scheme: str) -> None:
    """No plugin can claim a reserved scheme, and no setting can request one."""
    mine = plugin(irma_status_backends=lambda: {scheme: print})
    error = refused(lambda: PluginRegistry({"acme": mine}))
    assert (error.plugin, "reserved" in error.reason) == ("acme", True)
    error = refused(lambda: PluginRegistry({}).status_backend(f"{scheme}:", SYNC))
    assert "leave the setting out" in error.reason


@pytest.mark.parametrize("uri", [SECRET_URI, "VAULT:hunter2"])
def test_unknown_scheme_lists_the_known_ones(uri: str) -> None:
    """The error for an unknown scheme lists known schemes and plugins, and hides the URI."""
    plugins = PluginRegistry(
        {"acme": signer_plugin(print, "acme")}, installed=lambda: ["irma-b", "irma-a"]
    )
    assert str(refused(lambda: plugins.signer(uri, SYNC))) == (
        "plugin vault: unknown signing scheme. Known: acme:. "
        "To use an installed plugin, name it in plugins=. Installed plugins: irma-a, irma-b"
    )
    error = refused(lambda: PluginRegistry({}).store(uri, SYNC))
    assert error.reason.count("none") == 2


@pytest.mark.parametrize(
    "uri", ["", "/etc/key.pem", ":x", "1a:x", "-----BEGIN PRIVATE KEY-----\n:", f"{'s' * 40}:x", 5]
)
def test_an_invalid_uri_is_not_shown(uri: str) -> None:
    """The error for an invalid URI does not show it, because it may be a misplaced key."""
    with pytest.raises(ConfigurationError, match=r"^store: .*file:/etc/irma/key\.pem$") as caught:
        PluginRegistry({}).store(uri, SYNC)
    assert not isinstance(caught.value, PluginError)
    assert not uri or str(uri) not in str(caught.value)


def test_misspelt_hook_is_refused() -> None:
    """A misspelt hook is refused, although pluggy would ignore it."""
    error = refused(lambda: PluginRegistry({"acme": plugin(irma_signing_scheme=nothing)}))
    assert error.plugin == "acme"
    assert "irma_signing_scheme: the hooks are irma_signing_schemes, irma_st" in error.reason


def test_an_unknown_optional_hook_is_accepted() -> None:
    """A plugin may have an unknown hook that it marks as optional."""
    later = pluggy.HookimplMarker("irma_backend")(optionalhook=True)(nothing)
    both = SimpleNamespace(irma_wallets=later, irma_stores=hookimpl(lambda: {"acme": print}))
    assert PluginRegistry({"acme": both}).offers("acme").stores == ("acme",)


@pytest.mark.parametrize("thing", [SimpleNamespace(irma_stores=dict), object(), "acme", None])
def test_a_plugin_without_hooks_is_refused(thing: object) -> None:
    """A plugin in which no function is marked with `hookimpl` is refused."""
    assert (
        "mark its hook functions with hookimpl"
        in refused(lambda: PluginRegistry({"acme": thing})).reason
    )


def needs_argument(transport: object) -> Mapping[str, object]:
    return {"acme": transport}


def wrapping() -> Iterator[object]:
    yield {}


async def awaited() -> Mapping[str, object]:
    return {}


def failing(*_: object) -> object:
    raise ValueError(f"cannot read {SECRET_URI}")


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (needs_argument, "do not match the specification"),
        (wrapping, "must return a mapping, got a generator"),
        (awaited, "must return a mapping, got a coroutine (it is `async def`)"),
        (failing, "irma_stores: ValueError at tests.plugins.test_factories:"),
        (lambda: None, "must return a mapping, got a NoneType"),
        (lambda: ["acme"], "must return a mapping, got a list"),
        (lambda: {"Acme": print}, "each key must be a URI scheme in lower case"),
        (lambda: {"acme:": print}, "each key must be a URI scheme in lower case"),
        (lambda: {5: print}, "each key must be a URI scheme in lower case"),
        (lambda: {"acme": "acme"}, "the factory of the scheme acme must be callable"),
    ],
)
def test_hook_must_return_factories(hook: Callable[..., object], words: str) -> None:
    """A hook that does not return a mapping of factories is refused when the registry is made."""
    error = refused(lambda: PluginRegistry({"acme": plugin(irma_stores=hook)}))
    assert (error.plugin, words in error.reason) == ("acme", True), error.reason


def refusing(*_: object) -> object:
    raise ConfigurationError("the vault is sealed: unseal it")


def refusing_with_cause(*_: object) -> object:
    raise SigningError("the vault is down") from ValueError(SECRET_URI)


def raising_plugin_error(*_: object) -> object:
    raise PluginError("vault", "needs a token")


def quoting_the_uri(uri: PluginUri, _context: FactoryContext) -> object:
    raise ConfigurationError(f"cannot read {uri.text}")


def quoting_the_password(_uri: PluginUri, _context: FactoryContext) -> object:
    raise ConfigurationError("wrong password hunter2")


def one_argument(uri: PluginUri) -> object:
    return uri


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (refusing, "the vault is sealed: unseal it"),
        (refusing_with_cause, "the vault is down"),
        (raising_plugin_error, "needs a token"),
        (quoting_the_uri, "ConfigurationError, not shown in full"),
        (quoting_the_password, "ConfigurationError, not shown in full"),
        (one_argument, "its factory must take the URI and the context"),
        (type, "TypeError at irma_core.plugins.registry:"),
        (failing, "ValueError at tests.plugins.test_factories:"),
    ],
)
def test_error_of_a_factory_shows_no_argument(factory: Factory, reason: str) -> None:
    """A factory's error keeps its message only if it is our class and does not quote the URI."""
    error = opening(factory)
    assert str(error).startswith(f"plugin acme-vault: signing scheme vault: {reason}")
    shown = "".join(traceback.format_exception(error))
    assert not any(part in shown for part in (SECRET_URI, "hunter2", "vault.example"))


async def async_factory(_uri: PluginUri, _context: FactoryContext) -> object:
    return AsyncFakeSigner()


@pytest.mark.parametrize(
    ("factory", "context", "words"),
    [
        (factory_of(AsyncFakeSigner()), SYNC, "wrong mode: sign() must not be async"),
        (factory_of(HmacSigner(KEY)), ASYNC, "wrong mode: sign() must be async"),
        (factory_of(None), SYNC, "a NoneType must have the method sign()"),
        (factory_of(SimpleNamespace(sign=len)), SYNC, "must have an algorithm"),
        (async_factory, ASYNC, "expected a plain function"),
    ],
)
def test_a_factory_must_return_a_signer_of_the_mode(
    factory: Factory, context: FactoryContext, words: str
) -> None:
    """A factory whose part is not a signer of the mode is refused."""
    error = opening(factory, context)
    assert error.plugin == "acme-vault"
    assert words in error.reason
    assert "hunter2" not in str(error)


class MixedStore:
    """A store with sync methods that can only be closed by `aclose`."""

    def put_if_absent(self) -> None: ...

    get = delete = put_if_absent

    async def aclose(self) -> None: ...


class FailingAsyncStore:
    """A store with asyncio methods and a plain `close` that fails."""

    def __init__(self) -> None:
        self.closed = 0

    async def put_if_absent(self) -> None: ...

    get = delete = put_if_absent

    def close(self) -> None:
        self.closed += 1
        raise OSError(SECRET_URI)


def test_a_store_must_be_closable_in_its_mode() -> None:
    """A store must have `close` in sync mode, and `aclose` in async mode."""
    plugins = PluginRegistry({"acme": store_plugin(factory_of(MixedStore()))})
    assert "close() in sync mode" in refused(lambda: plugins.store("acme:", SYNC)).reason


@pytest.mark.parametrize("context", [SYNC, ASYNC])
def test_a_refused_part_is_closed(context: FactoryContext) -> None:
    """A part that is refused is closed, and an error of the close does not hide the reason."""
    made = FailingAsyncStore()
    plugins = PluginRegistry({"acme": store_plugin(factory_of(made))})
    error = refused(lambda: plugins.store("acme:", context))
    assert made.closed == 1
    assert "closing" not in error.reason


def test_an_async_part_is_not_closed_in_sync_mode() -> None:
    """In sync mode, a refused part with an async `close` is not closed, as this needs an await."""

    class Closed(AsyncFakeSigner):
        async def close(self) -> None: ...

    error = opening(factory_of(Closed()))
    assert "wrong mode" in error.reason


def test_signer_without_an_algorithm_is_closed() -> None:
    """A signer whose algorithm cannot be read is refused and closed."""
    closed: list[str] = []

    class RemovedToken:
        def sign(self, signing_input: bytes) -> bytes:
            return signing_input

        @property
        def algorithm(self) -> str:
            raise OSError(SECRET_URI)

        def close(self) -> None:
            closed.append("closed")

    error = opening(factory_of(RemovedToken()))
    assert error.reason.startswith("signing scheme vault: OSError at tests.")
    assert closed == ["closed"]


def test_a_signer_with_close_is_closed() -> None:
    """A signer that has `close` is closed, but a signer need not have it."""
    closed: list[str] = []

    class TokenSigner:
        algorithm = "RS256"

        def sign(self, signing_input: bytes) -> bytes:
            return signing_input

        def close(self) -> None:
            closed.append("closed")

    PluginRegistry({"v": signer_plugin(factory_of(TokenSigner()))}).signer("vault:", SYNC).close()
    assert closed == ["closed"]
    PluginRegistry({"v": signer_plugin(factory_of(HmacSigner(KEY)))}).signer("vault:", SYNC).close()


async def test_a_failed_close_names_the_plugin() -> None:
    """The error of a failed close names the plugin and omits the message, in both modes."""

    class Failing(AsyncFakeSigner):
        def close(self) -> None:
            failing()

        async def aclose(self) -> None:
            failing()

    opened = PluginRegistry({"acme": signer_plugin(factory_of(Failing()))}).signer("vault:", ASYNC)
    error = refused(opened.close)
    assert str(error).startswith("plugin acme: closing failed: ValueError at ")
    with pytest.raises(PluginError) as caught:
        await opened.aclose()
    assert caught.value.reason.startswith("closing failed: ValueError at ")
    assert caught.value.__context__ is None


async def test_a_signer_without_aclose_is_accepted() -> None:
    """An asyncio signer without `aclose` is accepted."""
    opened = PluginRegistry({"acme": signer_plugin(factory_of(AsyncFakeSigner()))}).signer(
        "vault:", ASYNC
    )
    await opened.aclose()


def test_no_repr_shows_the_rest_of_a_uri() -> None:
    """No `repr` shows the rest of a URI, or a secret."""
    uri = PluginUri.parse(SECRET_URI)
    context = FactoryContext(Mode.SYNC, CLOCK, ScriptedTransport(), {"pin": "hunter2"})
    opened = PluginRegistry({"v": signer_plugin(factory_of(HmacSigner(KEY)))}).signer(
        SECRET_URI, SYNC
    )
    assert repr(uri) == "<PluginUri vault:…>"
    assert "hunter2" not in repr(context)
    assert repr(opened) == "OpenPart(value=<HmacSigner>, plugin='v')"


@pytest.mark.parametrize("secret", ["hunter2", b"hunter2", lambda: "hunter2", lambda: b"hunter2"])
def test_a_secret_always_becomes_bytes(secret: Secret) -> None:
    """A secret may be a string, bytes, or a function that returns either."""
    context = FactoryContext(Mode.SYNC, CLOCK, ScriptedTransport(), {"pin": secret})
    assert context.secret("pin") == b"hunter2"


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({}, "must have an entry for 'pin'"),
        ({"pin": failing}, "the function for 'pin' failed: ValueError"),
        ({"pin": lambda: None}, "'pin' must be str or bytes"),
    ],
)
def test_missing_secret_is_named(secrets: Mapping[str, Secret], words: str) -> None:
    """The error for a missing or wrong secret shows only its name."""
    context = FactoryContext(Mode.SYNC, CLOCK, ScriptedTransport(), secrets)
    with pytest.raises(ConfigurationError, match=words) as caught:
        context.secret("pin")
    assert caught.value.__context__ is None
