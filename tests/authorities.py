"""The only certificate authority that tests trust by default, whose key was not kept.

Each new transport reads the default authorities. The machine has more than a hundred of them, and
reading them takes as long as the rest of many tests.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["machine_environment", "trust_one_authority"]

_FILE: Final = Path(__file__).parent / "vectors" / "tls" / "authority.pem"
_NAME: Final = "SSL_CERT_FILE"
_OF_THE_MACHINE: Final = "MACHINE_SSL_CERT_FILE"
"""The variable with the original value of `SSL_CERT_FILE`, or an empty string if it was not set."""


def trust_one_authority() -> None:
    """Let OpenSSL read only one default authority, in this process and in those that it starts."""
    os.environ.setdefault(_OF_THE_MACHINE, os.environ.get(_NAME, ""))
    os.environ[_NAME] = str(_FILE)


def machine_environment() -> dict[str, str]:
    """Return the environment with the machine's authorities, for programs that use a network."""
    environment = dict(os.environ)
    if (file := environment.pop(_OF_THE_MACHINE, None)) is not None:
        environment.pop(_NAME, None)
        if file:
            environment[_NAME] = file
    return environment
