"""SoftHSM and its tokens. All tests share them, because a process looks for tokens only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pkcs11_tests.softhsm import SoftHsm, SoftHsmMissing


@dataclass(frozen=True)
class Tokens:
    """The public keys of the private keys in the tokens, in PEM.

    The token `irma` has the key `webshop`, two keys named `changing`, and two keys that cannot
    sign: `short` and `elliptic`.
    """

    webshop: bytes
    new: bytes  # the key `changing` with the id AB
    twins: dict[str, bytes]  # the key `webshop` of two tokens labelled `twin`, by serial number
    leaving: bytes


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SoftHsm, Tokens]]:
    try:
        hsm = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    except SoftHsmMissing as missing:
        missing.skip_or_fail()
    irma, leaving = hsm.make_token("irma"), hsm.make_token("leaving")
    twins = [hsm.make_token("twin") for _ in range(2)]
    hsm.add_key(irma, "changing")
    hsm.add_key(irma, "short", bits=1024)
    hsm.add_elliptic_key(irma, "elliptic")
    tokens = Tokens(
        hsm.add_key(irma, "webshop"),
        hsm.add_key(irma, "changing", number="AB"),
        {serial: hsm.add_key(serial, "webshop") for serial in twins},
        hsm.add_key(leaving, "webshop"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(hsm.configuration))
        yield hsm, tokens


@pytest.fixture
def softhsm(_made: tuple[SoftHsm, Tokens]) -> SoftHsm:
    """SoftHSM. If it is not installed, the test is skipped, but fails on CI."""
    return _made[0]


@pytest.fixture
def tokens(_made: tuple[SoftHsm, Tokens]) -> Tokens:
    """The public keys of the private keys in the tokens."""
    return _made[1]
