"""Keys, and what they prove: signers, session request JWTs. All JOSE is in this room."""
