"""Powers modulo a number, computed by gmpy2 if it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

__all__ = ["power", "product"]


def _fastest_power() -> Callable[[int, int, int], int]:
    try:
        powmod: Callable[[int, int, int], int] = import_module("gmpy2").powmod
    except ImportError:  # gmpy2 is in the extra `proofs`
        return pow
    return lambda base, exponent, modulus: int(powmod(base, exponent, modulus))


power = _fastest_power()
"""Return a power modulo a number.

If the exponent is negative, the base must be coprime to the modulus.
"""


def product(powers: Iterable[tuple[int, int]], modulus: int) -> int:
    """Raise each base to its exponent, and return the product of these powers modulo a number."""
    result = 1
    for base, exponent in powers:
        result = result * power(base, exponent, modulus) % modulus
    return result
