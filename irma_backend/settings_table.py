"""The one table of all settings: their names, kinds, environment variables and purposes.

The settings file, the environment, the command `irma-backend config` and the page
`docs/settings.md` all follow this table.
"""

from __future__ import annotations

from typing import Final, final

import attrs

from irma_backend.settings_kinds import (
    FLAG,
    HELD,
    ISSUER,
    KEY_BITS,
    KEY_FILES,
    NAME,
    PATH,
    PATHS,
    PINNED_KEYS,
    PORT,
    REFERENCE,
    REFERENCES,
    REQUEST,
    REQUEST_FILE,
    RISKS,
    SECONDS,
    TEXT,
    TEXTS,
    URI,
    URL,
    Kind,
)

__all__ = ["SETTINGS", "Setting", "is_table", "setting_of"]


@final
@attrs.frozen
class Setting:
    """A setting that a settings file may hold.

    Attributes:
        name: The setting's table and key, such as `server.url`. `*` stands for a name that the user
            chooses.
        kind: The kind of its value.
        purpose: What the setting is for.
        variable: The environment variable that overrides the setting, or None.
        adds_up: Whether the values from all sources are combined, instead of only the first being
            used.
    """

    name: str
    kind: Kind
    purpose: str
    variable: str | None = None
    adds_up: bool = attrs.field(default=False, kw_only=True)

    @property
    def depth(self) -> int:
        """The number of names in the path of the setting."""
        return self.name.count(".") + 1

    def is_below(self, path: tuple[str, ...]) -> bool:
        """Return whether a path leads to this setting, or to a table that may contain it."""
        return all(
            one == other or (one == "*" and NAME.fullmatch(other) is not None)
            for one, other in zip(self.name.split("."), path, strict=False)
        )


SETTINGS: Final = (
    Setting("server.url", URL, "The IRMA server's base URL.", "IRMA_SERVER"),
    Setting(
        "server.frontend_url",
        URL,
        "The URL at which browsers and apps reach the server, if it is not `server.url`. It is "
        "the value of the IRMA server's own `url` setting, without `/irma`.",
        "IRMA_FRONTEND_URL",
    ),
    Setting(
        "server.key_files",
        PATHS,
        "PEM files with the server's public key, which verifies the server's results; several "
        "files while a key is being replaced.",
        "IRMA_SERVER_KEY_FILES",
    ),
    Setting(
        "server.jwt_issuer",
        ISSUER,
        "The value of the server's `jwt_issuer` setting; it can be empty.",
        "IRMA_JWT_ISSUER",
    ),
    Setting(
        "server.timeout", SECONDS, "The time limit for each call to the server.", "IRMA_TIMEOUT"
    ),
    Setting(
        "server.allow",
        RISKS,
        "The accepted risks. Risks from several sources are combined.",
        "IRMA_ALLOW",
        adds_up=True,
    ),
    Setting(
        "authentication.requestor",
        TEXT,
        "This requestor's name in the server's `requestors` setting.",
        "IRMA_REQUESTOR",
    ),
    Setting(
        "authentication.key",
        URI,
        "The key that signs session requests: `file:PATH`, `hmac:NAME` with a name in `[secrets]`, "
        "or a URI that a plugin supports.",
        "IRMA_KEY",
    ),
    Setting(
        "authentication.token",
        REFERENCE,
        "The API token with which this requestor authenticates. Set this or `key`, not both.",
        "IRMA_TOKEN",
    ),
    Setting("secrets.*", REFERENCE, "A secret that a URI or a plugin refers to by this name."),
    Setting(
        "plugins.use",
        TEXTS,
        "The names of the installed plugins to use. Plugins from several sources are combined.",
        "IRMA_PLUGINS",
        adds_up=True,
    ),
    Setting(
        "parts.store",
        URI,
        "The store, shared by all processes, that remembers which callbacks and handles have "
        "already been used: `sqlite:PATH`, `redis://HOST`, `memory:` for one process, or a URI "
        "that a plugin supports.",
        "IRMA_STORE",
    ),
    Setting(
        "parts.status",
        URI,
        "The status backend, such as `redis://HOST`. A process that receives a callback publishes "
        "the session's final status there, and processes that watch the session read it there.",
        "IRMA_STATUS",
    ),
    Setting(
        "proofs.schemes",
        PATHS,
        "The scheme folders, such as `irma_configuration/pbdf`, which must share a parent folder. "
        "`requestor.check` looks up attributes in these schemes.",
        "IRMA_SCHEMES",
    ),
    Setting(
        "proofs.scheme_keys",
        KEY_FILES,
        "For each of these schemes, a PEM file with its public key from a source that you trust, "
        "such as `pbdf=pbdf.pem`.",
        "IRMA_SCHEME_KEYS",
    ),
    Setting(
        "proofs.time_stamp_keys",
        PINNED_KEYS,
        "The keys of time-stamping servers, in the form that `irma-backend time-stamp-key` prints. "
        "With these keys, the requestor verifies each signature itself.",
        "IRMA_TIME_STAMP_KEYS",
    ),
    Setting(
        "proofs.min_key_bits",
        KEY_BITS,
        "The minimum length, in bits, of the issuers' keys in an accepted signature; by default "
        "2048. Use 1024 for demonstrations only.",
        "IRMA_MIN_KEY_BITS",
    ),
    Setting("requests.*.json", REQUEST, "The session request with this name, as JSON."),
    Setting(
        "requests.*.file", REQUEST_FILE, "The session request with this name, in its own file."
    ),
    Setting(
        "web.url",
        URL,
        "The website's own base URL. The IRMA server posts to URLs under it.",
        "IRMA_URL",
    ),
    Setting(
        "web.origins",
        TEXTS,
        "Other origins whose pages may start and finish sessions.",
        "IRMA_ORIGINS",
    ),
    Setting("web.lifetime", SECONDS, "The time limit for connecting an app.", "IRMA_LIFETIME"),
    Setting(
        "web.plain_cookie",
        FLAG,
        "Whether the cookie may travel over plain HTTP on this machine, for development.",
        "IRMA_PLAIN_COOKIE",
    ),
    Setting(
        "web.sealing_keys",
        REFERENCES,
        "The keys that seal handles and callback URLs, made with `new_sealing_key`, newest first. "
        "One file or variable can hold several keys, separated by commas or line ends.",
        "IRMA_SEALING_KEYS",
    ),
    Setting("dev_server.host", TEXT, "The address on which the development server listens."),
    Setting("dev_server.port", PORT, "The development server's port; 0 selects any free port."),
    Setting("dev_server.url", URL, "The development server's URL for a phone on the same network."),
    Setting(
        "dev_server.cert",
        PATH,
        "A PEM file with the development server's certificate, to serve HTTPS. It can also "
        "contain the private key.",
    ),
    Setting("dev_server.key_file", PATH, "A PEM file with the private key of `cert`."),
    Setting("dev_server.requestors", PATH, "A file with the development server's requestors."),
    Setting(
        "dev_server.scheme",
        PATH,
        "A folder with a scheme; the development server accepts only this scheme's attributes.",
    ),
    Setting("dev_server.has", HELD, "The attributes that the development server's app holds."),
    Setting(
        "dev_server.callbacks_anywhere",
        FLAG,
        "Whether callbacks and `nextSession` requests may go to other machines.",
    ),
)


def setting_of(path: tuple[str, ...]) -> Setting | None:
    """Return the setting that a key in a file belongs to; None if there is no such setting.

    Args:
        path: The names of the tables and the key, such as `("secrets", "vault")`.
    """
    return next(
        (each for each in SETTINGS if each.depth == len(path) and each.is_below(path)), None
    )


def is_table(path: tuple[str, ...]) -> bool:
    """Return whether a path of keys leads to a table that may contain settings."""
    return any(each.depth > len(path) and each.is_below(path) for each in SETTINGS)
