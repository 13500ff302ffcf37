"""An in-memory IRMA server and a simulated app. The public names are in `irma_testing`."""
