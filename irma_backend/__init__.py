"""What stands on top of the library and may do I/O: everything below is usable without it."""
