"""Posts of the IRMA server that are kept until the application has handled them.

The server posts an outcome once, and repeats it only after a time-out. So each post is kept while
the application's function runs, sealed, and removed when the function has returned. If the function
raises an error, or the process ends, a replay passes the post to the function later. A post that
fails before it reaches the function, for example because a verifier of signatures fails, is kept
too.

Of all handlers of a post, only the one that has claimed it keeps it, delivers it or removes it; see
`flows.once`. So of several replays at the same time, one delivers. The order of the steps is in
`delivery`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol, final

import attrs

from irma_core.callbacks.inbound import JWT, InboundRequest
from irma_core.errors import HandleError, StoreError, UsageError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, delete_stored, get_stored, put_if_absent
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject

__all__ = [
    "KEPT_FOR",
    "MOST_OF_A_URL",
    "KeptInStore",
    "KeptPost",
    "KeptPosts",
    "PostKeeper",
    "open_kept_post",
    "remove_flow",
]

KEPT_FOR: Final = timedelta(days=7)
"""How long a post can be delivered; it may contain personal data."""
UNKNOWN: Final = "unknown"
"""The session of a post that was not verified."""
MOST_OF_A_URL: Final = 4
"""How many unverified posts to one URL are kept, so that a stranger who has read a URL in a log
cannot fill the place where posts are kept."""
_PURPOSE: Final = "kept callback"
_DIGITS: Final = 32
"""Half of a hash. The name of an unverified post has one half for its URL and one for its body."""
_PAUSES: Final = tuple(timedelta(milliseconds=each) for each in (100, 300, 700, 1400))
"""Between tries to keep a post. The person's app waits some four seconds for the reply."""
_STORED_FOR: Final = KEPT_FOR + timedelta(days=1)
"""A day more, so that a daily replay reports each post that became too old."""
_PLACES: Final = 2048
"""A power of two, so that odd steps lead through all places. A replay looks at each place."""
_TRIES: Final = 32
"""While a tenth of the places is free, 32 tries find one with a probability of 97 %."""
_LARGEST: Final = 1024 * 1024 - 256
"""A store accepts values of 1 MiB; each also has a name, a session and a time."""


@final
@attrs.frozen(eq=False, repr=False)
class KeptPost(ValueObject):
    """A post that is kept. None of its fields reveals a secret.

    Args:
        name: A hash. The name of a verified post is that of its session and outcome; the name of an
            unverified one starts with a hash of its URL.
        session: The fingerprint of the session's token, or `unknown` if the post is not verified.
        received_at: When the post was received, in UTC.
        sealed: The URL and the body, sealed.
        place: Where it is kept.
    """

    name: str
    session: str
    received_at: datetime
    sealed: str = attrs.field(repr=False)
    place: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether the server's signature was verified before the post was kept."""
        return self.session != UNKNOWN

    @property
    def name_of_url(self) -> str:
        """The start of the name, which all unverified posts to a URL share."""
        return self.name[:_DIGITS]


class KeptPosts(Protocol):
    """Where posts are kept, for both modes. Each method is a flow, and may raise a `StoreError`."""

    def put_flow(self, context: RequestorContext, post: KeptPost) -> Flow[KeptPost | None]:
        """Keep a post, and return it with its place; or return the kept post of the same name.

        The result is None if there is no room, or if `MOST_OF_A_URL` unverified posts are kept.
        """
        ...

    def list_flow(self, context: RequestorContext) -> Flow[list[KeptPost]]:
        """Return the kept posts, the oldest first. Those that are too old may be among them."""
        ...

    def holds_flow(self, context: RequestorContext, post: KeptPost) -> Flow[bool]:
        """Return whether a post is still in its place."""
        ...

    def delete_flow(self, context: RequestorContext, post: KeptPost) -> Flow[None]:
        """Delete whatever is in the place of a post."""
        ...


@final
@attrs.frozen(eq=False, repr=False)
class KeptInStore(ValueObject):
    """Keeps about two thousand posts in a store, which all processes of a site share.

    A store cannot list its keys. So there is a fixed number of keys, and a post takes a free one.

    Args:
        store: The store.
    """

    store: Store | AsyncStore = attrs.field(repr=False)

    def put_flow(self, context: RequestorContext, post: KeptPost) -> Flow[KeptPost | None]:
        """See `KeptPosts.put_flow`."""
        value, store = _written(post), self.store
        for place in _places_of(post):
            deadline = context.deadline()
            if (yield from put_if_absent(store, place, value, _STORED_FOR, deadline)):
                return attrs.evolve(post, place=place)
            other = _read(place, (yield from get_stored(store, place, context.deadline())))
            if other is not None and other.name == post.name:
                return other
        return None

    def list_flow(self, context: RequestorContext) -> Flow[list[KeptPost]]:
        """See `KeptPosts.list_flow`."""
        found: list[KeptPost] = []
        for place in map(_place, range(_PLACES)):
            post = _read(place, (yield from get_stored(self.store, place, context.deadline())))
            if post is not None:
                found.append(post)
        return sorted(found, key=lambda post: post.received_at)

    def holds_flow(self, context: RequestorContext, post: KeptPost) -> Flow[bool]:
        """See `KeptPosts.holds_flow`."""
        stored = yield from get_stored(self.store, post.place, context.deadline())
        return stored == _written(post)

    def delete_flow(self, context: RequestorContext, post: KeptPost) -> Flow[None]:
        """See `KeptPosts.delete_flow`."""
        return iter(delete_stored(self.store, post.place, context.deadline()))


def remove_flow(context: RequestorContext, kept: KeptPosts, post: KeptPost) -> Flow[None]:
    """Remove a post, unless another post has taken its place. The caller has a claim on the post.

    Raises:
        StoreError: The place where posts are kept failed.
    """
    if (yield from kept.holds_flow(context, post)):
        yield from kept.delete_flow(context, post)


def open_kept_post(post: KeptPost, sealer: Sealer, now: datetime) -> InboundRequest | None:
    """Return a kept post as it was received; None if no key of the sealer opens it."""
    try:
        match sealer.unseal(post.sealed, purpose=_PURPOSE, now=now):
            case [str() as url, str() as body]:
                return InboundRequest("POST", url, (("content-type", JWT),), body.encode())
            case _:
                return None
    except HandleError:
        return None


@final
class PostKeeper:
    """Keeps one post while it is handled.

    Args:
        kept: Where to keep it; None to keep nothing.
        sealer: Seals it.
        post: The post.
        replayed: The post as it is kept already, if this is a replay.
    """

    def __init__(
        self,
        kept: KeptPosts | None,
        sealer: Sealer | None,
        post: InboundRequest,
        replayed: KeptPost | None = None,
    ) -> None:
        self._kept = kept
        self._sealer = sealer
        self._post = post
        self._entry = replayed
        self._name = _hash(post.url)[:_DIGITS] + sha256(post.body).hexdigest()[:_DIGITS]
        self._session = UNKNOWN
        self._is_delivered = False
        self.is_replay = replayed is not None

    @classmethod
    def of_nothing(cls) -> PostKeeper:
        """Return a keeper that keeps nothing, for a result that no post has brought."""
        return cls(None, None, InboundRequest("POST", "", (), b""))

    def __repr__(self) -> str:
        return "<PostKeeper>"

    def keep_flow(self, context: RequestorContext, outcome: str, session: str) -> Flow[bool]:
        """Keep the post while it is delivered. The caller has a claim on its outcome.

        Args:
            context: The requestor's context.
            outcome: A string that names the session and its outcome.
            session: The fingerprint of the session's token.

        Returns:
            Whether the post is still to be delivered. It is not if another replay has removed it.

        Raises:
            StoreError: A post cannot be looked up for a replay.
        """
        if self._kept is not None and self._entry is not None:
            return (yield from self._kept.holds_flow(context, self._entry))
        self._name, self._session = _hash(outcome), session
        with suppress(StoreError):  # it is kept later if the application's function fails
            self._entry = yield from self._put_flow(context)
        return True

    def note_delivery(self) -> None:
        """Note that the application has the outcome, so that the post is not kept any more."""
        self._is_delivered = True

    def remove_flow(self, context: RequestorContext) -> Flow[None]:
        """Remove the post. The caller has a claim on its outcome.

        Raises:
            StoreError: The place where posts are kept failed.
        """
        if self._kept is not None and self._entry is not None:
            yield from remove_flow(context, self._kept, self._entry)

    def keep_failed_flow(self, context: RequestorContext, error: Exception) -> Flow[None]:
        """Keep a post whose handling failed, and note in the error whether that succeeded.

        The place where posts are kept may fail for a moment too, and may be the reason of the
        failure. So it is tried several times.
        """
        if self._kept is None or self._is_delivered or self.is_replay:
            return
        result = "is full or the post is too large"
        for pause in (*_PAUSES, None):
            try:
                if self._entry is None:
                    self._entry = yield from self._put_flow(context)
                break
            except StoreError:
                result = "failed"
            if pause is not None:
                yield from Sleep(pause)
        error.add_note(
            f"The post was not kept, because the place for it {result}."
            if self._entry is None
            else f"The post is kept for {KEPT_FOR.days} days; a replay delivers it."
        )

    def _put_flow(self, context: RequestorContext) -> Flow[KeptPost | None]:
        """Keep the post, and return it; None if that is impossible.

        Raises:
            StoreError: The place where posts are kept failed.
        """
        if self._kept is None or self._sealer is None or not self._post.body.isascii():
            return None  # each JWT is ASCII
        now = utc_now(context.clock)
        try:
            sealed = self._sealer.seal(
                [self._post.url, self._post.body.decode("ascii")],
                purpose=_PURPOSE,
                now=now,
                lifetime=KEPT_FOR,
            )
        except UsageError:
            return None  # it is too large
        if len(sealed) > _LARGEST:
            return None
        # Whole milliseconds, as they are stored.
        now = datetime.fromtimestamp(int(now.timestamp() * 1000) / 1000, UTC)
        return (
            yield from self._kept.put_flow(
                context, KeptPost(self._name, self._session, now, sealed)
            )
        )


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _place(number: int) -> str:
    return f"irma-kept-callback:{number}"


def _places_of(post: KeptPost) -> list[str]:
    """Return the places where a post may be, in the order in which they are tried.

    The name determines them: equal posts meet, and unverified posts to a URL share a few places.
    """
    first, step = int(post.name[:8], 16), int(post.name[8:16], 16) | 1
    tries = _TRIES if post.is_verified else MOST_OF_A_URL
    return [_place((first + step * number) % _PLACES) for number in range(tries)]


def _written(post: KeptPost) -> bytes:
    received = round(post.received_at.timestamp() * 1000)
    return f"{post.name} {post.session} {received} {post.sealed}".encode()


def _read(place: str, value: bytes | None) -> KeptPost | None:
    """Return the post that a value holds; None without a value, or for one of another program."""
    parts = [] if value is None else value.decode("utf-8", "replace").split(" ")
    match parts:
        case [name, session, received, sealed] if received.isdecimal() and received.isascii():
            with suppress(OverflowError, ValueError, OSError):  # a time that no clock shows
                received_at = datetime.fromtimestamp(int(received) / 1000, UTC)
                return KeptPost(name, session, received_at, sealed, place)
        case _:
            pass
    return None
