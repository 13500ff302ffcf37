"""Verify proofs with irmago, in a separate process that reads and writes JSON lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Irmago"]


class Irmago:
    """The official verifier, with schemes and with keys of time-stamping servers.

    Args:
        program: the program, built by `tests.realserver.build`.
        schemes: the folder of schemes.
        trusted: by the URL of a time-stamping server, its keys in base64.
    """

    def __init__(self, program: Path, schemes: Path, trusted: Mapping[str, Sequence[str]]) -> None:
        # irmago ends the URL of a time-stamping server with a slash.
        keys = {f"{url.rstrip('/')}/": list(values) for url, values in trusted.items()}
        self._command = (program, "--schemes", schemes, "--trusted", json.dumps(keys))

    def ask(self, questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return an answer to each question: its `status`, and what is `disclosed`."""
        lines = "\n".join(json.dumps(question) for question in questions)
        done = subprocess.run(
            self._command, input=lines.encode(), stdout=subprocess.PIPE, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]
