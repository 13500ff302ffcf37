"""Value objects are equal by their fields, and the import compiles no methods for that."""

from __future__ import annotations

import gc
from types import FunctionType

import attrs
import pytest

import irma_core
from irma_core import AttributeRequest, SessionPointer
from irma_core.value_object import ValueObject

CLASSES = sorted(
    {
        each
        for each in gc.get_objects()
        if issubclass(type(each), type)  # `isinstance` would be true for a lazy object
        and attrs.has(each)
        and each.__module__.startswith(f"{irma_core.__name__}.")
    },
    key=str,
)


@attrs.frozen(eq=False, repr=False)
class Card(ValueObject):
    """A value object with each kind of field."""

    number: int
    hidden: str = attrs.field(default="hidden", repr=False)
    remark: str = attrs.field(default="", eq=False, repr=lambda text: f"<{len(text)} letters>")


@attrs.frozen(eq=False, repr=False)
class OtherCard(Card):
    """Another class with the same fields."""


METHODS = [
    *((kind, method) for kind in CLASSES for method in ("__eq__", "__hash__")),
    *((kind, "__repr__") for kind in CLASSES if issubclass(kind, ValueObject)),
]
# A few classes are compared by identity, and keep the `repr` of attrs.


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_no_class_has_methods_written_by_attrs(kind: type, method: str) -> None:
    """No class has methods that attrs wrote, which would be compiled at each import."""
    written = vars(kind).get(method)
    file = written.__code__.co_filename if isinstance(written, FunctionType) else ""
    assert not file.startswith("<attrs generated")


def test_every_class_of_the_library_is_found() -> None:
    """The checks cover each attrs class that `import irma_core` loads."""
    assert {AttributeRequest, SessionPointer} <= set(CLASSES)
    assert len(CLASSES) > 90


def test_fields_determine_equality_and_hash() -> None:
    """Objects are equal if they have the same class and the same values in fields that count."""
    assert Card(1) == Card(1, remark="paid")
    assert hash(Card(1)) == hash(Card(1, remark="paid"))
    assert Card(1) != Card(2)
    assert Card(1) != Card(1, "another")
    assert Card(1) != OtherCard(1)
    assert OtherCard(1) != Card(1)
    assert Card(1) != 1


def test_fields_determine_the_repr() -> None:
    """A hidden field is not shown, and a field's own function shows the field."""
    assert repr(Card(1, remark="paid")) == "Card(number=1, remark=<4 letters>)"
