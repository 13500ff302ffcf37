"""Schemes: the signed index, the checks of files when they are read, and their content."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from irma_backend.scheme_folder import SchemeFolder
from irma_core.errors import ConfigurationError, UsageError
from irma_proofs import Schemes
from irma_proofs.scheme_xml import read_xml
from tests.proofs.attempts import altered, scheme_file, signed
from tests.proofs.cases import FOLDER, Files, pinned, schemes

PERSON = "bits/mid/Issues/person/description.xml"
KEY = "bits/mid/PublicKeys/0.xml"


def test_a_scheme_has_a_name_and_servers() -> None:
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
    """Opening a scheme reads three of its files; the others are read once, when they are needed."""
    files = Files()
    bits = Schemes(files, pinned=pinned("bits"))
    assert files.paths == ["bits/index", "bits/index.sig", "bits/description.xml"]
    assert "bits.mid.person" in set(bits.credential_types())
    assert len(files.paths) == 3
    for _ in range(2):
        assert bits.credential_type("bits.mid.person") is not None
        assert bits.issuer_key("bits.mid", 0) is not None
    assert files.paths[3:] == [PERSON, KEY]


@pytest.mark.parametrize("path", [PERSON, KEY])
def test_file_hash(path: str) -> None:
    """The error for a file that is missing or differs from the index names the file."""
    changed = scheme_file(path).encode() + b"\n"  # the content means the same
    for content in (changed, None):
        bits = Schemes(Files({path: content}), pinned=pinned("bits"))
        with pytest.raises(ConfigurationError, match=path):
            _ = bits.credential_type("bits.mid.person"), bits.issuer_key("bits.mid", 0)


def test_only_indexed_files_are_used() -> None:
    """A file that is in the folder but not in the index is ignored."""
    path = "bits/small/PublicKeys/1.xml"
    assert schemes("bits", "shared").issuer_key("bits.small", 1) is not None
    assert altered("bits", {path: None}).issuer_key("bits.small", 1) is None
    assert altered("bits", {PERSON: None}).credential_type("bits.mid.person") is None
    description = "bits/description.xml"
    with pytest.raises(ConfigurationError, match=description):
        altered("bits", {description: None})


@pytest.mark.parametrize("identifier", ["", "bits", "bits.mid", "bits.mid.person.name", "a.b.c"])
def test_unknown_things_are_none(identifier: str) -> None:
    """An unknown type, key or scheme is None."""
    bits = schemes("bits", "shared")
    assert bits.credential_type(identifier) is None
    assert bits.issuer_key(identifier, 7) is None
    assert bits.credential_type_by_hash(identifier.encode()) is None


def test_index_signature() -> None:
    """The index must be signed by the pinned key, whatever key is in the folder."""
    path = FOLDER / "schemes" / "bits"
    index, signature = (path / "index").read_bytes(), (path / "index.sig").read_bytes()
    spoiled: list[dict[str, bytes | None]] = [
        {"bits/index": index + b"\n"},
        {"bits/index.sig": signature[:-1]},
        {"bits/index.sig": b""},
        {"bits/index.sig": None},
    ]
    for changed in spoiled:
        with pytest.raises(ConfigurationError, match=r"bits/index\.sig"):
            Schemes(Files(changed), pinned=pinned("bits"))
    other = generate_private_key(SECP256R1()).public_key()
    with pytest.raises(ConfigurationError, match="pinned key"):
        Schemes(Files(), pinned={"bits": pem(other)})


@pytest.mark.parametrize(
    "line",
    [
        "x bits/more",
        "0" * 64 + " other/more",
        "0" * 64 + "  bits/more",
        "0" * 64 + " bits/description.xml",
        "0" * 64 + " bits/..\\more",
        "A" * 64 + " bits/more",
        "",
        "é",
    ],
)
def test_a_malformed_index_is_refused(line: str) -> None:
    """Each line of an index must be a hash and a path of the scheme, and no path occurs twice."""
    index = (FOLDER / "schemes" / "bits" / "index").read_bytes()
    for encoding in ("utf-8", "latin-1"):
        content = index + f"{line}\n".encode(encoding)
        with pytest.raises(ConfigurationError, match="bits/index: "):
            Schemes(Files(signed("bits", content)), pinned=pinned("bits"))


def test_an_index_without_a_last_newline_is_read() -> None:
    """The last line of an index may lack a newline, and a huge index is refused."""
    index = (FOLDER / "schemes" / "bits" / "index").read_bytes()
    known = Schemes(Files(signed("bits", index.rstrip(b"\n"))), pinned=pinned("bits"))
    assert known.credential_type("bits.mid.person") is not None
    assert repr(known) == "<Schemes bits>"
    with pytest.raises(ConfigurationError, match="larger"):
        Schemes(Files({"bits/index": bytes(16 * 2**20 + 1)}), pinned=pinned("bits"))


def pem(key: EllipticCurvePublicKey | Ed25519PublicKey) -> str:
    form = PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    "given",
    [
        {"bits": ""},
        {"bits": "x"},
        {"bits": None},
        {"bits": pem(generate_private_key(SECP384R1()).public_key())},
        {"bits": pem(Ed25519PrivateKey.generate().public_key())},
        {1: ""},
        {"../x": pinned("bits")["bits"]},
        {"": pinned("bits")["bits"]},
    ],
)
def test_pinned_keys_are_checked(given: Any) -> None:
    """A pinned key must be a public key on P-256 in PEM, under the name of a scheme."""
    with pytest.raises(ConfigurationError, match="pinned"):
        Schemes(Files(), pinned=given)


def test_pinned_keys_must_be_a_mapping() -> None:
    """Pinned keys must be a mapping; if it is empty, no scheme is known."""
    wrong: Any = [1]
    with pytest.raises(UsageError, match="pinned"):
        Schemes(Files(), pinned=wrong)
    assert Schemes(Files(), pinned={}).names == ()


def test_an_object_that_cannot_read_files_is_refused() -> None:
    """An object without a method to read files is refused at once."""
    wrong: Any = FOLDER
    with pytest.raises(UsageError, match="files"):
        Schemes(wrong, pinned=pinned("bits"))


def test_a_scheme_must_be_named_after_its_folder() -> None:
    """A scheme is refused if its description has another name than its folder."""
    path = "bits/description.xml"
    with pytest.raises(ConfigurationError, match="Id must be"):
        altered("bits", {path: scheme_file(path).replace("<Id>bits", "<Id>other")})


def test_counter() -> None:
    """A key must have the counter that is in the name of its file."""
    known = altered("bits", {KEY: scheme_file(KEY).replace("<Counter>0", "<Counter>1")})
    with pytest.raises(ConfigurationError, match="Counter must be 0"):
        known.issuer_key("bits.mid", 0)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<Counter>0", "<Counter>000000", "at most 5 digits"),
        ("<Counter>0</Counter>", "", "Counter is missing"),
        ("<Counter>0</Counter>", "<Counter>0</Counter><Counter>0</Counter>", "only one Counter"),
        ("<ExpiryDate>", "<ExpiryDate>-", "ExpiryDate must be"),
        ("<n>2", "<n>", "must have 1024, 2048 or 4096 bits"),
        ("<n>", "<n>" + "1" * 1300, "at most 1240 digits"),
        ("<Z>", "<Z>x", "Z must be"),
        ("<Z>", "<Z>9", "Z must be between"),
        ("<Base_3>", "<Base_3>9", "Base_3 must be between"),
        ("Base_3>", "Base_9>", "in order"),
        ('num="8"', 'num="9"', "number of bases"),
        ("<ECDSA>", "<ECDSA>?", "ECDSA must be base64"),
        ("<ECDSA>", "<ECDSA>AAAA", "ECDSA must be a public key"),
        ("<G>", "<G>x", "G must be"),
        ("IssuerPublicKey", "IssuerPrivateKey", "with the root element IssuerPublicKey"),
        ("</Elements>", "", "is not valid XML"),
    ],
)
def test_a_malformed_key_is_refused(old: str, new: str, reason: str) -> None:
    """A key is refused if its counter, length, numbers or form are wrong."""
    known = altered("bits", {KEY: scheme_file(KEY).replace(old, new)})
    with pytest.raises(ConfigurationError, match=reason) as caught:
        known.issuer_key("bits.mid", 0)
    assert str(caught.value).startswith(KEY)


def test_numbers_of_a_key_must_be_coprime_to_its_modulus() -> None:
    """A number of a key is refused if it has a factor of the modulus."""
    prime = re.search("<p>(.*)</p>", scheme_file("bits/mid/PrivateKeys/0.xml"))
    assert prime is not None
    key = re.sub("<S>.*</S>", f"<S>{prime[1]}</S>", scheme_file(KEY))
    with pytest.raises(ConfigurationError, match="S must be between"):
        altered("bits", {KEY: key}).issuer_key("bits.mid", 0)


def test_a_key_for_accumulators_must_be_on_p_256() -> None:
    """A key for accumulators is refused if it is not on P-256."""
    form = PublicFormat.SubjectPublicKeyInfo
    for other in (generate_private_key(SECP384R1()), Ed25519PrivateKey.generate()):
        der = b64encode(other.public_key().public_bytes(Encoding.DER, form)).decode()
        key = re.sub("<ECDSA>.*</ECDSA>", f"<ECDSA>{der}</ECDSA>", scheme_file(KEY))
        with pytest.raises(ConfigurationError, match="P-256"):
            altered("bits", {KEY: key}).issuer_key("bits.mid", 0)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<CredentialID>person", "<CredentialID>other", "names of the file's folders"),
        ("<IssuerID>mid", "<IssuerID>big", "names of the file's folders"),
        ("<Attributes>", "<Attributes><Other/>", "only elements named Attribute"),
        ("<Attributes>", "<Attributes><Attribute/>", "must either have an id"),
        ("<Attributes>", '<Attributes><Attribute id="a.b"/>', "must either have an id"),
        (
            "<Attributes>",
            '<Attributes><Attribute id="x" revocation="true"/>',
            "must either have an id",
        ),
        ("<Attributes>", '<Attributes><Attribute id="name"/>', "different ids"),
        (
            "<Attributes>",
            '<Attributes><Attribute revocation="true"/><Attribute revocation="true"/>',
            "at most one revocation",
        ),
        ("Attributes>", "Attribute>", "Attributes is missing"),
        (
            "<IssueSpecification",
            '<!DOCTYPE a [<!ENTITY b "c">]><IssueSpecification',
            "document type",
        ),
    ],
)
def test_a_malformed_credential_type_is_refused(old: str, new: str, reason: str) -> None:
    """A description is refused if it is of another type, or has attributes that it cannot have."""
    known = altered("bits", {PERSON: scheme_file(PERSON).replace(old, new)})
    with pytest.raises(ConfigurationError, match=reason) as caught:
        known.credential_type("bits.mid.person")
    assert str(caught.value).startswith(PERSON)


def test_a_credential_type_needs_attributes() -> None:
    """A credential type without attributes is refused."""
    text = re.sub("<Attributes>.*</Attributes>", "<Attributes/>", scheme_file(PERSON))
    with pytest.raises(ConfigurationError, match="between 1 and"):
        altered("bits", {PERSON: text}).credential_type("bits.mid.person")


def test_a_credential_type_has_attributes_and_names() -> None:
    """A type has its attributes in order, their kinds, and names by language."""
    bits = schemes("bits", "shared")
    person = bits.credential_type("bits.mid.person")
    assert person is not None
    assert (person.scheme, person.issuer, person.number_of_indices) == ("bits", "bits.mid", 5)
    assert [each.identifier for each in person.attributes] == [
        "bits.mid.person.name",
        "bits.mid.person.email",
        "bits.mid.person.phone",
    ]
    assert [each.is_optional for each in person.attributes] == [False, False, True]
    assert person.attributes[0].name == {"en": "name", "nl": "name"}
    assert person.name["en"] == "Demo person"
    assert person.description["nl"] == "person"
    assert (person.is_singleton, person.deprecated_since) == (False, None)
    assert person.revocation_index is None
    kinds = [
        (each.is_random_blind, each.is_revocation, index)
        for name in ("bits.mid.lot", "bits.mid.pass")
        if (found := bits.credential_type(name)) is not None
        for each in found.attributes
        for index in [found.revocation_index]
    ]
    assert kinds == [
        (False, False, None),
        (True, False, None),
        (False, False, 4),
        (False, False, 4),
        (False, True, 4),
    ]


def test_requestable_attributes_are_in_order() -> None:
    """The attributes that can be requested are in order and exclude the revocation attribute."""
    bits = schemes("bits", "shared")
    assert bits.attribute_types("bits.mid.pass") == ("bits.mid.pass.seat", "bits.mid.pass.note")
    assert bits.attribute_types("bits.mid.nothing") is None


def test_an_issuer_has_a_name() -> None:
    """An issuer has a name in each language, and an unknown issuer is None."""
    bits = schemes("bits", "shared")
    name = bits.issuer_name("bits.mid")
    assert name is not None
    assert [*name] == ["en", "nl"]
    assert bits.issuer_name("bits.nobody") is None
    assert bits.issuer_name("bits") is None


def test_a_deprecated_credential_type_says_so() -> None:
    """A deprecated credential type has the time of its deprecation, and may lack names."""
    since = "<DeprecatedSince>1700000000</DeprecatedSince><Attributes>"
    text = scheme_file(PERSON).replace("<Attributes>", since)
    person = altered("bits", {PERSON: text}).credential_type("bits.mid.person")
    assert person is not None
    assert person.deprecated_since == 1_700_000_000
    text = re.sub("<Name>.*?</Name>", "", scheme_file(PERSON))
    person = altered("bits", {PERSON: text}).credential_type("bits.mid.person")
    assert person is not None
    assert person.name == {}


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    """Files must be UTF-8, with or without a byte order mark, and not huge."""
    marked = "\ufeff" + scheme_file(PERSON)
    assert altered("bits", {PERSON: marked}).credential_type("bits.mid.person") is not None
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_xml("<é/>".encode("latin-1"), "x.xml", "x")
    with pytest.raises(ConfigurationError, match="larger"):
        read_xml(bytes(4 * 2**20 + 1), "x.xml", "x")


def test_a_folder_is_read(tmp_path: Path) -> None:
    """A folder yields its files, and nothing outside it."""
    folder = SchemeFolder(FOLDER / "schemes")
    known = Schemes(folder, pinned=pinned("bits", "shared", "example"))
    assert known.issuer_key("example.town", 0) is not None
    for path in ("../cases.json", "bits/../../cases.json", "/etc/passwd", ""):
        with pytest.raises(ConfigurationError, match="inside the folder"):
            folder.read(path)
    for missing in (tmp_path / "missing", "", "x" * 10_000):
        with pytest.raises(ConfigurationError, match="folder that holds the schemes"):
            SchemeFolder(missing)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(16 * 2**20 + 1)
    with pytest.raises(ConfigurationError, match="larger"):
        SchemeFolder(str(tmp_path)).read("huge")
    with pytest.raises(ConfigurationError, match="is not a readable file"):
        Schemes(SchemeFolder(tmp_path), pinned=pinned("bits"))
