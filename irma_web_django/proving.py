"""`@proved("adult")`: show a view only to visitors who have proved something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views import View

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_string
from irma_core.web.proofs import Proof, check_max_age
from irma_web_django.site_settings import current_settings

if TYPE_CHECKING:

    class ProvedRequest(HttpRequest):
        """The type of request that a `@proved` view receives, for annotations."""

        proved: Mapping[str, Proof]

else:
    ProvedRequest = HttpRequest

__all__ = ["DEMANDED", "ProvedRequest", "proved"]

ViewT = TypeVar("ViewT", bound=Callable[..., Any])

DEMANDED: Final[set[str]] = set()
"""The names of the questions that views require; a system check compares them with the settings."""


def proved(name: str, *, max_age: timedelta | None = None) -> Callable[[ViewT], ViewT]:
    """Return a decorator that asks visitors for a proof before they can see a view.

        @proved("adult", max_age=timedelta(hours=1))
        def wines(request): ...

    The view has `request.proved["adult"]`, a `Proof`. A proof belongs to Django's session: it lasts
    until the visitor logs out or the session ends.

    Args:
        name: A question of `IRMA["QUESTIONS"]`.
        max_age: How old a proof may be; None accepts any proof in the session.

    Raises:
        ConfigurationError: `max_age` is not a `timedelta` above zero.
        UsageError: `name` is not a string.
    """
    check_string(name, "name")
    check_max_age(max_age)
    DEMANDED.add(name)

    def decorate(view: ViewT) -> ViewT:
        if isinstance(view, type):
            _decorate_class(view)
            return cast("ViewT", view)
        made = _async_view(view) if iscoroutinefunction(view) else _view(view)
        return cast("ViewT", wraps(view)(made))

    def _view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def call(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return _asking(request, name, max_age) or view(request, *args, **kwargs)

        return call

    def _async_view(
        view: Callable[..., Awaitable[HttpResponse]],
    ) -> Callable[..., Awaitable[HttpResponse]]:
        async def call(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            asking = await sync_to_async(_asking)(request, name, max_age)
            return asking or await view(request, *args, **kwargs)

        return call

    def _decorate_class(view: type) -> None:
        if not issubclass(view, View):
            raise ConfigurationError("proved: must decorate a view function or a subclass of View")
        shown: Any = view
        dispatch = shown.dispatch
        if shown.view_is_async:

            async def dispatch_async(
                self: View, request: HttpRequest, *args: Any, **kwargs: Any
            ) -> HttpResponse:
                asking = await sync_to_async(_asking)(request, name, max_age)
                return asking or await dispatch(self, request, *args, **kwargs)

            shown.dispatch = wraps(dispatch)(dispatch_async)
            return

        def dispatch_sync(
            self: View, request: HttpRequest, *args: Any, **kwargs: Any
        ) -> HttpResponse:
            return _asking(request, name, max_age) or dispatch(self, request, *args, **kwargs)

        shown.dispatch = wraps(dispatch)(dispatch_sync)

    return decorate


def _asking(request: HttpRequest, name: str, max_age: timedelta | None) -> HttpResponse | None:
    """Return a redirect to the page that asks for the proof; None if the visitor has the proof.

    A proof that is found is put into `request.proved` for the view.
    """
    # Imported here, because a module with views is imported while the site's URLs are loaded.
    from irma_web_django.proof_sessions import proof_of  # noqa: PLC0415

    questions = current_settings().questions
    if name not in questions:
        near = get_close_matches(name, questions, 1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(f'proved: IRMA["QUESTIONS"] has no "{name}"{advice}')
    proof = proof_of(request, name, max_age)
    if proof is None:
        query = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{reverse('irma:ask', args=[name])}?{query}")
    known: dict[str, Proof] = getattr(request, "proved", {})
    cast("Any", request).proved = {**known, name: proof}
    return None
