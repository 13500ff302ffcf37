"""IRMA for the website's side: see `requestor` for where to begin."""
