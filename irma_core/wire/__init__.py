"""Convert between models and JSON, in the form of the IRMA server's API.

Plain functions read and write what every session needs (`read_results`, `write_requests`). cattrs
reads only requests that come from outside: from command lines, request JWTs and handles.
`read_requests` imports cattrs when it reads the first such request.
"""
