"""The calls of web pages and the posts of the IRMA server, handled for any web framework."""
