"""Requests, sessions, results and answers as Python objects; `wire` converts them to JSON."""
