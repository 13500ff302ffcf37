"""Schemes: a signed index, files that are checked when they are read, and what they say."""

from __future__ import annotations

import pytest

from irma_core.errors import ConfigurationError
from irma_proofs import Schemes
from tests.proofs.cases import Files, pinned, schemes

PERSON = "bits/mid/Issues/person/description.xml"
KEY = "bits/mid/PublicKeys/0.xml"


def test_what_a_scheme_says() -> None:
    """A scheme has a name, a time-stamping server, and perhaps a keyshare server."""
    both = schemes("bits", "shared")
    assert both.names == ("bits", "shared")
    bits, shared = both.scheme("bits"), both.scheme("shared")
    assert bits is not None
    assert shared is not None
    assert (bits.identifier, bits.time_stamp_server) == ("bits", "http://127.0.0.1:8299/")
    assert (bits.is_distributed, shared.is_distributed) == (False, True)
    assert bits.is_demo
    assert both.scheme("example") is None


def test_files_are_read_when_they_are_needed() -> None:
    """A scheme is opened by three of its files; each other file is read once, and not before."""
    files = Files()
    bits = Schemes(files, pinned=pinned("bits"))
    assert files.paths == ["bits/index", "bits/index.sig", "bits/description.xml"]
    assert "bits.mid.person" in set(bits.credential_types())
    assert len(files.paths) == 3
    for _ in range(2):
        assert bits.credential_type("bits.mid.person") is not None
        assert bits.issuer_key("bits.mid", 0) is not None
    assert files.paths[3:] == [PERSON, KEY]


@pytest.mark.parametrize("content", [b"", b"<a/>", None])
def test_a_changed_file_is_refused(content: bytes | None) -> None:
    """A file that is missing, or is not the one in the index, is an error that names it."""
    bits = Schemes(Files({PERSON: content, KEY: content}), pinned=pinned("bits"))
    with pytest.raises(ConfigurationError, match=PERSON):
        bits.credential_type("bits.mid.person")
    with pytest.raises(ConfigurationError, match=KEY):
        bits.issuer_key("bits.mid", 0)
