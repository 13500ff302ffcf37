"""A key service: it holds the key, and signs over HTTP for callers that have the token."""

import hmac

from aiohttp import web

from irma_core import RsaSigner

_LARGEST = 1024 * 1024


def key_service(signer: RsaSigner, token: str) -> web.Application:
    """Return the service, which responds to `POST /sign` with the signature of the posted bytes."""

    async def sign(request: web.Request) -> web.Response:
        shown = request.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
            raise web.HTTPUnauthorized
        return web.Response(body=signer.sign(await request.read()))

    service = web.Application(client_max_size=_LARGEST)
    service.router.add_post("/sign", sign)
    return service
