"""The functions that a web framework calls, with plain requests and responses."""
