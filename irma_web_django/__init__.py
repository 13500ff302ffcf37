"""IRMA for Django: a login, an age gate and callbacks."""
