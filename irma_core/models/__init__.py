"""Requests, sessions, results and answers, without JSON."""
