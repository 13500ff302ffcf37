"""`POST session`: the server accepts and refuses the same requests as the official server.

The expected messages are those of irmago v1.3.0, with two differences. They leave out the names of
Go's types. They name unknown identifiers, as the official server does if it can reach the scheme's
URL.
"""

from __future__ import annotations

from irma_testing import (
    EXAMPLE_SCHEME,
    CredentialType,
    InMemoryServer,
    ManualClock,
    Scheme,
    ServerSettings,
    SimulatedApp,
)
from tests.memory_server.calling import (
    AGE,
    FIRSTNAME,
    OVER18,
    Http,
    disclosure,
    issuance,
)

AGE18 = disclosure([[OVER18]])
INVALID = (400, "INVALID_REQUEST")


def test_only_singletons_share_a_conjunction() -> None:
    """A conjunction may contain at most one credential type that is not a singleton."""
    others = (CredentialType("example.town.car", ("plate",)), *EXAMPLE_SCHEME.credential_types)
    server = InMemoryServer(scheme=Scheme(others))
    http = Http(server.url, server.handle)
    assert http.refused(disclosure([[FIRSTNAME, "example.town.car.plate"]])) == (
        *INVALID,
        "Multiple non-singletons within one inner conjunction are not allowed",
    )
    assert http.start(disclosure([[OVER18, "example.town.car.plate"]]))


def test_open_scheme_has_every_type() -> None:
    """An open scheme has every well-formed credential type, and keeps the types it describes."""
    server = InMemoryServer()
    http = Http(server.url, server.handle)
    assert http.start(disclosure([["pbdf.sidn-pbdf.email.email", "pbdf.gemeente.address.city"]]))
    assert http.refused(disclosure([["pbdf.sidn-pbdf.email.e mail"]]))[:2] == INVALID
    assert http.refused(disclosure([["pbdf.sidn-pbdf.e mail.email"]]))[:2] == INVALID
    assert http.refused(disclosure([["example.town.age.over21"]]))[:2] == INVALID


def test_return_url_is_augmented() -> None:
    """If the server and the request allow it, the return URL has the requestor token."""
    server = InMemoryServer(ServerSettings(augment_client_return_url=True))
    http = Http(server.url, server.handle)
    for url, expected in (("https://a.example/", "?token="), ("https://a.example/?b=1", "&token=")):
        request = disclosure([[OVER18]], clientReturnUrl=url, augmentReturnUrl=True)
        package = http.start(request)
        shown = SimulatedApp(server).scan(package["sessionPtr"]).request["clientReturnUrl"]
        assert shown == f"{url}{expected}{package['token']}"
    assert http.refused(disclosure([[OVER18]], augmentReturnUrl=True)) == (
        *INVALID,
        "cannot augment empty client return url",
    )


def test_posts_need_a_key_or_a_permission() -> None:
    """Callbacks and next sessions need a JWT key or `allow_unsigned_callbacks`."""
    server = InMemoryServer(ServerSettings(has_jwt_key=False))
    http = Http(server.url, server.handle)
    refused = http.refused({"request": AGE18, "nextSession": {"url": "https://a.example"}})
    assert refused[:2] == (501, "UNSUPPORTED")
    assert http.start(AGE18)
    lax = InMemoryServer(ServerSettings(has_jwt_key=False, allow_unsigned_callbacks=True))
    assert Http(lax.url, lax.handle).start({"request": AGE18, "callbackUrl": "https://a.example"})


def test_validity_is_rounded_down_to_a_week(
    http: Http, app: SimulatedApp, clock: ManualClock
) -> None:
    """The server rounds a validity down to a week, even if the credential then has expired."""
    seconds = int(clock.now().timestamp())
    for days, expired in ((2, True), (14, False)):
        credential = {**AGE, "validity": seconds + days * 86_400}
        package = http.start(issuance(credential))
        app.accept(package["sessionPtr"])
        result = http.result(package["token"])
        assert (result["status"], result["proofStatus"]) == ("DONE", "VALID")
        held = app.credentials[0]
        assert held.expires_at.timestamp() % (7 * 86_400) == 0
        assert (held.expires_at < clock.now()) is expired
    package = http.start(issuance(AGE))
    shown = app.scan(package["sessionPtr"]).request["credentials"][0]["validity"]
    assert 181 <= (shown - seconds) / 86_400 <= 184
