"""The sources that the page needs in a content security policy."""

from __future__ import annotations

from collections.abc import Mapping

from irma_backend.web_site import site_settings
from irma_core.errors import ConfigurationError
from irma_core.tracebacks import boundary
from irma_web.page import csp_sources

__all__ = ["csp"]


@boundary
def csp(irma: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the sources that the page needs, for django-csp and for Django's own middleware.

        SECURE_CSP = {"default-src": ["'self'"], **csp(IRMA)}  # Django 6
        CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["'self'"], **csp(IRMA)}}

    Args:
        irma: The complete setting `IRMA`. It is an argument because the settings file calls this
            function before Django has read the whole file.

    Returns:
        A list of sources for each directive.

    Raises:
        ConfigurationError: The setting has no valid server URL.
    """
    given: object = irma
    if not isinstance(given, Mapping):
        raise ConfigurationError("csp: expected the setting IRMA, which must be a dictionary")
    connect = given.get("CONNECT")
    frontend = connect.get("frontend_url") if isinstance(connect, Mapping) else None
    file = site_settings(irma.get("SETTINGS"), irma.get("SERVER"))
    if file is not None:
        frontend = frontend or file.value("server.frontend_url")
    server = frontend or given.get("SERVER") or (file and file.value("server.url"))
    if not isinstance(server, str):
        raise ConfigurationError('IRMA["SERVER"]: is missing')
    return {directive: list(sources) for directive, sources in csp_sources(server).items()}
