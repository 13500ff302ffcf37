"""IRMA (Yivi) for Django: log people in, and ask them for proofs.

    INSTALLED_APPS += ["irma_web", "irma_web_django"]

`proved` guards views, and `csp` returns the sources for a content security policy. The rest is in
settings, URLs and templates: see `docs/how-to/django.md`.
"""

from irma_web_django.policies import csp
from irma_web_django.proving import ProvedRequest, proved

__all__ = ["ProvedRequest", "csp", "proved"]
