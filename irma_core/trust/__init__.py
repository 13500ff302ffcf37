"""Code that uses keys: signers, the JWTs of requests and results, sealing and authentication."""
