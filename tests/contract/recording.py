"""Record the official server's reply to each input by `python -m tests.contract.recording`.

This needs Go. Each run with the official server compares its replies with the recordings.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.contract.inputs import FOLDER, GROUPS, Players, WireCaller, load, official_options, play
from tests.contract.site import running_site
from tests.realserver.build import build_tools
from tests.realserver.official_server import ServerPool
from tests.realserver.timestamp_server import TimestampServer, make_schemes


def main() -> None:
    """Record the replies to all groups of inputs."""
    with tempfile.TemporaryDirectory() as folder:
        tools, run = build_tools(), Path(folder)
        with TimestampServer(tools, log=run / "timestamp.log") as stamps, running_site() as site:
            servers = ServerPool(tools, make_schemes(tools, run, timestamp_url=stamps.url), run)
            players = Players.start(
                lambda setup, pem: WireCaller(servers(official_options(setup, pem)).url),
                site,
            )
            replies = {
                group: {entry["name"]: play(group, entry, players) for entry in load(group)}
                for group in GROUPS
            }
            servers.close()
    for group, said in replies.items():
        lines = [f"{json.dumps(name)}: {json.dumps(reply)}" for name, reply in said.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (FOLDER / "replies" / f"{group}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
