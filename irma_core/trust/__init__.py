"""Keys and what they prove: signers, JWTs of requests and results, sealed values, credentials."""
