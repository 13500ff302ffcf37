"""Replay kept posts: handle each one again, as if it had just been received.

A replay follows the steps of `delivery`, with the clock set to the time at which the post was
received. It removes a post once the outcome is delivered, or once it is clear that the server never
sent the post. It does not delete a post that has become too old, so that a wrong clock during one
replay cannot lose a post. The storage deletes old posts.
"""

from __future__ import annotations

from typing import Final, final

import attrs

from irma_core.callbacks.callback_urls import SealedUrl
from irma_core.callbacks.delivery import CallbackSettings, handle_callback_flow
from irma_core.callbacks.inbound import context_at, refuse_post
from irma_core.callbacks.kept_posts import (
    KEPT_FOR,
    KeptPost,
    KeptPosts,
    open_kept_post,
    remove_flow,
)
from irma_core.errors import PostRefusedError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.once import OnceKey
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["ReplayedCallback", "replay_callbacks_flow"]

_NO_JWT: Final = frozenset({"base64", "encrypted", "form", "header"})
"""The refusal codes for a body that no IRMA server would send; see `trust.result_jwt`."""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class ReplayedCallback(ValueObject):
    """The result of replaying one kept post.

    Args:
        session: The fingerprint of the session's token, as in logs. It is `unknown` if the post
            could not be verified when it was received.
        problem: Why the outcome was not delivered; empty if it was delivered, now or earlier. It
            contains no secret.
    """

    session: str
    problem: str = ""


def replay_callbacks_flow(
    context: RequestorContext, kept: KeptPosts, settings: CallbackSettings[SealedUrl]
) -> Flow[tuple[ReplayedCallback, ...]]:
    """Handle each kept post again, oldest first.

    Args:
        context: The requestor's context.
        kept: The storage of the kept posts; the same as `settings.kept`.
        settings: The receiver's settings.

    Returns:
        The result for each post, except for posts that cannot have come from the server.

    Raises:
        StoreError: Some of the posts could not be read. The others were handled; the error's notes
            name the posts whose delivery failed.
    """
    replayed: list[ReplayedCallback] = []
    failed: set[str] = set()
    posts, unreadable = yield from kept.list_flow(context)
    for each in posts:
        problem: str | None = "the session has an earlier post, which could not be delivered"
        if each.session not in failed:
            try:
                problem = yield from _replay_flow(context, kept, settings, each)
            except Exception as error:  # noqa: BLE001  # the application raises anything
                # The error's message may contain what was disclosed.
                problem = f"{type(error).__name__} was raised"
        if problem is None:
            continue
        if problem and each.is_verified:
            failed.add(each.session)
        replayed.append(ReplayedCallback(each.session, problem))
    if unreadable is None:
        return tuple(replayed)
    for result in replayed:
        if result.problem:
            unreadable.add_note(f"Session {result.session}: {result.problem}.")
    raise unreadable


def _replay_flow(
    context: RequestorContext,
    kept: KeptPosts,
    settings: CallbackSettings[SealedUrl],
    entry: KeptPost,
) -> Flow[str | None]:
    """Handle one kept post again, as if it had just been received.

    Returns:
        Why the post's outcome was not delivered; empty if it was delivered, now or earlier. None if
        the post was removed because it cannot have come from the server.
    """
    now = utc_now(context.clock)
    if now - entry.received_at >= KEPT_FOR:
        return f"the post is too old: outcomes are delivered within {KEPT_FOR.days} days"
    post = open_kept_post(entry, settings.address.sealer, now)
    if post is None:
        return "no sealing key opens the post: put back the key that was removed"
    at = context_at(context, entry.received_at)
    try:
        yield from handle_callback_flow(at, settings, post, settings.keeper(post, entry))
    except PostRefusedError as refused:
        if refused.code in _NO_JWT and not entry.is_verified:
            dropping = OnceKey(settings.store, f"irma-kept-callback:{entry.name}:drop")
            if (yield from dropping.claim(context.deadline())):
                yield from remove_flow(context, kept, entry)
            return None
        refuse_post(context, settings.address, refused)
        return f"the post was refused ({refused.code}): {refused.reason}"
    return ""
