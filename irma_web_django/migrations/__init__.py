"""The migrations, which create the tables of this application."""
