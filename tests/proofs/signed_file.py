"""A scheme with a town, and a signature by one of its people, as files."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from irma_testing.proofs import (
    Chance,
    MadeIssuerKey,
    MadeScheme,
    MadeType,
    Shown,
    TimeStamper,
    issue,
    sign_message,
)
from tests.proofs.made import ISSUED, NOW

__all__ = ["MESSAGE", "TIME_STAMPS", "TIME_STAMP_KEY", "write_signed_files"]

MESSAGE = "I agree to the terms."
NAME = "pbdf.town.person.name"
_STAMPER = TimeStamper()
TIME_STAMP_KEY = _STAMPER.public_key
_PERSON = MadeType("pbdf.town.person", ("name",))
_SCHEME = MadeScheme("pbdf", (_PERSON,), {"town": (MadeIssuerKey.make(2048),)})
TIME_STAMPS = _SCHEME.time_stamp_server


def write_signed_files(folder: Path) -> None:
    """Write a scheme, keys, a signature and its request, under the names that the how-to uses."""
    chance = Chance("a person of the town")
    held = issue(_SCHEME, "pbdf.town.person", {"name": "Ada Lovelace"}, chance, signed_at=ISSUED)
    signature = sign_message(MESSAGE, [Shown(held, ("name",))], chance, stamper=_STAMPER, at=NOW)
    for path, content in _SCHEME.files().items():
        file = folder / "irma_configuration" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (folder / "signature.json").write_text(json.dumps(signature), "utf-8")
    request = {
        "@context": "https://irma.app/ld/request/signature/v2",
        "message": MESSAGE,
        "disclose": [[[NAME]]],
    }
    (folder / "request.json").write_text(json.dumps(request), "utf-8")
    (folder / "pbdf.pem").write_text(_SCHEME.public_pem, "utf-8")
    other = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    (folder / "other.pem").write_bytes(
        other.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
