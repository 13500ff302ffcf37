"""The official server and the server in memory reply alike to the same list of inputs.

The official server's replies are recorded, so that the comparison needs no official server. If one
is available, its replies are compared with the recordings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import pytest

from irma_backend.dev_server import running_server
from tests.contract.differences import OTHER_MESSAGES, OTHER_OVER_HTTP, OTHER_REPLIES
from tests.contract.inputs import (
    FOLDER,
    GROUPS,
    USUAL_HEADERS,
    Caller,
    MemoryCaller,
    Players,
    WireCaller,
    load,
    memory_server,
    official_options,
    play,
)
from tests.contract.site import Site, running_site
from tests.realserver.official_server import ServerPool


@pytest.fixture(scope="module", autouse=True)
def no_time_limits() -> Iterator[None]:
    """Lift the time limits of the server in memory, which may be slow on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("irma_testing.memory.server._HANDLER_TIMEOUT", math.inf)
        patch.setattr("irma_backend.dev_server.waiting.LONGEST_WAIT", 600.0)
        yield


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture(scope="module")
def in_memory(site: Site) -> Players:
    def serve(setup: str, pem: str) -> Caller:
        server = memory_server(setup, pem)
        server.deliver = site.deliver
        return MemoryCaller(server)

    return Players.start(serve, site)


@pytest.fixture(scope="module")
def over_http(site: Site) -> Iterator[Players]:
    with ExitStack() as servers:

        def serve(setup: str, pem: str) -> Caller:
            return WireCaller(servers.enter_context(running_server(memory_server(setup, pem))))

        yield Players.start(serve, site)


@pytest.fixture(scope="module")
def official(start_official_server: ServerPool, site: Site) -> Players:
    return Players.start(
        lambda setup, pem: WireCaller(start_official_server(official_options(setup, pem)).url),
        site,
    )


def _recorded(group: str) -> dict[str, Any]:
    replies: dict[str, Any] = json.loads((FOLDER / "replies" / f"{group}.json").read_text("utf-8"))
    return replies


def _differences(group: str, players: Players) -> dict[str, tuple[Any, Any]]:
    """Send a group of inputs, and return each recorded and new reply that differ, by name."""
    recorded = _recorded(group)
    said = {entry["name"]: play(group, entry, players) for entry in load(group)}
    assert said.keys() == recorded.keys()
    return {name: (recorded[name], said[name]) for name in said if said[name] != recorded[name]}


def _expected_differences(group: str) -> set[str]:
    names = {entry["name"] for entry in load(group)}
    return names & (OTHER_MESSAGES.keys() | OTHER_REPLIES.keys())


def _is_from_a_page(entry: dict[str, Any]) -> bool:
    """Return whether an input is a request of a foreign page to a requestor's endpoint."""
    has_origin = any(name == "Origin" for name, _ in entry.get("headers", ()))
    return has_origin and not entry["path"].startswith("/irma/")


def _without_nosniff(reply: Any) -> Any:
    """Leave out the header that the development server adds to every response."""
    if isinstance(reply, list):
        return [_without_nosniff(each) for each in reply]
    if not isinstance(reply, dict):
        return reply
    said = {name: _without_nosniff(value) for name, value in reply.items() if name != "body"}
    if isinstance(reply.get("status"), int):
        said["headers"] = {**USUAL_HEADERS, **reply.get("headers", {})}
        said["headers"].pop("x-content-type-options", None)
    return {**said, "body": reply["body"]} if "body" in reply else said


def _without_message(reply: Any) -> Any:
    return {**reply, "body": {**reply["body"], "message": ""}}


@pytest.mark.parametrize("group", GROUPS)
def test_the_server_in_memory_replies_like_the_official_one(group: str, in_memory: Players) -> None:
    """The in-memory server replies like the official server, except to the listed inputs."""
    unlike = _differences(group, in_memory)
    kept = _expected_differences(group)
    assert not {name: replies for name, replies in unlike.items() if name not in kept}
    assert unlike.keys() == kept, "an input is listed that no longer differs"
    for name in kept & OTHER_MESSAGES.keys():
        recorded, said = unlike[name]
        assert _without_message(said) == _without_message(recorded)


@pytest.mark.parametrize("group", GROUPS)
def test_the_development_server_replies_alike(group: str, over_http: Players) -> None:
    """The development server replies like the in-memory server, except to the listed inputs."""
    names = {entry["name"] for entry in load(group)}
    of_pages = {entry["name"] for entry in load(group) if _is_from_a_page(entry)}
    replies = _differences(group, over_http)
    assert all(replies[name][1]["status"] == HTTPStatus.FORBIDDEN for name in of_pages)
    unlike = {
        name
        for name, (recorded, said) in replies.items()
        if _without_nosniff(recorded) != _without_nosniff(said)
    }
    assert unlike == _expected_differences(group) | (names & OTHER_OVER_HTTP.keys()) | of_pages


@pytest.mark.parametrize("group", GROUPS)
def test_the_official_server_still_replies_as_recorded(group: str, official: Players) -> None:
    """The official server still sends the recorded replies."""
    assert not _differences(group, official)


def test_each_listed_difference_has_an_input() -> None:
    """The list of differences names only inputs that exist."""
    names = {entry["name"] for group in GROUPS for entry in load(group)}
    assert (OTHER_MESSAGES.keys() | OTHER_REPLIES.keys() | OTHER_OVER_HTTP.keys()) <= names
    assert OTHER_MESSAGES.keys().isdisjoint(OTHER_REPLIES)
