"""HTTP messages without I/O: requests to an IRMA server, and its responses.

This package uses `models` and `errors`, but neither keys (`trust`) nor steps (`flows`).
"""
