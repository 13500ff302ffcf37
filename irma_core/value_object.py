"""Value objects: two objects of a class are equal if all their fields are equal.

attrs can generate the methods for equality, hash and `repr` for each class, but it compiles them
when the class is created. For about a hundred classes, that took a quarter of the time to import
the library.
"""

from __future__ import annotations

from typing import cast

import attrs

__all__ = ["ValueObject"]


class ValueObject:
    """Equality, hash and `repr` for an `attrs.frozen(eq=False, repr=False)` class.

    Like the methods that attrs generates, they respect the options `eq` and `repr` of each field.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash((type(self), _compared(self)))

    def __repr__(self) -> str:
        shown: list[str] = []
        for field in _fields(self):
            if field.repr is not False:
                show = field.repr if callable(field.repr) else repr
                shown.append(f"{field.name}={show(getattr(self, field.name))}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _fields(value: ValueObject) -> tuple[attrs.Attribute[object], ...]:
    kind = cast("type[attrs.AttrsInstance]", type(value))
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(kind)
    return fields


def _compared(value: ValueObject) -> tuple[object, ...]:
    return tuple([getattr(value, field.name) for field in _fields(value) if field.eq])
