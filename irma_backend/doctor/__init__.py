"""`irma-backend doctor`: check the settings, the server and the website.

`checkup` has the table of checks and runs them. Each check is a function in one of the other
modules. `examination` has everything that the checks examine.
"""
