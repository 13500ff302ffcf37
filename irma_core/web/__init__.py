"""Handle calls from web pages and posts from the IRMA server, for any web framework."""
