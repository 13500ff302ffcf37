"""The observed process: `python -m tests.observers OBSERVER MODE` with its settings on stdin."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.observers.playing import Play
from tests.observers.watching import OBSERVERS, Seen, dump


def main() -> None:
    observer, mode = sys.argv[1:]
    seen: Seen = []
    play = Play(json.load(sys.stdin), is_async=mode == "async")
    with OBSERVERS[observer](seen) as report:
        asyncio.run(play.run(), debug=observer == "logs")
        report(play.errors)
    sys.stdout.write(dump(play.secrets, seen, len(play.errors)))


main()
