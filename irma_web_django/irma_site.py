"""The objects that the views of a process share: the requestor, the store and the web sessions."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final, final

import attrs
from django.conf import settings as django_settings
from django.urls import get_script_prefix, reverse
from django.utils.translation import override

from irma_backend import open_parts
from irma_backend.web_site import SitePages, split_arguments, web_site
from irma_core import CallbackReceiver, NextSessionReceiver, Requestor
from irma_core.interfaces import Store
from irma_core.protocol.transport import utc_now
from irma_core.web.browser_posts import Site
from irma_core.web.proofs import Proofs
from irma_core.web.web_sessions import WebSessions
from irma_web.per_process import PerProcess
from irma_web_django.django_store import DjangoStore
from irma_web_django.kept_callbacks import KeptInDatabase
from irma_web_django.site_settings import SiteSettings, current_settings

__all__ = ["IrmaSite", "close_site", "current_site"]


@final
@attrs.frozen(eq=False)
class IrmaSite:
    """The objects that the views of a process share. Threads may share them.

    Attributes:
        settings: The site's settings.
        requestor: Makes the calls to the IRMA server.
        sessions: Handles the calls from the page.
        callbacks: Receives the server's callbacks; None without the setting `CALLBACK`.
        next_sessions: Chooses the next session; None without the setting `NEXT_SESSION`.
        proofs: Seals proofs for Django's session.
        page_site: The rules for which pages may make calls.
        posted_urls: The prefixes of the URLs that the IRMA server posts to.
    """

    settings: SiteSettings
    requestor: Requestor
    sessions: WebSessions
    callbacks: CallbackReceiver | None
    next_sessions: NextSessionReceiver | None
    proofs: Proofs
    page_site: Site
    posted_urls: tuple[str, ...]

    def now(self) -> datetime:
        """Return the time on the requestor's clock."""
        return utc_now(self.requestor.context.clock)


def current_site() -> IrmaSite:
    """Return this process's site; the first call opens it, and it stays open.

    Raises:
        ConfigurationError: A setting is invalid.
        PluginError: A plugin failed.
    """
    return _PROCESS.get()


def close_site() -> None:
    """Close the site of this process; the next use opens another one."""
    _PROCESS.close()


def _open(owned: ExitStack) -> IrmaSite:
    settings = current_settings()
    opening, connection = split_arguments(settings.connect)
    parts = owned.enter_context(open_parts(**opening))
    requestor = parts.requestor(**connection)
    clock = requestor.context.clock
    store: Store = DjangoStore(clock)
    if settings.store is not None:
        store = parts.store(None if settings.is_store_of_file else settings.store)
    keys = settings.sealing_keys
    pages = SitePages(
        url=_pages_url(settings),
        questions=settings.questions,
        deliver=settings.callback,
        choose=settings.next_session,
        sessions={
            "lifetime": settings.lifetime,
            "sessions_per_browser": settings.sessions_per_browser,
            "origins": settings.origins,
            "plain_cookie": settings.is_cookie_plain,
        },
        kept=KeptInDatabase(),
    )
    made = web_site(requestor, store, keys, pages)
    proofs = Proofs(keys, lifetime=timedelta(seconds=django_settings.SESSION_COOKIE_AGE))
    return IrmaSite(
        *(settings, requestor, made.sessions, made.callbacks, made.next_sessions, proofs),
        Site(frozenset(settings.origins), settings.is_cookie_plain),
        pages.posted_urls,
    )


_PROCESS: Final = PerProcess(_open)


def _pages_url(settings: SiteSettings) -> str:
    """Return the base URL of the endpoints, as the IRMA server sees it.

    This URL is sealed into each URL that the server posts to, so it must be the same in every
    process. It must not depend on the language of a worker's first visitor. A `manage.py` command
    cannot find out the path at which the site is mounted, so the setting `URL` includes that path.
    """
    with override(django_settings.LANGUAGE_CODE):
        path = reverse("irma:callback", args=["_"]).removeprefix(get_script_prefix())
    return f"{settings.url}".rstrip("/") + f"/{path}".removesuffix("/callback/_")
