"""HTTP messages without I/O: requests to an IRMA server, and its responses.

This package uses `models` and `wire`. It imports neither `trust`, which has the keys, nor `flows`,
which decides when to send which request.
"""
