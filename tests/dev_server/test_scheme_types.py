"""`read_scheme` reads the credential types in a scheme's folder, for a server in memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from irma_backend.scheme_types import read_scheme
from irma_core import DisclosureRequest, Requestor
from irma_core.errors import ConfigurationError, ServerRefusedError
from irma_testing import InMemoryServer

SCHEMES = Path(__file__).parent.parent / "vectors" / "proofs" / "schemes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of one scheme, for tests that corrupt it."""
    return Path(shutil.copytree(SCHEMES / "shared", tmp_path / "shared"))


def test_types_of_a_scheme_are_read() -> None:
    """`read_scheme` reads the types in a folder of one scheme or of several schemes."""
    one, all_of_them = read_scheme(SCHEMES / "shared"), read_scheme(SCHEMES)
    assert set(one.credential_types) < set(all_of_them.credential_types)
    assert [each.identifier for each in one.credential_types] == [
        "shared.town.login",
        "shared.town.person",
    ]
    assert not one.is_open


def test_misspelt_attribute_is_refused() -> None:
    """A server with this scheme refuses a request for an attribute that does not exist."""
    server = InMemoryServer(scheme=read_scheme(SCHEMES / "shared"))
    requestor = Requestor(server.url, server.transport())
    person = server.scheme.find("shared.town.person")
    assert person is not None
    requestor.start_session(DisclosureRequest([f"shared.town.person.{person.attributes[0]}"]))
    with pytest.raises(ServerRefusedError) as caught:
        requestor.start_session(DisclosureRequest(["shared.town.person.nmae"]))
    names = "shared.town.person.nmae; did you mean shared.town.person.name?"
    assert caught.value.remote_message == f"Unknown identifiers: {names}"
    with pytest.raises(ServerRefusedError) as caught:
        requestor.start_session(DisclosureRequest(["shared.town.perzon.name", "elsewhere.a.b.c"]))
    assert caught.value.remote_message.endswith("; did you mean shared.town.person.name?")


def test_folder_without_a_scheme_is_refused(tmp_path: Path) -> None:
    """A path that is not the folder of a scheme raises `ConfigurationError`."""
    for path in (tmp_path, tmp_path / "nowhere", SCHEMES / "shared" / "index"):
        with pytest.raises(ConfigurationError, match="path: must be a scheme folder"):
            read_scheme(path)


def test_damaged_scheme_is_refused(folder: Path) -> None:
    """A scheme with a changed or missing file is refused, and the error names the file."""
    description = folder / "town" / "Issues" / "login" / "description.xml"
    description.write_text(description.read_text() + " ")
    place = "shared/town/Issues/login/description.xml"
    with pytest.raises(ConfigurationError, match=place):
        read_scheme(folder)
    description.unlink()
    with pytest.raises(ConfigurationError, match=place):
        read_scheme(folder)


def test_unreadable_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme with a file that cannot be read raises `ConfigurationError`."""

    def fail(_path: Path, _mode: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ConfigurationError, match=r"path .*pk\.pem: is not a readable file"):
        read_scheme(folder)
