"""Posts from the IRMA server to the application, each handled once."""
