"""IRMA for Flask: a login, an age gate and callbacks."""
