"""Numbers are read within bounds, and written as DER."""

from __future__ import annotations

import base64
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import ProofError
from irma_core.json_text import JsonValue
from irma_proofs import numbers, powers


def encoded(number: int, *, zeros: int = 0) -> str:
    return base64.b64encode(bytes(zeros) + numbers.as_bytes(number)).decode()


@given(st.integers(min_value=0, max_value=2**300 - 1))
def test_a_number_is_read_from_base64_and_json(number: int) -> None:
    """A number is read from the base64 of its bytes, and from a JSON integer."""
    assert numbers.read_number(encoded(number), "c", bits=300) == number
    assert numbers.read_number(number, "c", bits=300) == number


def test_a_number_may_have_leading_zeros() -> None:
    """Leading zeros are accepted up to the limit, and an empty string is 0."""
    assert numbers.read_number(encoded(7, zeros=3), "c", bits=32) == 7
    assert numbers.read_number("", "c", bits=32) == 0


@pytest.mark.parametrize(
    "value",
    [None, True, -1, 1.0, 0.5, [], {}, "A", "AQ", "AQ=", "AR==", " AQ==", "AQ==\n", "AQ_-", "Aé=="],
)
def test_other_values_are_not_numbers(value: JsonValue) -> None:
    """Negative numbers, fractions, Booleans, null and malformed base64 are refused."""
    with pytest.raises(ProofError) as caught:
        numbers.read_number(value, "signature[0].c", bits=256)
    assert (caught.value.path, caught.value.check) == ("signature[0].c", "form")
    assert caught.value.status == "INVALID"


@pytest.mark.parametrize("value", [2**256, encoded(2**256), "A" * 10**6, 10**400])
def test_a_number_that_is_too_long_is_refused(value: JsonValue) -> None:
    """A number with one bit more than the limit is refused in either notation."""
    assert numbers.read_number(encoded(2**256 - 1), "c", bits=256) == 2**256 - 1
    with pytest.raises(ProofError, match="at most"):
        numbers.read_number(value, "c", bits=256)


def test_keys_of_numbers_are_attribute_indices() -> None:
    """The keys of an object of numbers are indices of attributes."""
    read = numbers.read_numbers_by_index({"0": "AQ==", "12": 5}, "a", bits=8)
    assert read == {0: 1, 12: 5}


@pytest.mark.parametrize(
    "index", ["", "01", "+1", "-1", "1.0", " 1", "1 ", "\u0661", "00", "10000"]
)
def test_other_keys_are_not_indices(index: str) -> None:
    """An index must be a short decimal number, without a sign, a space or a leading zero."""
    with pytest.raises(ProofError, match="indices"):
        numbers.read_numbers_by_index({index: "AQ=="}, "a", bits=8)


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_numbers_by_index_must_be_an_object(value: JsonValue) -> None:
    """Numbers by index that are not a JSON object are refused."""
    with pytest.raises(ProofError, match="object"):
        numbers.read_numbers_by_index(value, "a", bits=8)


def test_an_error_names_the_index() -> None:
    """The error for a wrong number has the path of that number."""
    with pytest.raises(ProofError) as caught:
        numbers.read_numbers_by_index({"0": 1, "3": 256}, "a_responses", bits=8)
    assert caught.value.path == 'a_responses["3"]'


@given(st.integers(min_value=1, max_value=2**5000), st.integers(min_value=1, max_value=2**200))
def test_der_integers_match_those_of_cryptography(first: int, second: int) -> None:
    """The DER of two numbers is the same as `cryptography` writes for a signature."""
    written = numbers.der_sequence(map(numbers.der_integer, (first, second)))
    assert written == encode_dss_signature(first, second)


def test_der_of_other_types() -> None:
    """Zero, octet strings of three lengths, and true are written as X.690 specifies."""
    assert numbers.der_integer(0).hex() == "020100"
    assert numbers.der_integer(127).hex() == "02017f"
    assert numbers.der_integer(128).hex() == "02020080"
    assert numbers.der_octets(b"x").hex() == "040178"
    assert numbers.der_octets(bytes(128))[:3].hex() == "048180"
    assert numbers.der_octets(bytes(256))[:4].hex() == "04820100"
    assert numbers.der_true().hex() == "0101ff"
    assert numbers.der_sequence([]).hex() == "3000"


RANDOM = random.Random(18)
MODULUS = RANDOM.getrandbits(256) | 1 << 255 | 1


@pytest.mark.parametrize("has_gmpy2", [False, True])
@pytest.mark.parametrize("bits", [0, 1, 5, 6, 300])
def test_powers_match_those_of_python(
    monkeypatch: pytest.MonkeyPatch, *, has_gmpy2: bool, bits: int
) -> None:
    """With or without gmpy2, the product is that of Python's `pow`, also for negative exponents."""
    if not has_gmpy2:
        monkeypatch.setattr(powers, "_GMPY2", None)
    else:
        assert vars(powers)["_GMPY2"] is not None
    for sign in (1, -1):
        pairs = [
            (number, sign * RANDOM.getrandbits(bits))
            for number in (1, 2, 65537, MODULUS - 2, 2**400 + 1)
        ]
        expected = 1
        for base, exponent in pairs:
            expected = expected * pow(base, exponent, MODULUS) % MODULUS
        product = powers.product_of_powers(pairs, MODULUS)
        assert product == expected
        assert type(product) is int
    assert powers.product_of_powers([], MODULUS) == 1


def test_other_threads_run_during_a_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """gmpy2 lets other threads run during each power, and keeps the application's context."""
    gmpy2 = pytest.importorskip("gmpy2")
    released: list[bool] = []

    def powmod(base: int, exponent: int, modulus: int) -> int:
        released.append(gmpy2.get_context().allow_release_gil)
        return pow(base, exponent, modulus)

    monkeypatch.setattr(gmpy2, "powmod", powmod)
    assert powers.product_of_powers([(2, 5), (3, 2)], 101) == 32 * 9 % 101
    assert released == [True, True]
    assert gmpy2.get_context().allow_release_gil is False


def test_powers_work_without_gmpy2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Powers are computed without error if the extra `proofs` is not installed."""

    def missing(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(powers, "import_module", missing)
    assert vars(powers)["_installed_gmpy2"]() is None
