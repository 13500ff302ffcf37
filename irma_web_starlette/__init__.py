"""IRMA for Starlette and FastAPI: a login, an age gate and callbacks."""

from irma_web_starlette.router import Irma

__all__ = ["Irma"]
