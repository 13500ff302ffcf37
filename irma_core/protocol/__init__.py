"""HTTP messages without HTTP: what goes to an IRMA server and what comes back.

Knows `models` and `errors`; knows nothing of keys (`trust`) or of the order of steps (`flows`).
"""
