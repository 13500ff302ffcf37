"""Make IRMA proofs for tests: issuer keys, schemes, credentials, disclosures and signatures.

    key = MadeIssuerKey.make(1024)
    email = MadeType("test.mail.email", ("address", "domain"))
    scheme = MadeScheme("test", (email,), {"mail": (key,)})
    chance = Chance("an example")
    credential = issue(scheme, "test.mail.email", {"address": "ada@example.com"}, chance,
                       signed_at=1795651200)
    signature = sign_message("I agree.", [Shown(credential, ("address",))], chance,
                             stamper=TimeStamper(), at=1795924800)

Everything is derived from seeds and from primes in this package, so each run makes the same proofs.
For the same reason, **nothing here may issue or sign anything real**: all private keys can be read
or guessed, and the timing of the arithmetic gives secrets away.

Formats and formulas are those of irmago v1.3.0 and gabi, which follow the specification of the
identity mixer library, version 2.3.40. The verifier, `irma_proofs`, shares no code with this
package, so the two do not share mistakes.
"""

from irma_testing.proofs.accumulators import Accumulator, Witness
from irma_testing.proofs.chance import Chance
from irma_testing.proofs.credentials import Credential, encode, issue, metadata
from irma_testing.proofs.issuer_keys import MadeIssuerKey
from irma_testing.proofs.made_scheme import MadeAttribute, MadeScheme, MadeType, sign_index
from irma_testing.proofs.proving import OpenProofs, Shown, disclose
from irma_testing.proofs.signatures import TimeStamper, sign_message

__all__ = [
    "Accumulator",
    "Chance",
    "Credential",
    "MadeAttribute",
    "MadeIssuerKey",
    "MadeScheme",
    "MadeType",
    "OpenProofs",
    "Shown",
    "TimeStamper",
    "Witness",
    "disclose",
    "encode",
    "issue",
    "metadata",
    "sign_index",
    "sign_message",
]
