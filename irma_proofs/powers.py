"""Products of modular powers, computed by gmpy2 if it is installed.

All numbers are public, so nothing here needs to run in constant time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

__all__ = ["product_of_powers"]


def _installed_gmpy2() -> Any:
    try:
        return import_module("gmpy2")  # gmpy2 has no type hints
    except ImportError:  # gmpy2 is in the extra `proofs`
        return None


_GMPY2: Final = _installed_gmpy2()

_WINDOW: Final = 5
"""How many bits of an exponent each multiplication handles."""
_MASK: Final = (1 << _WINDOW) - 1


def product_of_powers(pairs: Iterable[tuple[int, int]], modulus: int) -> int:
    """Return the product of powers, modulo a number.

    Args:
        pairs: Bases and exponents. The base of a negative exponent must be coprime to the modulus.
        modulus: A number above 1.
    """
    if _GMPY2 is None:
        return _with_shared_squarings(pairs, modulus)
    return _with_gmpy2(pairs, modulus)


def _with_gmpy2(pairs: Iterable[tuple[int, int]], modulus: int) -> int:
    # This setting lets other threads run while gmpy2 computes a power. The context belongs to the
    # application's thread, so the setting must be undone at the end of the block.
    with _GMPY2.context(_GMPY2.get_context(), allow_release_gil=True):
        product = _GMPY2.mpz(1)
        for base, exponent in pairs:
            product = product * _GMPY2.powmod(base, exponent, modulus) % modulus
    return int(product)


def _with_shared_squarings(pairs: Iterable[tuple[int, int]], modulus: int) -> int:
    """Return the product of powers; all bases share each squaring (Straus's algorithm)."""
    # Each exponent is a sum of odd digits of five bits, shifted to their positions.
    factors: defaultdict[int, list[int]] = defaultdict(list)
    for base, exponent in pairs:
        odd_powers = _odd_powers(pow(base, -1, modulus) if exponent < 0 else base, modulus)
        bits, position = abs(exponent), 0
        while bits:
            zeros = (bits & -bits).bit_length() - 1
            bits >>= zeros
            position += zeros
            factors[position].append(odd_powers[(bits & _MASK) >> 1])
            bits >>= _WINDOW
            position += _WINDOW
    product = 1
    for position in range(max(factors, default=-1), -1, -1):
        product = product * product % modulus
        for factor in factors.get(position, ()):
            product = product * factor % modulus
    return product


def _odd_powers(base: int, modulus: int) -> list[int]:
    """Return base, base³, base⁵ … up to base³¹, modulo a number."""
    square = base * base % modulus
    powers = [base % modulus]
    for _ in range(_MASK >> 1):
        powers.append(powers[-1] * square % modulus)
    return powers
