"""`irma-backend doctor`: check the settings, the server and the website, one thing at a time.

`checkup` has the table of checks and runs them. Each check is a function in one of the other
modules. `examination` is what they look at.
"""
