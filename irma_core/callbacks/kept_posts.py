"""Posts from the IRMA server that are kept until the application has handled them.

The server posts an outcome once, and repeats the post only if the outcome is a timeout. So each
post is sealed and kept while the application's function runs, and removed when the function has
returned. If the function raises an error, or the process ends, a replay passes the post to the
function later. Two other kinds of post are kept. One is a post whose handling fails before the
function is called, for example because a signature verifier fails. The other is a verified post
whose handler waited in vain for another handler to finish.

Only the handler that has claimed a post keeps, delivers or removes it; see `flows.once`. So if
several replays run at the same time, only one of them delivers the post. The order of the steps is
in `delivery`. A delivery is remembered for longer than its post can be replayed, so a post that was
not removed is not delivered again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final, Protocol, final

import attrs

from irma_core.callbacks.callback_urls import last_segment
from irma_core.callbacks.inbound import JWT, InboundRequest
from irma_core.errors import HandleError, StoreError, UsageError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, delete_stored, get_stored, put_if_absent
from irma_core.json_text import JsonValue
from irma_core.protocol.part_checks import check_store_of_either_mode
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject

__all__ = [
    "KEPT_FOR",
    "MOST_OF_A_URL",
    "STORED_FOR",
    "KeptInStore",
    "KeptPost",
    "KeptPosts",
    "PostKeeper",
    "open_kept_post",
    "remove_flow",
]

KEPT_FOR: Final = timedelta(days=7)
"""How long after its receipt a post can be delivered. This is limited because a post may contain
personal data."""
STORED_FOR: Final = KEPT_FOR + timedelta(days=1)
"""How long a post is stored. This is a day longer than `KEPT_FOR`, so that a daily replay reports a
post that has become too old to be delivered."""
UNKNOWN: Final = "unknown"
"""The value of `KeptPost.session` for a post that was not verified."""
MOST_OF_A_URL: Final = 4
"""How many unverified posts to one URL are kept. Without this limit, a stranger who has read a URL
in a log could fill the storage."""
_PURPOSE: Final = "kept callback"
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_SESSION: Final = re.compile(r"[0-9a-z]{1,40}")
_TIME: Final = re.compile(r"[0-9]{1,19}")
_DIGITS: Final = 32
"""Half the digits of a hash. The name of an unverified post consists of the first half of its URL's
hash and the first half of its body's hash."""
_PAUSES: Final = tuple(timedelta(milliseconds=each) for each in (0, 100, 300, 700, 1400))
"""The pause before each attempt to keep or remove a post."""
_TRY_FOR: Final = timedelta(seconds=3)
"""The time limit for all attempts to keep or remove a post. The person's app waits only about four
seconds for the reply, and an attempt may be slow before it fails."""
_PLACES: Final = 2048
"""The number of places for posts. It is a power of two, so that a search with an odd step can reach
every place. A replay reads all places."""
_MOST_UNREADABLE: Final = 8
"""If a replay finds more unreadable places than this, it stops: the whole store is failing."""
_TRIES: Final = 32
"""How many places are tried for a verified post. If a tenth of the places are free, 32 attempts
find a free place with a probability of 97 %.
"""
_LARGEST: Final = 1024 * 1024 - 256
"""The maximum length of a sealed post, in characters. A store accepts values of up to 1 MiB, and
each value also contains the post's name, session and time."""


@final
@attrs.frozen(eq=False, repr=False)
class KeptPost(ValueObject):
    """A post that is kept. None of its fields reveals a secret.

    Args:
        name: For a verified post, the hash of its session and outcome. For an unverified post, the
            first half of its URL's hash, then the first half of its body's hash.
        session: The fingerprint of the session's token, or `unknown` if the post is not verified.
        received_at: When the post was received, in UTC.
        sealed: The URL and the body, sealed.
        place: The place in the storage where the post is kept; empty until the post is kept.
        is_done: False if the session ended without an answer, for example by a cancellation. This
            helps to choose the post's place, and is not stored.
    """

    name: str
    session: str
    received_at: datetime
    sealed: str = attrs.field(repr=False)
    place: str = ""
    is_done: bool = attrs.field(default=True, kw_only=True, eq=False)

    @property
    def is_verified(self) -> bool:
        """Whether the server's signature was verified before the post was kept."""
        return self.session != UNKNOWN

    @property
    def name_of_url(self) -> str:
        """The first half of `name`, which is the same for all unverified posts to one URL."""
        return self.name[:_DIGITS]


class KeptPosts(Protocol):
    """The storage of kept posts, for sync and async requestors alike.

    Each method is a flow, and may raise a `StoreError`.
    """

    def put_flow(self, context: RequestorContext, post: KeptPost) -> Flow[KeptPost | None]:
        """Keep a post, and return it with its `place`.

        If a post with the same name is already kept, that post is returned. The result is None if
        there is no room for the post, or if the post is unverified and `MOST_OF_A_URL` other
        unverified posts to the same URL are already kept.
        """
        ...

    def list_flow(
        self, context: RequestorContext
    ) -> Flow[tuple[list[KeptPost], StoreError | None]]:
        """Return the kept posts, oldest first, and an error if some of them could not be read.

        The list includes posts that are too old to be delivered, until they are `STORED_FOR` old.
        """
        ...

    def holds_flow(self, context: RequestorContext, post: KeptPost) -> Flow[bool]:
        """Return whether `post.place` still contains this post."""
        ...

    def delete_flow(self, context: RequestorContext, post: KeptPost) -> Flow[None]:
        """Delete what is stored at `post.place`, even if it is another post."""
        ...


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class KeptInStore(ValueObject):
    """Keeps up to about two thousand posts in a store that all processes of a site share.

    A store cannot list its keys. So there is a fixed number of keys, and each post takes a free
    one.

    Args:
        store: The store. Each receiver needs a store of its own, because receivers that share a
            store would replay each other's posts.

    Raises:
        ConfigurationError: The argument is not a store.
    """

    store: Store | AsyncStore = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        check_store_of_either_mode(self.store)

    def put_flow(self, context: RequestorContext, post: KeptPost) -> Flow[KeptPost | None]:
        """Keep a post; see `KeptPosts.put_flow`."""
        value, store = _written(post), self.store
        for place in _places_of(post):
            deadline = context.deadline()
            if (yield from put_if_absent(store, place, value, STORED_FOR, deadline)):
                return attrs.evolve(post, place=place)
            other = _read(place, (yield from get_stored(store, place, context.deadline())))
            if other is not None and other.name == post.name:
                return other
        return None

    def list_flow(
        self, context: RequestorContext
    ) -> Flow[tuple[list[KeptPost], StoreError | None]]:
        """Return the kept posts; see `KeptPosts.list_flow`.

        Raises:
            StoreError: So many places could not be read that the whole store must be failing.
        """
        found: list[KeptPost] = []
        failures: list[StoreError] = []
        for place in map(_place, range(_PLACES)):
            try:
                value = yield from get_stored(self.store, place, context.deadline())
            except StoreError as error:
                error.add_note(f"The key {place} could not be read.")
                failures.append(error)
                if len(failures) > _MOST_UNREADABLE:
                    raise
            else:
                post = _read(place, value)
                if post is not None:
                    found.append(post)
        found.sort(key=lambda post: post.received_at)
        return found, failures[0] if failures else None

    def holds_flow(self, context: RequestorContext, post: KeptPost) -> Flow[bool]:
        """Return whether `post.place` still contains this post; see `KeptPosts.holds_flow`."""
        stored = yield from get_stored(self.store, post.place, context.deadline())
        return stored == _written(post)

    def delete_flow(self, context: RequestorContext, post: KeptPost) -> Flow[None]:
        """Delete what is stored at `post.place`; see `KeptPosts.delete_flow`."""
        return iter(delete_stored(self.store, post.place, context.deadline()))


def remove_flow(context: RequestorContext, kept: KeptPosts, post: KeptPost) -> Flow[None]:
    """Remove a kept post, unless another post has taken its place in the storage.

    The caller must hold the claim on the post's outcome, or on removing the post.

    Raises:
        StoreError: The storage of kept posts failed.
    """
    if (yield from kept.holds_flow(context, post)):
        yield from kept.delete_flow(context, post)


def open_kept_post(post: KeptPost, sealer: Sealer, now: datetime) -> InboundRequest | None:
    """Return a kept post as an `InboundRequest`; None if no key of the sealer opens the post."""
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
        kept: Where to keep the post; None to keep nothing.
        sealer: Seals the post before it is kept; None if no posts are kept.
        post: The post.
        replayed: The post in its stored form, if this is a replay; otherwise None.
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
        # Only the last segment is hashed, because a stranger can vary the rest of a URL.
        name_of_url = _hash(last_segment(post.url))[:_DIGITS]
        self._name = name_of_url + sha256(post.body).hexdigest()[:_DIGITS]
        self._session = UNKNOWN
        self._is_done = True
        self._has_no_room = False
        self._is_delivered = False
        self.is_replay = replayed is not None

    @classmethod
    def of_nothing(cls) -> PostKeeper:
        """Return a keeper that keeps nothing, for a result that did not come in a post."""
        return cls(None, None, InboundRequest("POST", "", (), b""))

    def __repr__(self) -> str:
        return "<PostKeeper>"

    def note_verified(self, outcome: str, session: str, *, is_done: bool) -> None:
        """Record that the server's signature on the post was verified.

        Args:
            outcome: A string that names the session and its outcome.
            session: The fingerprint of the session's token.
            is_done: Whether the session's status is `DONE`, so that it may have an answer.
        """
        self._name, self._session, self._is_done = _hash(outcome), session, is_done

    def keep_flow(self, context: RequestorContext) -> Flow[bool]:
        """Keep the post while its outcome is delivered.

        The caller must hold the claim on the outcome.

        Returns:
            Whether the outcome must still be delivered. False if this is a replay and the post is
            no longer kept.

        Raises:
            StoreError: This is a replay, and the storage could not be read.
        """
        if self._kept is not None and self._entry is not None:
            return (yield from self._kept.holds_flow(context, self._entry))
        with suppress(StoreError):  # it is kept later if the application's function fails
            yield from self._put_flow(context)
        return True

    def note_delivery(self) -> None:
        """Record that the application has the outcome, so that the post need no longer be kept."""
        self._is_delivered = True

    def remove_flow(self, context: RequestorContext) -> Flow[None]:
        """Remove the post if it is kept. The caller must hold the claim on the post's outcome.

        Raises:
            StoreError: The storage of kept posts failed.
        """
        if self._kept is not None and self._entry is not None:
            yield from remove_flow(context, self._kept, self._entry)

    def remove_unrecorded_flow(self, context: RequestorContext) -> Flow[None]:
        """Remove the post after a delivery that could not be recorded.

        If the post remained, a replay would deliver its outcome again. So this method makes several
        attempts.
        """
        yield from _try_flow(context, partial(self.remove_flow, context))

    def keep_failed_flow(self, context: RequestorContext, error: Exception) -> Flow[None]:
        """Keep a post whose handling failed, and note in the error whether the post was kept.

        The storage may fail for a moment, which may even be why the handling failed. So this method
        makes several attempts.
        """
        if self._kept is None or self._is_delivered or self.is_replay:
            return
        if self._entry is None and not self._has_no_room:
            yield from _try_flow(context, partial(self._put_flow, context))
        if self._entry is not None:
            note = f"The post is kept for {KEPT_FOR.days} days; a replay delivers it."
        else:
            no_room = "there is no room for it or it is too large"
            why = no_room if self._has_no_room else "storing it failed"
            note = f"The post was not kept, because {why}."
        if note not in getattr(error, "__notes__", ()):  # the application may raise one error often
            with suppress(Exception):  # an error may refuse attributes
                error.add_note(note)

    def _put_flow(self, context: RequestorContext) -> Flow[None]:
        """Keep the post, or note that there is no room for it.

        Raises:
            StoreError: The storage of kept posts failed.
        """
        if self._kept is None:
            return
        now = utc_now(context.clock)
        # Whole milliseconds, as they are stored.
        now = datetime.fromtimestamp(int(now.timestamp() * 1000) / 1000, UTC)
        sealed = self._sealed(now)
        if sealed is not None:
            post = KeptPost(self._name, self._session, now, sealed, is_done=self._is_done)
            self._entry = yield from self._kept.put_flow(context, post)
        self._has_no_room = self._entry is None

    def _sealed(self, now: datetime) -> str | None:
        """Return the post's URL and body in one sealed string; None if they cannot be sealed."""
        if self._sealer is None or not self._post.body.isascii():
            return None  # each JWT is ASCII
        value: list[JsonValue] = [self._post.url, self._post.body.decode("ascii")]
        # The sealer counts in whole seconds, so the post is sealed for one more second.
        lifetime = KEPT_FOR + timedelta(seconds=1)
        try:
            sealed = self._sealer.seal(value, purpose=_PURPOSE, now=now, lifetime=lifetime)
        except UsageError:
            return None  # it is too large
        return sealed if len(sealed) <= _LARGEST else None


def _try_flow(context: RequestorContext, attempt: Callable[[], Flow[None]]) -> Flow[None]:
    """Run `attempt`, and repeat it after a pause while it raises `StoreError` and time is left."""
    give_up = context.deadline(_TRY_FOR)
    for pause in _PAUSES:
        if context.seconds_left(give_up) <= pause.total_seconds():
            return
        yield from Sleep(pause)
        with suppress(StoreError):
            yield from attempt()
            return


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _place(number: int) -> str:
    return f"irma-kept-callback:{number}"


def _places_of(post: KeptPost) -> list[str]:
    """Return the places where a post may be stored, in the order in which they are tried.

    The places depend only on the post's name, so posts with the same name get the same places.
    Unverified posts to one URL share a few places.
    """
    first, step = int(post.name[:8], 16), int(post.name[8:16], 16) | 1
    tries = _TRIES if post.is_verified else MOST_OF_A_URL
    # Anyone can cancel any number of sessions, so the posts of cancelled sessions take only even
    # places. The odd places are left for answers.
    each = 1 if post.is_done else 2
    return [_place((first + step * number) * each % _PLACES) for number in range(tries)]


def _written(post: KeptPost) -> bytes:
    received = round(post.received_at.timestamp() * 1000)
    return f"{post.name} {post.session} {received} {post.sealed}".encode()


def _read(place: str, value: bytes | None) -> KeptPost | None:
    """Return the post in a stored value; None if there is no value or the value is not a post."""
    parts = [] if value is None else value.decode("utf-8", "replace").split(" ")
    match parts:
        case [name, session, received, sealed] if (
            _NAME.fullmatch(name) and _SESSION.fullmatch(session) and _TIME.fullmatch(received)
        ):
            with suppress(OverflowError, ValueError, OSError):  # a time that is out of range
                received_at = datetime.fromtimestamp(int(received) / 1000, UTC)
                return KeptPost(name, session, received_at, sealed, place)
        case _:
            pass
    return None
