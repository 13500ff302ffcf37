"""IRMA for Starlette and FastAPI: a login, an age gate and callbacks."""
