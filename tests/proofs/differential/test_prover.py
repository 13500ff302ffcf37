"""The official verifier accepts the proofs of our prover."""

from tests.proofs.honest import HONEST, honest
from tests.proofs.irmago import Irmago


def test_irmago_accepts_every_honest_proof(irmago: Irmago) -> None:
    """The official verifier reports VALID for each kind of honest proof."""
    proofs = {name: honest(name) for name in HONEST}
    answers = irmago.ask(proof.question() for proof in proofs.values())
    statuses = {name: answer["status"] for name, answer in zip(proofs, answers, strict=True)}
    assert statuses == dict.fromkeys(proofs, "VALID")
