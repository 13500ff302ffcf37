"""The reference page, which `make reference` generates from docstrings.

This module says which names go together; `test_reference` checks that no name is missing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from irma_backend.cli.exit_statuses import EXIT_STATUSES
from irma_backend.cli.session_commands import public_key
from irma_core import Requestor

__all__ = ["GROUPS", "PAGE", "drawn"]

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference.md"

GROUPS: dict[str, dict[str, str]] = {
    "irma_core": {
        "Requestors": "Requestor AsyncRequestor Risk",
        "Requests": (
            "DisclosureRequest SignatureRequest IssuanceRequest RevocationRequest ExtendedRequest "
            "NextSession AttributeRequest CredentialRequest all_of any_of optional Con DisCon "
            "ConDisCon read_request"
        ),
        "Sessions": (
            "StartedSession SessionPackage SessionPointer RequestorToken SessionStatus SessionType "
            "FrontendRequest FrontendAuthorization FrontendOptions PairingMethod"
        ),
        "Answers": (
            "Answer AnsweredSlot DisclosedAttribute AttributeBasedSignature VerifiedSignature "
            "Evidence SessionResult ProofStatus AttributeProofStatus RemoteError"
        ),
        "Authentication to the server": (
            "NoAuthentication TokenAuthentication HmacAuthentication PublicKeyAuthentication "
            "Signer AsyncSigner HmacSigner RsaSigner GatewayAuthentication GatewaySecret "
            "GatewayAssertion"
        ),
        "JWTs, and the server's key": (
            "PublicKey SharedKey FetchedServerKey verify_result_jwt "
            "sign_session_request verify_session_request_jwt VerifiedRequest"
        ),
        "Handles for the browser": "Handles AsyncHandles Binding Sealer new_sealing_key",
        "Pages that a browser calls, for any web framework": (
            "WebSessions AsyncWebSessions WebRequest WebReply Question WebAnswer Finished Proof "
            "same_site_url verified_email pseudonym check_same_person"
        ),
        "Started sessions in a database": "dump_started_session load_started_session",
        "Callbacks and chained sessions": (
            "CallbackReceiver AsyncCallbackReceiver SessionOutcome KeptInStore ReplayedCallback "
            "NextSessionReceiver ChainStep "
            "AsyncNextSessionReceiver StaticSessionReceiver AsyncStaticSessionReceiver"
        ),
        "Errors that programs handle differently": (
            "IrmaError AnswerError NobodyAnsweredError SessionCancelledError "
            "SessionTimedOutError SessionGoneError "
            "SessionMayExistError ServerRefusedError HandleError HandleExpiredError "
            "HandleUsedError JwtError ResultJwtError RequestJwtError LoginRefusedError "
            "OtherPersonError"
        ),
    },
    "irma_backend": {
        "Parts from a configuration": (
            "connect connect_async read_settings open_parts open_parts_async Parts AsyncParts "
            "SqliteStore AsyncSqliteStore MemoryStore AsyncMemoryStore LoggingObserver"
        ),
        "Files of schemes": "SchemeFolder",
    },
    "irma_proofs": {
        "Signatures verified without a server": (
            "SignatureVerifier VerifiedSignature Schemes SchemeFiles TimeStampKeys"
        ),
    },
    "irma_redis": {
        "State shared through Redis": (
            "RedisStore AsyncRedisStore RedisStatusBackend AsyncRedisStatusBackend"
        ),
    },
    "irma_transport": {"For transports, stores and tests": "SystemClock"},
    "irma_transport_urllib3": {"For threads and scripts": "Urllib3Transport"},
    "irma_transport_aiohttp": {"For asyncio": "AiohttpTransport in_thread"},
    "irma_web": {
        "Pages that start sessions": (
            "page_settings csp_sources STATIC install_browser_package InstalledPackage "
            "package_state PackageState"
        ),
    },
    "irma_testing": {
        "A server and an app in memory": (
            "InMemoryServer ServerSettings RequestorSettings SimulatedApp ScannedSession Outcome "
            "HeldCredential RequestedAttribute OpenSession AppError Scheme CredentialType "
            "OPEN_SCHEME EXAMPLE_SCHEME"
        ),
        "Its posts to your application": "wsgi asgi django",
        "People, and clients that they log in": "make_person Login AsyncLogin BrowserApp",
        "Transports without a socket": (
            "InMemoryTransport AsyncInMemoryTransport ScriptedTransport AsyncScriptedTransport "
            "ScriptedStream EventStream ManualClock"
        ),
    },
    "irma_testing.contracts": {
        "Contracts for your own parts": (
            "TransportContract AsyncTransportContract SignerContract AsyncSignerContract "
            "StatusBackendContract AsyncStatusBackendContract StoreContract AsyncStoreContract "
            "WebAdapterContract VERSION"
        ),
    },
}
"""The names by package and group."""

_CONSTANTS = {
    "OPEN_SCHEME": "Any card that a test requests, besides those of `EXAMPLE_SCHEME`: the default.",
    "EXAMPLE_SCHEME": "Two cards of a town. The server refuses requests for any other card.",
    "STATIC": "The directory of static files: `irma_web/irma.js` and `irma_web/irma.css`.",
    "TimeStampKeys": "The Ed25519 keys of time-stamping servers by URL, as 32 bytes or in base64.",
    "VERSION": "Increased when a new test may fail for something that passed before.",
}
"""Descriptions of names without a docstring."""
_EXTENDING = (
    "irma_core.interfaces",
    "irma_core.errors",
    "irma_core.protocol.endpoints",
    "irma_core.flows.effects",
)


def drawn() -> str:
    """Return the reference page, generated from the current docstrings."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Each name has one line here. Its docstring explains the arguments, their units, what",
            "is returned and each error: follow the link, or use `help(…)`. `make reference`",
            "generates this page.",
            "",
            *(line for door, groups in GROUPS.items() for line in _door(door, groups)),
            *_modules(),
            *_requestor_settings(),
            *_command_line(),
        ]
    )


def _door(door: str, groups: dict[str, str]) -> Iterator[str]:
    module = import_module(door)
    yield from (f"## `{door}`", "")
    for title, names in groups.items():
        yield from (f"### {title}", "")
        yield from (f"- {_link(module, name)}: {_line(module, name)}" for name in names.split())
        yield ""


def _link(module: ModuleType, name: str) -> str:
    found = getattr(module, name)
    home = found if inspect.isclass(found) or inspect.isfunction(found) else module
    return f"[`{name}`]({_path(home)})"


def _path(found: object) -> str:
    home = found if isinstance(found, ModuleType) else inspect.getmodule(found)
    assert isinstance(home, ModuleType)
    assert home.__file__ is not None
    return f"../{Path(home.__file__).resolve().relative_to(ROOT).as_posix()}"


def _line(module: ModuleType, name: str) -> str:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    return _first_sentences(getattr(module, name).__doc__)


def _first_sentences(docstring: str | None) -> str:
    """Return the first paragraph of a docstring, on one line."""
    assert docstring is not None
    return " ".join(inspect.cleandoc(docstring).split("\n\n")[0].split())


def _modules() -> Iterator[str]:
    yield from ("## More modules", "")
    yield "For authors of transports, stores, status backends, signers and plugins:"
    yield ""
    for name in _EXTENDING:
        module = import_module(name)
        yield f"- [`{name}`]({_path(module)}): {_first_sentences(module.__doc__)}"
    yield ""


def _requestor_settings() -> Iterator[str]:
    yield from ("## Settings of a requestor", "", "| argument | what it says |", "| --- | --- |")
    arguments = inspect.cleandoc(Requestor.__doc__ or "").partition("Args:\n")[2]
    arguments = arguments.partition("\n\n")[0]
    for name, words in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE):
        yield f"| `{name}` | {' '.join(words.split())} |"
    yield ""


def _command_line() -> Iterator[str]:
    yield from (
        "## Settings of the command line",
        "",
        "All commands that call a server have these options:",
        "",
    )
    yield from ("| option | environment | what it says |", "| --- | --- | --- |")
    for option in public_key.params:
        if isinstance(option, click.Option) and option.help:
            variable = f"`{option.envvar}`" if isinstance(option.envvar, str) else ""
            yield f"| `{option.opts[0]}` | {variable} | {option.help.replace('|', ' ')} |"
    yield from ("", "## Exit statuses of the command line", "")
    yield from ("| status | what happened |", "| --- | --- |")
    for status, meaning in EXIT_STATUSES.items():
        yield f"| {status} | {meaning} |"
    yield from ("", "`irma-backend COMMAND --help` has the options of each command.", "")


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
