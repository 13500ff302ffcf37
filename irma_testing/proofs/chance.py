"""Numbers that look random but depend only on a seed, so that each run makes the same proofs."""

from __future__ import annotations

from random import Random

from irma_testing.proofs.arithmetic import power

__all__ = ["Chance", "is_prime"]

_SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79)
_BASES = _SMALL_PRIMES[:12]


class Chance:
    """A stream of numbers that depends only on its seed.

    Never use it for a secret that protects anything, because the numbers can be guessed.

    Args:
        seed: Any string; equal seeds give equal numbers.
    """

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)  # noqa: S311 - equal numbers in each run are the purpose

    def bits(self, count: int) -> int:
        """Return a number of at most `count` bits."""
        return self._random.getrandbits(count)

    def below(self, limit: int) -> int:
        """Return a number from 0 up to, but not including, the limit."""
        return self._random.randrange(limit)

    def square(self, modulus: int) -> int:
        """Return a random square modulo `modulus`. The bases of an issuer key must be squares."""
        return pow(self._random.randrange(2, modulus), 2, modulus)

    def prime(self, start: int, bits: int) -> int:
        """Return a prime: the sum of `start` and a random number of at most `bits` bits."""
        while not is_prime(candidate := start + self.bits(bits) | 1):
            pass
        return candidate


def is_prime(number: int) -> bool:
    """Return whether a number is prime, by the Miller-Rabin test with twelve bases.

    The test is reliable for numbers that were not chosen to deceive it.
    """
    if number <= 1:
        return False
    for prime in _SMALL_PRIMES:
        if number % prime == 0:
            return number == prime
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    for base in _BASES:
        found = power(base, odd, number)
        if found in {1, number - 1}:
            continue
        for _ in range(twos - 1):
            found = found * found % number
            if found == number - 1:
                break
        else:
            return False
    return True
