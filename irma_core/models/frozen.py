"""An immutable mapping, for the fields of frozen models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar, cast, final

__all__ = ["FrozenMapping"]

KeyT = TypeVar("KeyT")
ValueT_co = TypeVar("ValueT_co", covariant=True)


@final
class FrozenMapping(Mapping[KeyT, ValueT_co]):
    """An immutable, hashable copy of a mapping, equal to any mapping with the same items.

    Args:
        items: The mapping to copy.
        is_personal: Whether values are personal or secret, so that `repr` shows only the keys.
    """

    # `copy` is the method of a dict that nothing else refers to, so tools that list attributes show
    # a function.
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
