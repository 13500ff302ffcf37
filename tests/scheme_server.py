"""A scheme with a few credentials of all kinds, and a web server for its files."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from urllib.parse import unquote

from irma_testing.proofs import MadeAttribute, MadeIssuerKey, MadeScheme, MadeType, sign_index
from tests.gateway.serving import Handler, serving

__all__ = ["SCHEME", "scheme_files", "serving_scheme", "signed"]

_TYPES = (
    MadeType("pbdf.town.email", ("email", "domain"), deprecated_since=1_700_000_000),
    MadeType(
        "pbdf.post.email",
        (
            "email",
            MadeAttribute("name", optional=True),
            MadeAttribute("ballot", random_blind=True),
            MadeAttribute("", revocation=True),
        ),
    ),
    MadeType("pbdf.town.age", ("over18",)),
)
_KEY = MadeIssuerKey.make(1024, pair=1)
SCHEME = MadeScheme("pbdf", _TYPES, {"town": (_KEY,), "post": (_KEY,)})


@cache
def scheme_files() -> Mapping[str, bytes]:
    """Return the files of the scheme by their paths, with a picture as in real schemes."""
    return signed({"pbdf/town/the logo.png": b"\x89PNG"})


def signed(changed: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the scheme with some files changed or added, and a new signature."""
    return sign_index("pbdf", SCHEME.files() | dict(changed), SCHEME.signing_key)


@contextmanager
def serving_scheme(files: Mapping[str, bytes]) -> Generator[str]:
    """Yield the URL of the scheme on a web server with these files."""

    class Files(Handler):
        def do_GET(self) -> None:  # noqa: N802  # the standard library's
            content = files.get(unquote(self.path).removeprefix("/"))
            self.send_response(404 if content is None else 200)
            self.send_header("content-length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

    with serving(Files) as url:
        yield f"{url}/pbdf"
