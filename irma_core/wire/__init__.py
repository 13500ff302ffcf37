"""JSON to models, and models to JSON: what the IRMA server's API and session requests say."""
