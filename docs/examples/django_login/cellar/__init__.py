"""A wine shop on Django: visitors log in with an e-mail address, and wine is for adults only."""
