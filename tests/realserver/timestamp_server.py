"""The time-stamp server, and the schemes that name it."""

import json
import shutil
from pathlib import Path
from typing import Self

from tests.realserver.build import Tools, run
from tests.realserver.child_process import ChildProcess, StartError

URL_IN_TEMPLATE = "http://127.0.0.1:8199/"


class TimestampServer:
    """A time-stamp (Atum) server for attribute-based signatures, on a free port."""

    def __init__(self, tools: Tools, *, log: Path):
        command = (tools.headlesswallet, "timestamp", "--port", "0")
        self._child = ChildProcess(command, log=log, read_stdout=True)
        line = self._child.stdout.readline()
        if not line:
            self._child.close()
            raise StartError(f"the time-stamp server ended:\n{self._child.log_tail()}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}/"

    def close(self) -> None:
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_schemes(tools: Tools, folder: Path, *, timestamp_url: str = URL_IN_TEMPLATE) -> Path:
    """Copy the schemes to a new folder, write the time-stamp server's URL into them, and sign them.

    Each test run has its own copy, because it has its own port. Return the folder for server and
    wallet.
    """
    schemes = folder / "schemes"
    shutil.copytree(tools.scheme_template / "schemes", schemes)
    secret_key = tools.scheme_template / "sk.pem"
    for description in sorted(schemes.glob("*/description.xml")):
        text = description.read_text(encoding="utf-8")
        description.write_text(text.replace(URL_IN_TEMPLATE, timestamp_url), encoding="utf-8")
        run(tools.yivi, "irma", "scheme", "sign", secret_key, description.parent)
    return schemes
