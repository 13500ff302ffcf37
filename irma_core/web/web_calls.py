"""The steps that all calls from a page share: reading the post, opening the session, replying."""

from __future__ import annotations

from typing import final

import attrs

from irma_core.errors import AnswerError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.json_text import JsonValue
from irma_core.models.events import WebRefused
from irma_core.protocol.transport import utc_now
from irma_core.value_object import ValueObject
from irma_core.web.browser_posts import BrowserPost, cors_headers, read_post
from irma_core.web.slots import find_session_flow
from irma_core.web.web_handles import WebSession, open_handle
from irma_core.web.web_messages import HeaderPairs, WebReply, WebRequest, json_reply
from irma_core.web.web_refusals import Step, WebRefusal, code_of, refusal_reply
from irma_core.web.web_settings import WebSettings

__all__ = ["WebCall"]


@final
@attrs.frozen(eq=False, repr=False)
class WebCall(ValueObject):
    """A call that a page in the browser made.

    Args:
        context: The requestor's context.
        settings: The website's settings.
        step: Which call this is: one of the four calls of a page, or a preflight.
        name: The name of the call's question, as the page sent it.
        request: The browser's request.
    """

    context: RequestorContext
    settings: WebSettings
    step: Step
    name: str
    request: WebRequest

    def read_post(self) -> BrowserPost:
        """Check the page's post, and return it.

        Raises:
            WebRefusal: The request is refused.
            ConfigurationError: The website uses the cookie for development, but the request was not
                made over plain HTTP to a loopback address.
        """
        if self.name not in self.settings.questions:
            raise WebRefusal("unknown_question")
        return read_post(self.settings.site, self.request)

    def open_session_flow(self, post: BrowserPost) -> Flow[WebSession]:
        """Return the session that the page identifies with a handle or a return number.

        Raises:
            WebRefusal: The browser sent no binding cookie, or there is no such session.
            HandleError: The handle is refused.
            StoreError: The store failed.
        """
        binding, handle = post.needed_binding(), post.string("handle")
        if handle is None:
            number = post.fields.get("slot")
            return (
                yield from find_session_flow(
                    self.context, self.settings, self.name, number, binding
                )
            )
        now = utc_now(self.context.clock)
        return open_handle(self.settings, self.name, handle, binding, now)

    def reply(self, value: JsonValue, headers: HeaderPairs = ()) -> WebReply:
        """Return the reply to a successful call."""
        return json_reply(200, value, cors_headers(self.settings.site, self.request) + headers)

    def refuse(self, error: Exception) -> WebReply:
        """Notify the observer that the call was refused or failed, and return the reply."""
        code = code_of(error)
        session = error.session if isinstance(error, AnswerError | WebRefusal) else ""
        name = self.name if self.name in self.settings.questions else ""
        self.context.notify(WebRefused(name, code, session))
        headers = cors_headers(self.settings.site, self.request)
        return refusal_reply(error, self.step, self.request, headers)
