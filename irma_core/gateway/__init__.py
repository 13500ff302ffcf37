"""OAuth 2.0 access tokens for an API gateway in front of the IRMA server.

A requestor that has a gateway runs each flow through it. Flows do not depend on it, and a requestor
without a gateway runs no code of this package.
"""
