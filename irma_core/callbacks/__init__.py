"""What the IRMA server posts to the application, and what follows from it, once."""
