import socket
from collections.abc import Mapping

from irma_core import AsyncSigner, Signer
from irma_core.errors import ConfigurationError, SigningError
from irma_core.interfaces import FactoryContext, Mode, PluginUri, SignerFactory, hookimpl
from irma_transport_aiohttp import in_thread


@hookimpl
def irma_signing_schemes() -> Mapping[str, SignerFactory]:
    return {"ssh-agent": make_signer}


def make_signer(uri: PluginUri, context: FactoryContext) -> Signer | AsyncSigner:
    agent = context.secret("ssh-agent").decode()  # a path, which the URI must not choose
    listed = fields(ask(agent, b"\x0b")[5:])  # key, comment, key, comment, …
    keys = [key for key, name in zip(*[iter(listed)] * 2, strict=True) if name == uri.rest.encode()]
    if len(keys) != 1 or fields(keys[0])[0] != b"ssh-rsa":
        raise ConfigurationError("ssh-agent must have one RSA key with this comment")
    signer = SshAgentSigner(agent, keys[0])
    return signer if context.mode is Mode.SYNC else in_thread(signer)


class SshAgentSigner:
    algorithm = "RS256"

    def __init__(self, agent: str, key: bytes) -> None:
        self._agent, self._key = agent, key

    def sign(self, signing_input: bytes) -> bytes:
        by_sha256 = (2).to_bytes(4)
        answer = ask(self._agent, b"\x0d" + field(self._key) + field(signing_input) + by_sha256)
        if answer[:1] != b"\x0e":
            raise SigningError("ssh-agent refused to sign: check the key with ssh-add -l")
        _algorithm, signature = fields(fields(answer[1:])[0])
        return signature


def ask(agent: str, message: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:  # one per call: safe in threads and forks
        connection.settimeout(30)
        connection.connect(agent)
        connection.sendall(field(message))
        with connection.makefile("rb") as answer:
            return answer.read(int.from_bytes(answer.read(4)))


def field(content: bytes) -> bytes:
    return len(content).to_bytes(4) + content


def fields(content: bytes) -> list[bytes]:
    found: list[bytes] = []
    while content:
        end = 4 + int.from_bytes(content[:4])
        found.append(content[4:end])
        content = content[end:]
    return found
