"""Sign with a key that a key service holds, outside this process."""

from http import HTTPStatus

import aiohttp

from irma_core.errors import SigningError

_LARGEST = 1024  # an RSA signature of 8192 bits


class RemoteSigner:
    """An `AsyncSigner` that calls a key service. Make it on the event loop, and `aclose` it.

    Args:
        url: The URL of the service, with HTTPS unless it is on this machine.
        token: The token that the service expects.
    """

    algorithm = "RS256"

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=5),
        )

    async def sign(self, signing_input: bytes) -> bytes:
        """Return the signature that the service made.

        Raises:
            SigningError: The service cannot be reached, or refuses.
        """
        try:
            return await self._ask(signing_input)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = type(error).__name__
        # Raised outside `except`: the native error, which shows the URL, must not be its context.
        raise SigningError(f"the key service cannot be reached: {reason}")

    async def _ask(self, signing_input: bytes) -> bytes:
        url = f"{self._url}/sign"
        # The token is for this service alone, so a redirect is not followed.
        async with self._session.post(url, data=signing_input, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK or (response.content_length or 0) > _LARGEST:
                raise SigningError(
                    f"expected a signature from the key service, got HTTP {response.status}"
                )
            return await response.content.readexactly(response.content_length or 0)

    async def aclose(self) -> None:
        """Close the connections to the service."""
        await self._session.close()

    def __repr__(self) -> str:
        return "<RemoteSigner>"
