"""JSON to models and models to JSON, as in the IRMA server's API.

What every session needs is read and written by plain functions (`read_results`, `write_requests`).
cattrs has its place where requests come from outside: command lines, request JWTs, handles. It is
imported with the first of them, by `read_requests` only.
"""
