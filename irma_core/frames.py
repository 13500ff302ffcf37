"""Whose the frames of a traceback are: the library's, of what it calls, or the application's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Final, final

__all__ = ["Frames", "is_own"]

_OWN: Final = frozenset(
    {"irma_backend", "irma_core", "irma_testing", "irma_transport_aiohttp"}
    | {"irma_transport_urllib3", "irma_signing_pkcs11", "irma_status_redis"}
)
_DRIVEN: Final = sys.stdlib_module_names | frozenset(
    {"aiohappyeyeballs", "aiohttp", "aiosignal", "asn1crypto", "attr", "attrs", "authlib"}
    | {"cattr", "cattrs", "click", "cryptography", "frozenlist", "idna", "jinja2", "joserfc"}
    | {"markupsafe", "multidict", "pkcs11", "pluggy", "propcache", "redis", "rich", "segno"}
    | {"urllib3", "yarl"}
)
"""What the library calls. Its frames stay where the application called it."""
_GENERATED: Final = ("<attrs generated", "<cattrs generated")


@final
class Frames:
    """The frames of a traceback: whose they are, and which stay."""

    def __init__(self, traceback: TracebackType | None) -> None:
        self.count = 0
        self.last = "an unknown place"
        """File and line of the library's last frame."""
        self.is_ours = True
        """Whether the library raised the error, or what it calls did."""
        self.is_of_tests = False
        """Whether the library's last frame is `irma_testing`'s, which raises what it is given."""
        self._kept: list[TracebackType] = []
        for each in _each(traceback):
            self.count += 1
            module = str(each.tb_frame.f_globals.get("__name__", ""))
            filename = each.tb_frame.f_code.co_filename
            package = module.partition(".")[0]
            if is_own(module):
                self.is_ours, self.is_of_tests = True, package == "irma_testing"
                self.last = f"{module.replace('.', '/')}.py:{each.tb_lineno}"
                continue
            if self.is_ours and (package in _DRIVEN or filename.startswith(_GENERATED)):
                continue
            self.is_ours = False
            self._kept.append(each)

    def kept(self) -> TracebackType | None:
        """Return a traceback of the frames that stay."""
        made: TracebackType | None = None
        for each in reversed(self._kept):
            made = TracebackType(made, each.tb_frame, each.tb_lasti, each.tb_lineno)
        return made


def _each(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def is_own(module: str) -> bool:
    """Return whether a module is one of the library's."""
    return module.partition(".")[0] in _OWN
