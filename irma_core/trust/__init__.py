"""Keys, and what they prove: signers, JWTs of requests and results, sealed texts, credentials.

All JOSE is in this room.
"""
