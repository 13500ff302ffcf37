"""OAuth 2.0 access tokens for an API gateway in front of the IRMA server.

A requestor that has a gateway runs each flow through it. No flow and no other settings know of it,
and a requestor without a gateway runs no code of this package.
"""
