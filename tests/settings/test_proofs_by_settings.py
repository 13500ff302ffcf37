"""The table `[proofs]` of a settings file: schemes for names, and keys to verify signatures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irma_backend import connect, connect_async
from irma_core import DisclosureRequest
from irma_core.errors import ConfigurationError, ProofError, RequestError
from irma_proofs import Schemes, SignatureVerifier
from tests.proofs.honest import MESSAGE, honest
from tests.proofs.made import STAMPS, made_scheme, scheme_files

SERVER = 'server.url = "https://irma.example"\n'
SCHEMES = '[proofs]\nschemes = ["schemes/made"]\nscheme_keys = ["made=made.pem"]\n'
STAMP_KEY = f"{made_scheme().time_stamp_server}={STAMPS.public_key}"
PROOFS = f'{SCHEMES}time_stamp_keys = ["{STAMP_KEY}"]\nmin_key_bits = 1024\n'
NAME = "made.small.person.name"


@pytest.fixture
def settings_file(settings_file: Path) -> Path:
    """Return the path of a settings file to write, beside the schemes and their keys."""
    for path, content in scheme_files().items():
        file = settings_file.parent / "schemes" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (settings_file.parent / "made.pem").write_text(made_scheme().public_pem)
    (settings_file.parent / "other").mkdir()
    return settings_file


async def test_file_says_which_attributes_exist(settings_file: Path) -> None:
    """With schemes in the file, `check` refuses a misspelt name, in both modes."""
    settings_file.write_text(SERVER + SCHEMES)  # noqa: ASYNC240  # a small file
    misspelt = DisclosureRequest({"name": f"{NAME}e"})
    with connect(settings=settings_file) as requestor:
        requestor.check(DisclosureRequest({"name": NAME}))
        with pytest.raises(RequestError, match=f"did you mean {NAME}"):
            requestor.check(misspelt)
        assert requestor.context.signature_verifier is None
    async with connect_async(settings=settings_file) as awaited:
        with pytest.raises(RequestError, match=f"did you mean {NAME}"):
            await awaited.check(misspelt)


def test_file_makes_the_requestor_verify_signatures(settings_file: Path) -> None:
    """With time-stamp keys in the file, the requestor verifies signatures itself."""
    settings_file.write_text(SERVER + PROOFS)
    with connect(settings=settings_file) as requestor:
        verifier = requestor.context.signature_verifier
        assert isinstance(verifier, SignatureVerifier)
        assert verifier.verify(json.dumps(honest("as requested").json)).message == MESSAGE
    settings_file.write_text(SERVER + PROOFS.replace("1024", "2048"))
    with connect(settings=settings_file) as requestor:
        verifier = requestor.context.signature_verifier
        assert isinstance(verifier, SignatureVerifier)
        with pytest.raises(ProofError) as caught:
            verifier.verify(json.dumps(honest("as requested").json))
        assert caught.value.check == "key_length"


def test_environment_and_arguments_override_the_file(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment variable overrides the file, and an argument overrides both."""
    settings_file.write_text(SERVER + PROOFS)
    monkeypatch.setenv("IRMA_SCHEMES", str(settings_file.parent / "other"))
    with pytest.raises(ConfigurationError, match="scheme_keys: each scheme folder needs a key"):
        connect(settings=settings_file).__enter__()
    monkeypatch.setenv("IRMA_SCHEMES", str(settings_file.parent / "schemes" / "made"))
    monkeypatch.setenv("IRMA_SCHEME_KEYS", f"made={settings_file.parent / 'made.pem'}")
    monkeypatch.setenv("IRMA_TIME_STAMP_KEYS", STAMP_KEY)
    monkeypatch.setenv("IRMA_MIN_KEY_BITS", "1024")
    with connect("https://irma.example", settings=settings_file) as requestor:
        schemes, verifier = requestor.context.schemes, requestor.context.signature_verifier
        assert isinstance(schemes, Schemes)
    with connect(settings=settings_file, schemes=schemes, signature_verifier=verifier) as requestor:
        assert requestor.context.schemes is schemes
        assert requestor.context.signature_verifier is verifier


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ('schemes = ["schemes/made"]', ": proofs.scheme_keys is missing"),
        ('scheme_keys = ["made=made.pem"]', ": proofs.schemes is missing"),
        (f'time_stamp_keys = ["{STAMP_KEY}"]', ": proofs.schemes is missing"),
        (
            'scheme_keys = ["made=made.pem"]\nschemes = ["schemes/made", "other"]',
            ", line 4, proofs.schemes: all scheme folders must have the same parent folder",
        ),
        (
            'schemes = ["schemes/made"]\nscheme_keys = ["shared=made.pem"]',
            ", line 4, proofs.scheme_keys: each scheme folder needs a key of the same name",
        ),
        (
            'schemes = ["schemes/made"]\nscheme_keys = ["made=nowhere.pem"]',
            ", line 4, proofs.scheme_keys: cannot read the file: No such file",
        ),
        (
            'schemes = ["schemes/made"]\nscheme_keys = ["made=settings.toml"]',
            ", line 4, proofs.scheme_keys: the key of made must be the PEM",
        ),
        (
            'scheme_keys = ["other=made.pem"]\nschemes = ["other"]',
            ", line 4, proofs.schemes: path other/index: is not a readable file",
        ),
        (
            'schemes = ["schemes/made"]\nscheme_keys = ["made=made.pem"]\n'
            'time_stamp_keys = ["https://time.example=zq7"]',
            ", line 5, proofs.time_stamp_keys: ",
        ),
    ],
)
def test_fault_names_its_line(table: str, place: str, settings_file: Path) -> None:
    """The error for a wrong or missing file or key names the line, and shows no value."""
    settings_file.write_text(f"{SERVER}[proofs]\n{table}\n")
    with pytest.raises(ConfigurationError) as caught:
        connect(settings=settings_file).__enter__()
    assert str(caught.value).startswith(f"{settings_file}{place}")
    assert "zq7" not in str(caught.value)
