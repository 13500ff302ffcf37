"""Everything that uses keys: signers, JWTs of requests and results, sealing, authentication."""
