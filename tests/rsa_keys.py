"""Two RSA keys of 2048 bits for all tests, because making one takes as long as a dozen tests."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["RSA_KEY", "RSA_KEY_2"]

RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_KEY_2 = rsa.generate_private_key(65537, 2048)
