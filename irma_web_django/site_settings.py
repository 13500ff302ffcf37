"""The setting `IRMA`, read into one frozen object.

    IRMA = {
        "SERVER": "https://irma.example",
        "TOKEN": {"FILE": "/run/secrets/irma-token"},
        "SERVER_KEY": {"FILE": "/etc/irma/server-key.pem"},
        "QUESTIONS": {"login": DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})},
        "ACCOUNT": "email",
    }

`docs/how-to/django.md` has a table of all settings.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast, final

import attrs
from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from irma_backend.settings import Settings
from irma_backend.settings_kinds import read_small_file
from irma_backend.web_site import (
    check_site_url,
    site_defaults,
    site_questions,
    site_settings,
)
from irma_core import Sealer
from irma_core.errors import ConfigurationError, IrmaError, UsageError
from irma_core.models.holders import Hidden, HiddenSecret
from irma_core.models.session_requests import as_extended
from irma_core.protocol.part_checks import check_function
from irma_core.tracebacks import boundary
from irma_core.web.questions import as_question

__all__ = ["SETTINGS", "SiteSettings", "check_slot", "current_settings", "read_settings"]


def _hide_arguments(value: Mapping[str, Any]) -> Hidden[Mapping[str, Any]]:
    return HiddenSecret(value)


def _hide_keys(value: tuple[str, ...]) -> Hidden[tuple[str, ...]]:
    return HiddenSecret(value)


@final
@attrs.frozen(kw_only=True)
class SiteSettings:
    """The contents of the setting `IRMA`, checked and completed with defaults.

    Attributes:
        server: The IRMA server's base URL.
        questions: The questions, by name.
        login: The name of the question that logs a person in.
        account: The slot of that question whose attribute identifies the account; None without a
            login.
        is_by_email: Whether that attribute is an e-mail address, and the account is the user who
            has that address.
        url: The site's own base URL. The IRMA server posts to URLs that begin with it. None without
            callbacks.
        callback: Receives the outcome of each session that was started with a callback.
        next_session: Chooses the session that follows.
        lifetime: How long a person has to connect an app.
        sessions_per_browser: How many sessions of one browser may be open at once.
        starts_per_minute: How many sessions one network may start in a minute; None for any number.
        client_address: Returns the address that a request comes from; None for Django's own value,
            which is the proxy's address if there is a proxy.
        origins: Other origins whose pages may start and finish sessions.
        is_cookie_plain: Whether the cookie may travel over HTTP on this machine.
        store: URI of a store other than the database; None for the database.
        is_store_of_file: Whether that URI comes from the settings file or its environment variable.
        has_own_sealing_keys: Whether the site sets sealing keys itself; if not, they come from
            `SECRET_KEY`.
    """

    server: str
    questions: Mapping[str, Any]
    login: str
    account: str | None
    is_by_email: bool
    url: str | None
    callback: Callable[..., Any] | None
    next_session: Callable[..., Any] | None
    lifetime: timedelta
    sessions_per_browser: int
    starts_per_minute: int | None
    client_address: Callable[..., Any] | None
    origins: tuple[str, ...]
    is_cookie_plain: bool
    store: str | None = attrs.field(repr=False)
    is_store_of_file: bool
    has_own_sealing_keys: bool
    _connect: Hidden[Mapping[str, Any]] = attrs.field(
        alias="connect", converter=_hide_arguments, repr=False
    )
    _sealing_keys: Hidden[tuple[str, ...]] = attrs.field(
        alias="sealing_keys", converter=_hide_keys, repr=False
    )
    _pseudonym_keys: Hidden[tuple[str, ...]] = attrs.field(
        alias="pseudonym_keys", converter=_hide_keys, repr=False
    )

    @property
    def connect(self) -> Mapping[str, Any]:
        """The keyword arguments of `irma_backend.connect`."""
        return self._connect.reveal()

    @property
    def sealing_keys(self) -> tuple[str, ...]:
        """The keys for handles, URLs and proofs; only the first seals, but all unseal."""
        return self._sealing_keys.reveal()

    @property
    def pseudonym_keys(self) -> tuple[str, ...]:
        """The keys for pseudonyms: the first for new accounts, the others for older ones."""
        return self._pseudonym_keys.reveal()


@lru_cache(maxsize=1)
def current_settings() -> SiteSettings:
    """Return the settings of this site; they are read only once.

    Raises:
        ConfigurationError: A setting is missing, unknown or invalid.
    """
    given: object = getattr(django_settings, "IRMA", None)
    if given is None:
        raise ConfigurationError(
            'IRMA: the setting is missing; write, for example, IRMA = {"SERVER": …}'
        )
    return read_settings(given)


@boundary
def read_settings(given: object) -> SiteSettings:
    """Read and check the settings in a mapping.

    Args:
        given: The value of the setting `IRMA`.

    Raises:
        ConfigurationError: A setting is missing, unknown or invalid. The message names it, and
            contains no secret.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError("IRMA: must be a dictionary")
    _refuse_unknown(given)
    file = site_settings(given.get("SETTINGS"), given.get("SERVER"))
    reader = _Reader({**_named(site_defaults(file)), **given}, file)
    questions = reader.questions()
    login = reader.text("LOGIN", "login")
    account = reader.optional_text("ACCOUNT")
    if account is None and login in questions:
        raise ConfigurationError(
            f'IRMA["ACCOUNT"]: is missing; set it to the slot of "{login}" whose '
            'attribute identifies the account, such as "email"'
        )
    if account is not None and login not in questions:
        raise ConfigurationError(
            f'IRMA["QUESTIONS"]: has no "{login}", which logs people in (see IRMA["LOGIN"])'
        )
    if account is not None:
        check_slot(questions[login], account, 'IRMA["ACCOUNT"]')
    callback, next_session = reader.function("CALLBACK"), reader.function("NEXT_SESSION")
    url = check_site_url(reader.optional_text("URL"), 'setting IRMA["URL"]')
    if url is None and (callback or next_session):
        name = "CALLBACK" if callback else "NEXT_SESSION"
        raise ConfigurationError(
            f'IRMA["URL"]: is missing; {name} needs the URL of your site, such as '
            '"https://shop.example", because the IRMA server posts to URLs under it'
        )
    return SiteSettings(
        server=reader.server(),
        questions=questions,
        login=login,
        account=account,
        is_by_email=reader.flag("ACCOUNT_BY_EMAIL", default=False),
        url=url,
        callback=callback,
        next_session=next_session,
        lifetime=reader.lifetime(),
        sessions_per_browser=reader.count("SESSIONS_PER_BROWSER", 20),
        starts_per_minute=reader.optional_count("STARTS_PER_MINUTE", 120),
        client_address=reader.function("CLIENT_ADDRESS"),
        origins=reader.texts("ORIGINS"),
        # `WebSessions` refuses this cookie for every host except this machine.
        is_cookie_plain=reader.flag("PLAIN_COOKIE", default=django_settings.DEBUG),
        store=reader.optional_text("STORE") or (file and file.value("parts.store")),
        is_store_of_file=given.get("STORE") is None,
        has_own_sealing_keys=reader.has("SEALING_KEYS"),
        connect=reader.connect(),
        sealing_keys=reader.sealing_keys(),
        pseudonym_keys=reader.pseudonym_keys(),
    )


def check_slot(source: object, slot: str, place: str) -> None:
    """Check that a question has a slot, as far as that can be known before the question is asked.

    Args:
        source: A question, a request or a function.
        slot: The name of the slot.
        place: The setting that names the slot.

    Raises:
        ConfigurationError: The question has no such slot.
    """
    if callable(source):
        return
    try:
        request = as_extended(as_question(source).request).request
    except UsageError:
        return  # opening the site reports this error
    names = request.disclose.names or ()
    if slot not in names:
        near = get_close_matches(slot, names, 1)
        advice = (
            f"did you mean {near[0]!r}?"
            if near
            else f"its slots are {', '.join(names) or '(no slots)'}"
        )
        raise ConfigurationError(f"{place}: the question has no slot {slot!r}; {advice}")


SETTINGS: Final = (
    *("SETTINGS", "SERVER", "TOKEN", "SERVER_KEY", "CONNECT", "QUESTIONS", "LOGIN", "ACCOUNT"),
    *("ACCOUNT_BY_EMAIL", "URL", "CALLBACK", "NEXT_SESSION", "LIFETIME", "SESSIONS_PER_BROWSER"),
    *(
        "STARTS_PER_MINUTE",
        "CLIENT_ADDRESS",
        "ORIGINS",
        "PLAIN_COOKIE",
        "STORE",
        "SEALING_KEYS",
        "PSEUDONYM_KEYS",
    ),
)


def _refuse_unknown(given: Mapping[object, object]) -> None:
    for name in given:
        if name not in SETTINGS:
            near = get_close_matches(str(name).upper(), SETTINGS, 1)
            advice = (
                f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(SETTINGS)}"
            )
            raise ConfigurationError(f"IRMA[{name!r}]: is unknown; {advice}")


def _named(defaults: Mapping[str, Any]) -> dict[object, object]:
    return {name.upper(): value for name, value in defaults.items()}


@final
class _Reader:
    """Reads one mapping; each method checks a setting and returns it."""

    def __init__(self, given: Mapping[object, object], file: Settings | None) -> None:
        self._given = given
        self._file = file

    def has(self, name: str) -> bool:
        return name in self._given

    def server(self) -> str:
        if self._file is None or self.has("SERVER"):
            return self.text("SERVER")
        server = self._file.first("server.url")
        if server is None:
            raise ConfigurationError(
                'IRMA["SERVER"]: is missing; set it, or set url in the [server] table of the '
                "settings file"
            )
        return str(server.value)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._given.get(name, default)
        if value is None:
            raise ConfigurationError(f'IRMA["{name}"]: is missing')
        if not isinstance(value, str) or not value:
            raise _invalid(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._given.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._given.get(name, ())
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise _invalid(name, "a list of strings")
        if not all(isinstance(each, str) for each in value):
            raise _invalid(name, "a list of strings")
        return tuple(value)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise _invalid(name, "True or False")
        return value

    def count(self, name: str, default: int) -> int:
        value = self._given.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _invalid(name, "a whole number of at least 1")
        return value

    def optional_count(self, name: str, default: int) -> int | None:
        return None if self._given.get(name, default) is None else self.count(name, default)

    def lifetime(self) -> timedelta:
        value = self._given.get("LIFETIME", timedelta(minutes=5))
        if not isinstance(value, timedelta):
            raise _invalid("LIFETIME", "a timedelta, such as timedelta(minutes=5)")
        return value

    def function(self, name: str) -> Callable[..., Any] | None:
        value = self._given.get(name)
        if value is None:
            return None
        found = _imported(name, value)
        if not callable(found):
            raise _invalid(name, "a function, or its dotted path")
        check_function(found, f'IRMA["{name}"]', may_be_async=False)
        return cast("Callable[..., Any]", found)

    def secret(self, name: str) -> object:
        return _secret(name, self._given.get(name))

    def _keys(self, name: str) -> tuple[str, ...]:
        if not self.has(name):
            return ()
        value = self._given[name]
        # An empty list must not mean the keys of `SECRET_KEY`.
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise _invalid(name, "a list of keys, newest first")
        found = [_secret(name, each) for each in value]
        if not all(isinstance(each, str) and each for each in found):
            raise _invalid(name, "a list of keys, newest first")
        keys = tuple(cast("list[str]", found))
        try:
            Sealer(keys)  # pseudonym keys have the same form
        except IrmaError as error:
            raise ConfigurationError(f'IRMA["{name}"]: {error}') from None
        return keys

    def pseudonym_keys(self) -> tuple[str, ...]:
        return self._keys("PSEUDONYM_KEYS") or _derived("irma_web_django.pseudonym")

    def sealing_keys(self) -> tuple[str, ...]:
        return self._keys("SEALING_KEYS") or _derived("irma_web_django.sealing")

    def questions(self) -> Mapping[str, Any]:
        value = self._given.get("QUESTIONS")
        if value is None and self._file is not None and self._file.requests:
            return site_questions(self._file, None)
        if value is None:
            raise ConfigurationError(
                'IRMA["QUESTIONS"]: is missing; set it to a dictionary that maps names to '
                'requests, such as {"login": DisclosureRequest({"email": '
                '"pbdf.sidn-pbdf.email.email"})}'
            )
        found = _imported("QUESTIONS", value)
        if not isinstance(found, Mapping) or not found:
            raise _invalid(
                "QUESTIONS", "a dictionary that maps names to requests, or its dotted path"
            )
        known: dict[str, Any] = {
            str(name): _imported("QUESTIONS", each) for name, each in found.items()
        }
        return site_questions(self._file, known)

    def connect(self) -> Mapping[str, Any]:
        value = self._given.get("CONNECT", {})
        if not isinstance(value, Mapping):
            raise _invalid("CONNECT", "a dictionary of arguments for irma_backend.connect")
        known = {"url": self._given.get("SERVER"), "settings": self._file, **value}
        for name, argument in (("TOKEN", "token"), ("SERVER_KEY", "server_key")):
            secret = self.secret(name)
            if secret is not None and argument in known:
                raise ConfigurationError(
                    f'IRMA["CONNECT"]: has "{argument}", which IRMA["{name}"] already sets'
                )
            if secret is not None:
                known[argument] = secret
        return known


def _invalid(name: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f'IRMA["{name}"]: must be {expected}')


def _imported(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        found: object = import_string(value)
    except ImportError as error:
        raise ConfigurationError(f'IRMA["{name}"]: cannot import "{value}": {error}') from None
    return found


def _secret(name: str, value: object) -> object:
    match value:
        case {"FILE": str() | Path() as path, **more} if not more:
            try:
                return read_small_file(Path(path)).strip()
            except ConfigurationError as error:
                raise ConfigurationError(f'IRMA["{name}"]: {path}: {error}') from None
        case Mapping():
            raise _invalid(name, 'a value, or {"FILE": "/path/of/a/file"}')
        case _:
            return value


def _derived(label: str) -> tuple[str, ...]:
    """Return one derived key for each of the site's secret keys, newest first."""
    secrets = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
    if not all(secrets):  # anyone could seal values with an empty key
        raise ConfigurationError("SECRET_KEY_FALLBACKS: a key must not be empty")
    return tuple(
        urlsafe_b64encode(
            salted_hmac(label, "", secret=secret, algorithm="sha256").digest()
        ).decode()
        for secret in secrets
    )
