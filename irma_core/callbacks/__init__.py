"""Posts of the IRMA server to the application, each of which is handled once."""
