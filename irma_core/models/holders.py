"""Types for the fields of frozen models: hidden values, and immutable mappings.

A hidden value must not appear in the output of `repr`, rich, pytest, `attrs.asdict` or `vars`. Its
field uses one of the converters below, and a property or method of the model returns the value. A
class that is instantiated for every response inherits from `HiddenFields` instead, for speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, Generic, NoReturn, Self, TypeAlias, TypeVar, cast, final

from irma_core.errors import UsageError

__all__ = [
    "FrozenMapping",
    "Headers",
    "Hidden",
    "HiddenFields",
    "HiddenHash",
    "HiddenSecret",
    "header_pairs",
    "hidden_fields",
    "hide_fields",
    "hide_headers",
    "hide_optional",
    "hide_secret",
    "hide_text",
]

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")
ValueT_co = TypeVar("ValueT_co", covariant=True)
Headers: TypeAlias = tuple[tuple[str, str], ...]
_PAIR: Final = 2


class Hidden(Generic[ValueT]):
    """A value that only `reveal()` returns. A pickle of this object contains the value."""

    # A closure holds the value, so tools that list attributes show only a function.
    __slots__ = ("reveal",)

    reveal: Callable[[], ValueT]
    """Return the value."""

    def __init__(self, value: ValueT) -> None:
        def reveal() -> ValueT:
            return value

        _set_reveal(self, reveal)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a hidden value cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a hidden value cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hidden):
            return NotImplemented
        return bool(self.reveal() == other.reveal())

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return "None" if self.reveal() is None else "…"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reveal(),)


# Faster than `object.__setattr__`, which looks the slot up by its name.
_set_reveal: Final[Callable[[object, Callable[[], Any]], None]] = vars(Hidden)["reveal"].__set__


class HiddenHash(Hidden[str]):
    """A hidden SHA-256 in hexadecimal digits, which replaces the string that was hashed."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        # A hidden string with the same digits is not equal to a hash.
        return isinstance(other, HiddenHash) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash((HiddenHash, self.reveal()))


class HiddenSecret(Hidden[ValueT]):
    """A hidden value that cannot be pickled."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a secret cannot be pickled, because it must not leave the process by accident"
        )


# mypy accepts only named functions without type variables as converters.


def hide_text(value: str | Hidden[str]) -> Hidden[str]:
    """Wrap a string in a `Hidden`; return a value that is already a `Hidden` unchanged."""
    return value if isinstance(value, Hidden) else Hidden(value)


_NONE: Final[Hidden[str | None]] = Hidden(None)


def hide_optional(value: str | Hidden[str | None] | None) -> Hidden[str | None]:
    """Wrap a string or None in a `Hidden`; see `hide_text`."""
    if value is None:
        return _NONE
    return value if isinstance(value, Hidden) else Hidden(value)


def hide_secret(value: str | Hidden[str]) -> Hidden[str]:
    """Wrap a secret string in a `HiddenSecret`; see `hide_text`."""
    return value if isinstance(value, Hidden) else HiddenSecret(value)


def hide_headers(value: Headers | Hidden[Headers]) -> Hidden[Headers]:
    """Wrap the headers of an HTTP message, which are pairs of strings, in a `Hidden`.

    Raises:
        UsageError: The headers are not pairs of strings.
    """
    return value if isinstance(value, Hidden) else HiddenSecret(header_pairs(value))


def header_pairs(headers: object) -> Headers:
    """Return the headers of an HTTP message as an immutable tuple of pairs.

    Raises:
        UsageError: The headers are not pairs of strings.
    """
    if type(headers) is tuple and _are_plain_pairs(headers):
        return headers
    # Third-party transports may pass anything. A dict, for example, yields its keys.
    if isinstance(headers, Iterable) and not isinstance(headers, Mapping | str):
        pairs = tuple(headers)  # a list could be changed later
        if all(map(_is_pair, pairs)):
            return pairs
    raise UsageError("headers: must be pairs of strings, such as tuple(headers.items())")


def _are_plain_pairs(headers: tuple[object, ...]) -> bool:
    # A `match` statement, as in `_is_pair`, takes three times as long.
    for pair in headers:
        if type(pair) is not tuple or len(pair) != _PAIR:
            return False
        if type(pair[0]) is not str or type(pair[1]) is not str:
            return False
    return True


def _is_pair(value: object) -> bool:
    match value:
        case (str(), str()):
            return True
        case _:
            return False


class HiddenFields:
    """A frozen object whose fields can be read only through its properties.

    Creating it is much faster than creating an object of a frozen attrs class.

    A subclass sets its fields with `hide_fields(self, (one, another).__getitem__)`, and reads them
    by index, as in `self._field(0)`.
    """

    # The slot holds a tuple's bound method, so tools that list attributes show a function.
    __slots__ = ("_field",)

    _field: Callable[[int], Any]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hidden_fields(self) == hidden_fields(other)

    def __hash__(self) -> int:
        return hash(hidden_fields(self))

    def __reduce__(self) -> tuple[object, ...]:
        return _with_fields, (type(self), hidden_fields(self))


hide_fields: Final[Callable[[HiddenFields, Callable[[int], Any]], None]] = vars(HiddenFields)[
    "_field"
].__set__


hidden_fields: Final[Callable[[HiddenFields], tuple[Any, ...]]] = attrgetter("_field.__self__")
"""Return all fields at once, for code in the models that reads many of them."""


def _with_fields(kind: type[HiddenFields], fields: tuple[Any, ...]) -> HiddenFields:
    holder = object.__new__(kind)
    hide_fields(holder, fields.__getitem__)
    return holder


@final
class FrozenMapping(Mapping[KeyT, ValueT_co]):
    """An immutable, hashable copy of a mapping, equal to any mapping with the same items.

    Args:
        items: The mapping to copy.
        is_personal: Whether values are personal or secret. If so, `repr` shows only the keys.
    """

    # `copy` is the bound method of a dict that nothing else refers to, so tools that list
    # attributes show a function.
    __slots__ = ("_is_personal", "copy")

    copy: Callable[[], dict[KeyT, ValueT_co]]
    """Return the items in a new dict."""
    _is_personal: bool

    def __init__(self, items: Mapping[KeyT, ValueT_co], *, is_personal: bool = False) -> None:
        object.__setattr__(self, "copy", dict(items).copy)
        object.__setattr__(self, "_is_personal", is_personal)

    def _items(self) -> dict[KeyT, ValueT_co]:
        owner: object = getattr(self.copy, "__self__")  # noqa: B009  # no type checker knows it
        return cast("dict[KeyT, ValueT_co]", owner)

    def __getitem__(self, key: KeyT) -> ValueT_co:
        return self._items()[key]

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def __hash__(self) -> int:
        return hash(frozenset(self._items().items()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a frozen mapping cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a frozen mapping cannot be changed: {name}")

    def __repr__(self) -> str:
        if not self._is_personal:
            return repr(self._items())
        return f"{{{', '.join(f'{key!r}: …' for key in self)}}}"

    def __copy__(self) -> FrozenMapping[KeyT, ValueT_co]:
        return self

    def __deepcopy__(self, _memo: object) -> FrozenMapping[KeyT, ValueT_co]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.copy(), self._is_personal)


def _restored(items: dict[Any, Any], is_personal: bool) -> FrozenMapping[Any, Any]:  # noqa: FBT001
    return FrozenMapping(items, is_personal=is_personal)
