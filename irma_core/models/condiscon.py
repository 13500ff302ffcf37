"""Condiscons: conjunctions of disjunctions of conjunctions of attribute requests.

In `disclose[i][j][k]`, *i* is a slot, *j* one of its options, and *k* an attribute of that option.
The app must disclose all attributes of one option of every slot. In this library, a slot has a name
or a number; in JSON, it is only a position in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeGuard, final

import attrs

from irma_core.errors import RequestError
from irma_core.models.holders import Hidden, hide_optional
from irma_core.models.validation import check_attribute_type, check_text, credential_type_of
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = [
    "AttributeRequest",
    "Con",
    "ConDisCon",
    "DisCon",
    "Disclose",
    "Slot",
    "all_of",
    "any_of",
    "as_condiscon",
    "optional",
]

Slot: TypeAlias = str | int


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class AttributeRequest(ValueObject):
    """A request for one attribute.

    Source: irmago `AttributeRequest`; IRMA documentation, "Session requests".

    Args:
        type: The identifier. An identifier with three parts requests proof that the person has the
            credential.
        value: The only acceptable value. Always set it for a yes/no attribute, because the value of
            `over18` may also be "No".
        not_null: Whether to refuse an attribute that was issued without a value.

    Raises:
        RequestError: The identifier or the value is malformed.
    """

    type: str
    _value: Hidden[str | None] = attrs.field(default=None, alias="value", converter=hide_optional)
    not_null: bool = attrs.field(default=False, kw_only=True)
    accepts_any: bool = attrs.field(init=False, eq=False, repr=False)
    """Whether any value is acceptable, including a missing one."""

    @property
    def value(self) -> str | None:
        """The only acceptable value; None if any value is acceptable."""
        return self._value.reveal()

    def __attrs_post_init__(self) -> None:
        check_attribute_type(self.type, "type")
        if self.value is not None:
            check_text(self.value, "value")
        if not isinstance(self.not_null, bool):
            raise RequestError("not_null", "must be True or False")
        object.__setattr__(self, "accepts_any", self.value is None and not self.not_null)


AttributeLike: TypeAlias = str | AttributeRequest


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class Con(ValueObject):
    """One option of a slot: attributes that are requested together. Make it with `all_of`."""

    attributes: tuple[AttributeRequest, ...] = ()

    def __attrs_post_init__(self) -> None:
        _check_tuple(self.attributes, AttributeRequest, "attributes", "all_of()")

    def __iter__(self) -> Iterator[AttributeRequest]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)


ConLike: TypeAlias = AttributeLike | Con | Sequence[AttributeLike]


def _empty_last(options: Iterable[Con]) -> tuple[Con, ...]:
    # Servers before 1.0.0 use the first option that fits, and would ignore the options after it.
    _check_tuple(options, Con, "options", "any_of()")
    return tuple(sorted(options, key=lambda option: not option))


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class DisCon(ValueObject):
    """A slot: the options from which the person chooses. Make it with `any_of` or `optional`.

    An empty option lets the person leave the slot out; it always comes last.
    """

    options: tuple[Con, ...] = attrs.field(converter=_empty_last)

    def __iter__(self) -> Iterator[Con]:
        return iter(self.options)

    def __len__(self) -> int:
        return len(self.options)

    @property
    def is_optional(self) -> bool:
        """Whether the person may leave the slot out."""
        return any(not option for option in self.options)


DisConLike: TypeAlias = AttributeLike | Con | DisCon | Sequence[ConLike]


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class ConDisCon(ValueObject):
    """All slots of a request.

    Args:
        disjunctions: One `DisCon` for each slot, in the order of the JSON.
        names: The names of the slots in that order; None if the slots are numbered.
    """

    disjunctions: tuple[DisCon, ...] = ()
    names: tuple[str, ...] | None = None

    def __attrs_post_init__(self) -> None:
        _check_tuple(self.disjunctions, DisCon, "disjunctions", "DisclosureRequest()")
        if self.names is not None:
            _check_tuple(self.names, str, "names", "DisclosureRequest()")

    def __len__(self) -> int:
        return len(self.disjunctions)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The names of the slots; if they have none, their numbers."""
        return self.names if self.names is not None else tuple(range(len(self.disjunctions)))

    def attribute_types(self) -> Iterator[str]:
        """Yield the identifier of every attribute request, including duplicates."""
        for disjunction in self.disjunctions:
            for option in disjunction:
                for attribute in option:
                    yield attribute.type


Disclose: TypeAlias = ConDisCon | Mapping[str, DisConLike] | Sequence[DisConLike]
"""The values that a request accepts as `disclose`."""


@boundary
def all_of(*attributes: AttributeLike) -> Con:
    """Return an option that requests several attributes together.

    Args:
        attributes: Identifiers. Use an `AttributeRequest` to require a particular value. Attributes
            of the same credential must be adjacent.

    Raises:
        RequestError: An attribute is malformed or occurs twice, or attributes of the same
            credential are not adjacent.
    """
    return _con(attributes, "all_of")


@boundary
def any_of(*options: ConLike) -> DisCon:
    """Return a slot for which the person chooses one of several options.

    Args:
        options: Each is an identifier, an `AttributeRequest`, or several attributes: `all_of(…)` or
            a list.

    Raises:
        RequestError: There is no option, or one is malformed.
    """
    return _discon(options, "any_of")


@boundary
def optional(*options: ConLike) -> DisCon:
    """Return a slot for which the person chooses one of several options, or none.

    Args:
        options: As in `any_of`.

    Raises:
        RequestError: There is no option, or one is malformed.
    """
    if not options:
        raise RequestError("optional", "must have at least one option")
    return _discon((*options, Con()), "optional")


@boundary
def as_condiscon(disclose: object, path: str = "disclose") -> ConDisCon:
    """Convert anything that a request accepts as `disclose` to a `ConDisCon`.

    Args:
        disclose: A mapping of slot names to disjunctions, or a sequence of disjunctions. Each
            disjunction is an identifier, an `AttributeRequest`, a result of `all_of`, `any_of` or
            `optional`, or nested lists as in the JSON.
        path: A prefix for the paths in errors.

    Raises:
        RequestError: A value is invalid; the error's `path` says where it is.
    """
    names: tuple[object, ...] | None = None
    values: tuple[object, ...]
    if isinstance(disclose, ConDisCon):
        names, values = disclose.names, disclose.disjunctions
    elif isinstance(disclose, Mapping):
        names, values = tuple(disclose), tuple(disclose.values())
    elif _is_sequence(disclose):
        values = tuple(disclose)
    else:
        raise RequestError(path, "must be a mapping of slots, or a list of disjunctions")
    if names is None:
        return ConDisCon(tuple(_as_discon(value, f"{path}[{i}]") for i, value in enumerate(values)))
    named = tuple(name for name in names if isinstance(name, str) and name)
    if len(named) != len(names):
        raise RequestError(path, "the name of a slot must be a non-empty string")
    if not len(set(named)) == len(named) == len(values):
        raise RequestError(path, "must have one name for each slot, without duplicates")
    return ConDisCon(
        tuple(
            _as_discon(value, f'{path}["{name}"]')
            for name, value in zip(named, values, strict=True)
        ),
        named,
    )


def _check_tuple(value: object, kind: type[object], name: str, maker: str) -> None:
    if not isinstance(value, tuple) or not all(isinstance(each, kind) for each in value):
        raise RequestError(name, f"must be a tuple of {kind.__name__} objects; use {maker}")


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _as_discon(value: object, path: str) -> DisCon:
    if isinstance(value, DisCon):
        if value.options and all(_is_sound(option) for option in value.options):
            return value  # without checking each option again
        return _discon(value.options, path)
    if isinstance(value, str | AttributeRequest | Con):
        return _discon((value,), path)
    if _is_sequence(value):
        return _discon(value, path)
    raise RequestError(
        path, "must be an attribute, all_of(), any_of(), optional() or a list of options"
    )


def _is_sound(option: object) -> bool:
    """Return whether an option needs no further check, because it has at most one attribute."""
    if not isinstance(option, Con) or len(option.attributes) > 1:
        return False
    return all(isinstance(each, AttributeRequest) for each in option.attributes)


def _discon(options: Iterable[object], path: str) -> DisCon:
    made = tuple(_as_con(option, f"{path}[{j}]") for j, option in enumerate(options))
    if not made:
        raise RequestError(path, "must not be empty: no app could answer it")
    return DisCon(made)


def _as_con(value: object, path: str) -> Con:
    if isinstance(value, Con):
        return _con(value.attributes, path)
    if isinstance(value, str | AttributeRequest):
        return _con((value,), path)
    if _is_sequence(value):
        return _con(value, path)
    raise RequestError(path, "must be an attribute, all_of() or a list of attributes")


def _con(attributes: Iterable[object], path: str) -> Con:
    made = tuple(_as_attribute(value, f"{path}[{k}]") for k, value in enumerate(attributes))
    _check_neighbours(made, path)
    return Con(made)


def _as_attribute(value: object, path: str) -> AttributeRequest:
    if isinstance(value, AttributeRequest):
        return value
    if not isinstance(value, str):
        raise RequestError(path, "must be an attribute: an identifier, or an AttributeRequest")
    try:
        return AttributeRequest(value)  # checks the identifier
    except RequestError as error:
        raise RequestError(path, error.reason) from None


def _check_neighbours(attributes: tuple[AttributeRequest, ...], path: str) -> None:
    seen, closed, last = set[str](), set[str](), ""
    for k, attribute in enumerate(attributes):
        if attribute.type in seen:
            raise RequestError(f"{path}[{k}]", f"{attribute.type} occurs twice in one option")
        seen.add(attribute.type)
        credential = credential_type_of(attribute.type)
        if credential != last:
            if credential in closed:
                raise RequestError(f"{path}[{k}]", f"attributes of {credential} must be adjacent")
            closed.add(credential)
            last = credential
