"""IRMA for Flask: a login, an age gate and callbacks."""

from irma_web_flask.extension import Irma
from irma_web_flask.signals import answered, failed, refused, started

__all__ = ["Irma", "answered", "failed", "refused", "started"]
