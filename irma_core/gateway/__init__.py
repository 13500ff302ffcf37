"""OAuth 2.0 access tokens for an API gateway in front of the IRMA server.

A requestor with a gateway runs each of its flows through this package. The flows do not depend on
the package, and a requestor without a gateway runs none of its code.
"""
